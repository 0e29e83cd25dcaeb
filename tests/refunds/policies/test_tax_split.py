"""Split refunds for the books, and leave empty what is not known."""

from typing import Any

import pytest

from refunds.models import RefundRecord
from refunds.policies.tax_split import TaxSplit, split_of
from tests.refunds.policies.cases import paid, won

UNKNOWN = TaxSplit()
MIXED = ["mixed_tax:danal"]


def split(supply: int, vat: int, tax_free: int, basis: Any = "computed") -> TaxSplit:
    return TaxSplit(won(supply), won(vat), won(tax_free), basis)


@pytest.mark.parametrize(
    ("stated", "parts", "contracts", "expected"),
    [
        ({}, {}, [], split(909, 91, 0)),
        ({}, {"tax_free": 340, "vat_amount": 60}, [], split(600, 60, 340, "stated")),
        ({}, {"tax_free": 340}, MIXED, split(600, 60, 340)),
        ({}, {}, MIXED, UNKNOWN),
        ({"tax_free": won(0)}, {}, MIXED, split(909, 91, 0)),
        ({"tax_free": won(5_000)}, {}, [], UNKNOWN),
        ({"tax_free": won(5_000)}, {"vat_amount": 60}, [], UNKNOWN),
        ({"vat_amount": won(909)}, {}, [], split(909, 91, 0)),
        ({"vat_amount": won(0)}, {}, [], UNKNOWN),
        ({"vat_amount": won(0)}, {"vat_amount": 0}, [], split(1_000, 0, 0, "stated")),
        ({}, {"cancelled_amount": 990}, [], split(900, 90, 0)),
        ({}, {"cancelled_amount": 990, "vat_amount": 60}, [], UNKNOWN),
        ({}, {"reversed_amount": 1_000}, [], UNKNOWN),
        ({"has_promotion": True}, {}, [], UNKNOWN),
        ({"currency": "USD"}, {}, [], UNKNOWN),
    ],
)
def test_parts_are_stated_or_computed_or_not_known(
    stated: dict[str, Any], parts: dict[str, int], contracts: list[str], expected: TaxSplit
) -> None:
    amounts = {"amount": 1_000, "cancelled_amount": 1_000, "reversed_amount": 0, **parts}
    payment = paid("danal", **stated)
    refund = RefundRecord(payment=payment, **{name: won(amount) for name, amount in amounts.items()})

    assert split_of(refund, frozenset(contracts)) == expected
