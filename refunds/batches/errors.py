"""Why a bulk refund was not paused, resumed or stopped. Nothing was changed then.

RefundError (refunds.errors)
 └── BatchError
      └── BatchStateError        batch_state              it is not in the state for this, or not any more
"""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from refunds.errors import RefundError

if TYPE_CHECKING:
    from refunds.models import RefundBatch


class BatchError(RefundError):
    """Base of all errors of a bulk refund as a whole."""

    code = "batch_error"


class BatchStateError(BatchError):
    """The batch is not in the state for this, or not any more: somebody else may have been first."""

    code = "batch_state"

    def __init__(self, batch: "RefundBatch") -> None:
        message = _("This bulk refund has changed in the meantime. Its state is now: %(state)s.")
        super().__init__(message % {"state": batch.get_status_display()})
