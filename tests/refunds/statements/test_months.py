"""Closed months against naive sums: every movement in exactly one, won by won."""

from __future__ import annotations

import pytest

from chaos.months import Model

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_months_equal_naive_sums_and_never_change(seed: int) -> None:
    Model(refunds=360, seed=seed).run()
