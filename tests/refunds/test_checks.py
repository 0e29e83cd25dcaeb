"""`manage.py check` warns of settings with which a record can have a wrong status."""

from django.core.checks import run_checks
from pytest_django import Settings


def test_lease_shorter_than_a_call_gives_a_warning(settings: Settings) -> None:
    settings.IAMPORT_CONNECT_TIMEOUT, settings.IAMPORT_READ_TIMEOUT = 5, 30
    settings.REFUND_LEASE_SECONDS = 100
    assert "refunds.W001" in [message.id for message in run_checks()]
    settings.REFUND_LEASE_SECONDS = 101
    assert "refunds.W001" not in [message.id for message in run_checks()]
