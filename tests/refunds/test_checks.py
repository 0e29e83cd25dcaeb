"""`manage.py check` warns of settings with which a record can have a wrong status."""

from django.core.checks import run_checks
from pytest_django import Settings

from refunds.lease import longest_call


def test_default_lease_outlives_a_call(settings: Settings) -> None:
    assert longest_call() < settings.REFUND_LEASE_SECONDS


def test_lease_shorter_than_a_call_gives_a_warning(settings: Settings) -> None:
    settings.IAMPORT_CONNECT_TIMEOUT, settings.IAMPORT_READ_TIMEOUT = 5, 30
    settings.REFUND_LEASE_SECONDS = 105
    assert "refunds.W001" in [message.id for message in run_checks()]
    settings.REFUND_LEASE_SECONDS = 106
    assert "refunds.W001" not in [message.id for message in run_checks()]
