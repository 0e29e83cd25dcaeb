"""Why a refund was not made, or not yet. Each class has a stable `code`, a sentence for people and `retryable`.

DomainError (core.errors)
 └── RefundError
      ├── InvalidRequest        invalid_*               the input itself is wrong; names the field
      ├── InvalidQuery          unknown_parameter, …    the query of a list is wrong; names every parameter
      ├── PolicyViolated        the first rule's code   a rule forbids it; lists every violation
      ├── ApprovalPending       has the request in `approval`
      │    ├── AwaitingApproval     awaiting_approval   above a limit: a second person decides; it is committed
      │    ├── ApprovalWaiting      approval_waiting    another request of this payment is waiting
      │    └── ApprovalEnded        approval_rejected, approval_expired, approval_withdrawn; approval_approved
      ├── ConfirmationRequired  confirmation_required   money may reach a stranger; lists the warnings to confirm
      ├── RefundNotAllowed      permission_denied       this user may not refund this payment
      ├── TokenRefused          (refunds.token_errors)  not within what the API token may do
      ├── Busy                  busy                    too many calls to i'mport, or too many open refunds of a buyer
      ├── TooManyFailed         too_many_failed         this buyer may not request this order again today
      ├── RefundNotFound        refund_not_found        unknown here, or somebody else's
      ├── ApprovalNotFound      approval_not_found      unknown here, or somebody else's
      ├── RefundInProgress      refund_in_progress      another refund of this payment is still open
      ├── IdempotencyConflict   idempotency_key_reused  same key, other request
      ├── ReversalRefused       (refunds.reconciliation.errors) no refund was reversed
      ├── NotLateYet            not_late_yet            its money cannot be missing, or not yet
      ├── AccountNotKept        account_not_kept        the bank account is no longer stored, or never was
      ├── AccountUnreadable     account_unreadable      no key decrypts it
      └── RefundNotDone         has the record in `refund`
           ├── RefundRefused        refused_by_gateway      i'mport refused, with its message
           ├── RefundNotSent        gateway_unavailable     i'mport was not reached; nothing happened
           ├── RefundAbandoned      refund_not_carried_out  checked later: it was not executed; request it again
           └── RefundOutcomeUnknown outcome_unknown         sent, no answer; it is being checked
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import DomainError
from core.sentences import joined
from core.sentences import sentence as _

if TYPE_CHECKING:
    from refunds.models import RefundApproval, RefundRecord


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that forbids the refund or, as a warning, something to know before requesting it.

    `code` is stable, `message` a sentence in the language that was active when the rule was checked. `field` is the
    attribute of `RefundRequest` to correct, or "" when no input would help.
    """

    code: str
    message: str
    field: str = ""


class RefundError(DomainError):
    """Base of all refund errors. Unless a subclass says otherwise, no money moved and nothing was sent."""

    code = "refund_error"


class InvalidRequest(RefundError):
    """The input itself is wrong. `field` names the offending input, `code` says how."""

    def __init__(self, code: str, message: str, *, field: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class serves every malformed input
        self.violations = (Violation(code, message, field),)


class InvalidQuery(RefundError):
    """The query parameters of a list are wrong. `code` is the first violation's; each names its parameter."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__(joined(*(violation.message for violation in violations)))
        self.code = violations[0].code  # type: ignore[misc]  # one class serves every bad parameter
        self.violations = violations


class PolicyViolated(RefundError):
    """A rule of the shop, the payment method or the PG forbids it. `code` is the first violation's."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__(joined(*(violation.message for violation in violations)))
        self.code = violations[0].code  # type: ignore[misc]  # the rule's own code
        self.violations = violations


class ApprovalPending(RefundError):
    """Nothing was sent; `approval` is the request that a second person decides, or has decided."""

    def __init__(self, message: str, approval: "RefundApproval") -> None:
        super().__init__(message)
        self.approval = approval


class AwaitingApproval(ApprovalPending):
    """The refund is above a limit. Its request is committed; `is_new` tells whether just now."""

    code = "awaiting_approval"

    def __init__(self, approval: "RefundApproval", *, is_new: bool) -> None:
        message = _("A second person has to approve this refund (%(number)s). Nothing was sent yet.")
        super().__init__(message % {"number": approval.number}, approval)
        self.is_new = is_new


class ApprovalWaiting(ApprovalPending):
    """Another refund of this payment waits for approval; only one at a time."""

    code = "approval_waiting"

    def __init__(self, approval: "RefundApproval") -> None:
        message = _("A refund of this order is waiting for approval (%(number)s). Have it decided or withdrawn first.")
        super().__init__(message % {"number": approval.number}, approval)


class ApprovalEnded(ApprovalPending):
    """The request has ended, and mostly without a refund. `code` says how."""

    def __init__(self, approval: "RefundApproval") -> None:
        self.code = f"approval_{approval.status}"  # type: ignore[misc]  # one class serves every end
        if approval.closed_code:
            message = _("Approval %(number)s has ended: %(reason)s Nothing was sent; request the refund again.")
            words = {"number": approval.number, "reason": approval.get_closed_code_display()}
        elif approval.status == "approved":
            message = _("%(name)s has already approved this refund (%(number)s).")
            words = {"number": approval.number, "name": approval.decided_by_name}
        else:
            message = _("%(name)s rejected this refund (%(number)s). Nothing was sent.")
            words = {"number": approval.number, "name": approval.decided_by_name}
        super().__init__(message % words, approval)


class ConfirmationRequired(RefundError):
    """Money may reach a stranger: the request has to be repeated with the codes of the `warnings` in `confirm`."""

    code = "confirmation_required"

    def __init__(self, warnings: tuple[Violation, ...]) -> None:
        super().__init__(joined(*(warning.message for warning in warnings)))
        self.warnings = warnings


class RefundNotAllowed(RefundError):
    """This user may not refund this payment."""

    code = "permission_denied"

    def __init__(self) -> None:
        super().__init__(_("You are not allowed to refund payments. Ask an administrator for the permission."))


class TooManyFailed(RefundError):
    """Too many refunds of the payment failed within a day: its buyer may not try again yet."""

    code = "too_many_failed"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Refunds of this order failed too many times in the last 24 hours. Nothing was sent. Please "
                "contact the shop."
            )
        )


class Busy(RefundError):
    """Too many calls wait for i'mport, or this buyer has too many open refunds. Nothing was recorded."""

    code = "busy"
    retryable = True


class RefundNotFound(RefundError):
    """No refund of that number is known here (or it belongs to someone else)."""

    code = "refund_not_found"

    def __init__(self, number: str) -> None:
        super().__init__(_("Refund “%(number)s” was not found. Check the number.") % {"number": number[:60]})


class ApprovalNotFound(RefundError):
    """No request for approval of that number is known here (or it is somebody else's)."""

    code = "approval_not_found"

    def __init__(self, number: str) -> None:
        super().__init__(_("Approval “%(number)s” was not found. Check the number.") % {"number": number[:60]})


class RefundInProgress(RefundError):
    """Another refund of this payment is still open; only one at a time."""

    code = "refund_in_progress"
    retryable = True

    def __init__(self) -> None:
        super().__init__(_("A refund of this order is in progress. Wait for its result, then try again."))


class IdempotencyConflict(RefundError):
    """The idempotency key was used before with another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(_("This Idempotency-Key was used for another request. Use a new key for a new refund."))


class ResolutionRefused(RefundError):
    """An open refund cannot be closed by hand, or not yet; the message says why."""

    code = "resolution_refused"


class NotLateYet(RefundError):
    """The money of this refund cannot be missing, or not yet; the message says why."""

    code = "not_late_yet"


class AccountNotKept(RefundError):
    """The account that a refund went to is not stored (any more); the message says since when."""

    code = "account_not_kept"


class AccountUnreadable(RefundError):
    """The account that a refund went to is stored, but no key decrypts it."""

    code = "account_unreadable"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The account is stored but cannot be decrypted: its key is missing. Ask the server "
                "administrator to restore the key in ENCRYPTION_KEYS."
            )
        )


class RefundNotDone(RefundError):
    """A refund was recorded but is not (known to be) done. `refund` is its record."""

    def __init__(self, message: str, refund: "RefundRecord") -> None:
        super().__init__(message)
        self.refund = refund


class RefundRefused(RefundNotDone):
    """i'mport refused; no money moved by this request. The ledger was compared with i'mport afterwards."""

    code = "refused_by_gateway"

    @property
    def refusal(self) -> "RefundRecord":
        """Return the record, which says what the refusal means."""
        return self.refund


class RefundNotSent(RefundNotDone):
    """i'mport could not be reached; nothing was sent, nothing happened."""

    code = "gateway_unavailable"
    retryable = True


class RefundAbandoned(RefundNotDone):
    """The answer never came, and reading i'mport showed later that the refund was not executed."""

    code = "refund_not_carried_out"
    retryable = True


class RefundOutcomeUnknown(RefundNotDone):
    """The request was sent and no answer came: the money may have moved. It is checked, never re-sent."""

    code = "outcome_unknown"
