"""Why a refund was not made, or not yet. Each class has a stable `code`, a sentence for people and `retryable`.

DomainError (payments.errors)
 └── RefundError
      ├── InvalidRequest        invalid_*               the input itself is wrong; names the field
      ├── InvalidQuery          unknown_parameter, …    a list was asked for wrongly; names every parameter
      ├── PolicyViolated        the first rule's code   a rule forbids it; lists every violation
      ├── RefundNotAllowed      permission_denied       this user may not refund this payment
      ├── RefundInProgress      refund_in_progress      another refund of this payment is still open
      ├── IdempotencyConflict   idempotency_key_reused  same key, other request
      └── RefundNotDone         has the record in `refund`
           ├── RefundRefused        refused_by_gateway      i'mport said no, with its message
           ├── RefundNotSent        gateway_unavailable     i'mport was not reached; nothing happened
           ├── RefundAbandoned      refund_not_carried_out  checked later: it never happened; ask again
           └── RefundOutcomeUnknown outcome_unknown         asked, no answer; it is being checked
"""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from payments.errors import DomainError

if TYPE_CHECKING:
    from refunds.models import RefundRecord
    from refunds.policies import Violation


class RefundError(DomainError):
    """Base of all refund errors. Unless a subclass says otherwise, no money moved and nothing was sent."""

    code = "refund_error"


class InvalidRequest(RefundError):
    """The input itself is wrong. `field` names the offending input, `code` says how."""

    def __init__(self, code: str, message: str, *, field: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class serves every malformed input
        self.field = field


class InvalidQuery(RefundError):
    """What a list was asked for cannot be read. `code` is the first violation's, each names its parameter."""

    def __init__(self, violations: "tuple[Violation, ...]") -> None:
        super().__init__(" ".join(violation.message for violation in violations))
        self.code = violations[0].code  # type: ignore[misc]  # one class serves every bad parameter
        self.violations = violations


class PolicyViolated(RefundError):
    """A rule of the shop, the payment method or the PG forbids it. `code` is the first violation's."""

    def __init__(self, violations: "tuple[Violation, ...]") -> None:
        super().__init__(" ".join(violation.message for violation in violations))
        self.code = violations[0].code  # type: ignore[misc]  # the rule's own code
        self.violations = violations


class RefundNotAllowed(RefundError):
    """This user may not refund this payment."""

    code = "permission_denied"

    def __init__(self) -> None:
        super().__init__(_("You are not allowed to refund payments. Ask an administrator for the permission."))


class RefundInProgress(RefundError):
    """Another refund of this payment is still open; only one at a time."""

    code = "refund_in_progress"
    retryable = True

    def __init__(self) -> None:
        super().__init__(_("A refund of this order is in progress. Wait for its result, then ask again."))


class IdempotencyConflict(RefundError):
    """The idempotency key was used before with another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(_("This Idempotency-Key was used for another request. Use a new key for a new refund."))


class ResolutionRefused(RefundError):
    """An open refund cannot be closed by hand, or not yet; the message says why."""

    code = "resolution_refused"


class RefundNotDone(RefundError):
    """A refund was recorded but is not (known to be) done. `refund` is its record."""

    def __init__(self, message: str, refund: "RefundRecord") -> None:
        super().__init__(message)
        self.refund = refund


class RefundRefused(RefundNotDone):
    """i'mport refused; no money moved by this request. The ledger was compared with i'mport's afterwards."""

    code = "refused_by_gateway"


class RefundNotSent(RefundNotDone):
    """i'mport could not be reached; nothing was sent, nothing happened."""

    code = "gateway_unavailable"
    retryable = True


class RefundAbandoned(RefundNotDone):
    """The answer never came, and reading i'mport showed later that the refund was not carried out."""

    code = "refund_not_carried_out"
    retryable = True


class RefundOutcomeUnknown(RefundNotDone):
    """The request was sent and no answer came: the money may have moved. It is checked, never re-sent."""

    code = "outcome_unknown"
