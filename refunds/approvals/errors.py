"""Why a decision was refused. Nothing was changed then.

RefundError (refunds.errors)
 └── DecisionRefused
      ├── NotAnApprover      approval_not_allowed  no permission, or no longer
      ├── OwnRequest         own_request           the requester cannot decide it
      ├── NotTheRequester    not_the_requester     only the requester withdraws it
      ├── ApprovalChanged    approval_changed      something is new since the page was shown; look again
      └── NoteRequired       note_required         a rejection says why
"""

from core.sentences import sentence as _
from refunds.errors import RefundError


class DecisionRefused(RefundError):
    """Base of these errors."""

    code = "decision_refused"


class NotAnApprover(DecisionRefused):
    """This user may not decide requests of others."""

    code = "approval_not_allowed"

    def __init__(self) -> None:
        super().__init__(_("You are not allowed to approve refunds. Ask an administrator for the permission."))


class OwnRequest(DecisionRefused):
    """The requester and the approver are the same person."""

    code = "own_request"

    def __init__(self) -> None:
        super().__init__(_("You requested this refund. Somebody else has to approve or reject it."))


class NotTheRequester(DecisionRefused):
    """Others reject a request; only its requester withdraws it."""

    code = "not_the_requester"

    def __init__(self) -> None:
        super().__init__(_("Only the requester can withdraw this request."))


class ApprovalChanged(DecisionRefused):
    """What the approver has seen is not all that there is to know now."""

    code = "approval_changed"

    def __init__(self) -> None:
        super().__init__(_("There is something new about this refund. Nothing was sent; read it, then decide again."))


class NoteRequired(DecisionRefused):
    """A rejection needs a note: the requester has to know why."""

    code = "note_required"

    def __init__(self) -> None:
        super().__init__(_("Write why you reject it. The requester reads it."))
