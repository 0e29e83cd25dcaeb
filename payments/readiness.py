"""What `/readyz` says of i'mport: whether our keys are set, and were not refused. i'mport being down is no matter."""

from django.conf import settings

from monitoring.readiness import NotReady, register_check
from payments.gateway import keys_are_refused


def check_gateway() -> None:
    """Returns if refunds can be asked for, as far as is known without asking i'mport. Raises `NotReady`."""
    if not settings.IAMPORT_IMP_KEY or not settings.IAMPORT_IMP_SECRET:
        raise NotReady("missing", "IAMPORT_IMP_KEY or IAMPORT_IMP_SECRET is not set")
    if keys_are_refused():
        raise NotReady("refused", "i'mport refused IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET")


register_check("gateway", check_gateway)
