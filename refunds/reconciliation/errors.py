"""Why no refund was reversed.

ReversalRefused
 ├── NothingTakenBack     nothing_taken_back   i'mport shows as much refunded as the ledger
 ├── ReversalChanged      reversal_changed     i'mport shows another difference than was confirmed
 └── ReversalNotRead      gateway_unavailable  i'mport cannot be read
"""

from django.utils.translation import gettext as _

from refunds.errors import RefundError


class ReversalRefused(RefundError):
    """No refund was reversed."""


class NothingTakenBack(ReversalRefused):
    """i'mport does not show less refunded than the ledger, or a reversal was accepted already."""

    code = "nothing_taken_back"

    def __init__(self) -> None:
        super().__init__(_("i'mport does not show less refunded than is recorded here. There is nothing to accept."))


class ReversalChanged(ReversalRefused):
    """i'mport shows another difference than the one that was confirmed."""

    code = "reversal_changed"

    def __init__(self) -> None:
        super().__init__(_("i'mport shows other amounts now. Nothing was recorded; check them and accept again."))


class ReversalNotRead(ReversalRefused):
    """i'mport could not be read, so nothing was recorded."""

    code = "gateway_unavailable"
    retryable = True

    def __init__(self, error: str) -> None:
        message = _("i'mport cannot be read right now, so nothing was recorded: %(error)s")
        super().__init__(message % {"error": error})
