"""Why a bulk refund was not made, checked, started, paused, resumed or stopped. Nothing was changed then.

RefundError (refunds.errors)
 └── BatchError
      ├── BatchExistsError       batch_exists             the same form or file was sent before; has that batch
      ├── TooManyRows            too_many_rows
      ├── BatchEmpty             batch_empty              no order in it, or none that can be refunded
      ├── BatchStateError        batch_state              it is not in the state for this, or not any more
      ├── TotalDiffers           total_differs            the typed total is not what would be refunded
      ├── WarningsNotAccepted    warnings_not_accepted    has the codes
      ├── BatchHasProblems       batch_has_problems       all or nothing was asked for
      ├── BatchReasonRequired    reason_code_required     orders without a reason of the list, and each needs one
      └── SecondFactorRefused    second_factor_required, wrong_code, too_many_codes
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from refunds.errors import RefundError

if TYPE_CHECKING:
    from refunds.models import RefundBatch


class BatchError(RefundError):
    """Base of all errors of a bulk refund as a whole."""

    code = "batch_error"


class BatchExistsError(BatchError):
    """The same form or the same file made a batch before, which is in `batch`."""

    code = "batch_exists"

    def __init__(self, batch: "RefundBatch") -> None:
        super().__init__(_("This was already sent. Nothing was created again; below is its bulk refund."))
        self.batch = batch


class TooManyRows(BatchError):
    """More orders than one batch takes."""

    code = "too_many_rows"

    def __init__(self, most: int) -> None:
        message = _("More than %(most)s orders. Split them into several bulk refunds.")
        super().__init__(message % {"most": f"{most:,}"})


class BatchEmpty(BatchError):
    """There is no order, or none that can be refunded."""

    code = "batch_empty"

    def __init__(self) -> None:
        super().__init__(_("No order to refund."))


class BatchStateError(BatchError):
    """The batch is not in the state for this, or not any more: somebody else may have been first."""

    code = "batch_state"

    def __init__(self, batch: "RefundBatch") -> None:
        message = _("This bulk refund has changed in the meantime. Its state is now: %(state)s.")
        super().__init__(message % {"state": batch.get_status_display()})


class TotalDiffers(BatchError):
    """The typed total is not the sum to be refunded."""

    code = "total_differs"

    def __init__(self) -> None:
        super().__init__(_("The typed total differs from the amount to refund. Nothing was started; check the total."))


class WarningsNotAccepted(BatchError):
    """Some warnings were neither accepted nor their orders left out."""

    code = "warnings_not_accepted"

    def __init__(self, codes: Collection[str]) -> None:
        message = _("Accept each warning, or leave out its orders. Nothing was started.")
        super().__init__(message)
        self.codes = frozenset(codes)


class BatchHasProblems(BatchError):
    """All or nothing was asked for, and some orders cannot be refunded."""

    code = "batch_has_problems"

    def __init__(self, count: int) -> None:
        message = ngettext(
            "%(count)s order has a problem, and you asked for all or nothing. Nothing was started.",
            "%(count)s orders have a problem, and you asked for all or nothing. Nothing was started.",
            count,
        )
        super().__init__(message % {"count": count})


class BatchReasonRequired(BatchError):
    """Orders have no reason of the list, and the shop requires one."""

    code = "reason_code_required"


class SecondFactorRefused(BatchError):
    """The batch is so large that its start needs a fresh code, and none or a wrong one was given.

    `was_tried` means that a code was compared, so it counts as a failed login.
    """

    def __init__(self, code: str, message: str, *, was_tried: bool) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # the second factor's own code
        self.was_tried = was_tried
