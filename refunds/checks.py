"""System checks of the refund settings."""

from typing import Any

from django.conf import settings
from django.core import checks

from refunds.lease import longest_call


@checks.register
def lease_outlives_a_call(**_options: Any) -> list[checks.CheckMessage]:
    """Warn if the lease of a refund can expire while its call to i'mport is still running.

    The amounts stay correct even then (reconciliation books a late cancel), but the record says "failed".
    """
    longest = longest_call()
    if longest < settings.REFUND_LEASE_SECONDS:
        return []
    return [
        checks.Warning(
            f"REFUND_LEASE_SECONDS={settings.REFUND_LEASE_SECONDS:g} is shorter than the longest call to i'mport.",
            hint=f"Set more than {longest:g}, or shorten IAMPORT_CONNECT_TIMEOUT and IAMPORT_READ_TIMEOUT.",
            id="refunds.W001",
        )
    ]
