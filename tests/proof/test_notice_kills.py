"""The mail server fails half the time and workers are killed: each buyer is told, and never before the settlement."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from chaos.mails import mail_environment
from tests.proof.notice_storm import storm
from tests.proof.own_postgres import free_port

SETTLEMENTS = 100


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_each_buyer_is_told_at_least_once_and_never_too_early(
    child_environment: Callable[..., dict[str, str]], settings: Settings
) -> None:
    settings.SENDS_MAIL = True
    port = free_port()
    environment = child_environment(DEBUG="true", LOG_LEVEL="ERROR", **mail_environment(port))
    finding, server = storm(environment, port=port, settlements=SETTLEMENTS, seed=1)
    assert finding.is_good, finding
    assert server.refused > SETTLEMENTS // 4
