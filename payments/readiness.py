"""The check of `/readyz` for i'mport: our keys are set, and were not refused. An outage of i'mport does not count."""

from django.conf import settings

from monitoring.readiness import NotReady, register_check
from payments.gateway import keys_are_refused


def check_gateway() -> None:
    """Check without a call to i'mport whether refunds can be sent. Raises `NotReady`."""
    if not settings.IAMPORT_IMP_KEY or not settings.IAMPORT_IMP_SECRET:
        raise NotReady("missing", "IAMPORT_IMP_KEY or IAMPORT_IMP_SECRET is not set")
    if keys_are_refused():
        raise NotReady("refused", "i'mport refused IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET")


register_check("gateway", check_gateway)
