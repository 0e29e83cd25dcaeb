"""Why a month was not closed. Nothing was written then."""

from datetime import date

from core.sentences import sentence as _
from refunds.errors import RefundError


class MonthNotClosed(RefundError):
    """Base of these errors."""


class MonthNotOver(MonthNotClosed):
    """The month has not ended."""

    code = "month_not_over"

    def __init__(self) -> None:
        super().__init__(_("This month has not ended yet. It can be closed once it is over."))


class MonthAlreadyClosed(MonthNotClosed):
    """It is closed, perhaps by somebody else a moment ago."""

    code = "month_closed"

    def __init__(self) -> None:
        super().__init__(_("This month is already closed."))


class MonthNotNext(MonthNotClosed):
    """An earlier month is still open, or nothing was booked up to this one."""

    code = "month_not_next"

    def __init__(self, first: date | None) -> None:
        self.first = first
        message: str
        if first is None:
            message = _("There is nothing to close: no payment is recorded.")
        else:
            message = _("Months are closed in order. Close %(month)s first.") % {"month": f"{first:%Y-%m}"}
        super().__init__(message)


class MonthDiffers(MonthNotClosed):
    """It was not compared with i'mport after its end, or the comparison found differences that are left."""

    code = "month_differs"

    def __init__(self) -> None:
        message = _(
            "This month differs from i'mport or was not compared with it. Compare and repair it first, or confirm "
            "that you close it anyway."
        )
        super().__init__(message)


class MonthChanged(MonthNotClosed):
    """Something was booked since the totals were shown."""

    code = "month_changed"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            _("Something was booked since you opened this page. Check the new totals, then close the month.")
        )
