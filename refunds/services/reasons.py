"""Choose the reason of a refund from the shop's list, and freeze it. Checked in the reservation: for every entry point.

A reason that was frozen earlier (in a bulk refund, in a request for approval) is taken as it is: that it was changed or
deleted meanwhile does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.conf import settings
from django.contrib.auth.models import User

from core.sentences import sentence as _
from payments.models import Payment
from refunds.errors import Violation
from refunds.inputs import RefundRequest
from refunds.models import FrozenReason, RefundReason
from refunds.permissions import is_buyer

Reasons = Mapping[str, RefundReason]
REQUIRED, UNKNOWN, UNEXPLAINED = CODES = "reason_code_required", "invalid_reason_code", "reason_note_required"


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen reason, if there is one, and what is wrong with the choice."""

    reason: FrozenReason | None = None
    problems: tuple[Violation, ...] = ()


def reasons_in_use() -> Reasons:
    """Return the reasons that can be chosen, by their codes, in the shop's order."""
    return {reason.code: reason for reason in RefundReason.objects.filter(is_active=True)}


def choose_reason(*, request: RefundRequest, payment: Payment, user: User | None) -> Choice:
    """Return the reason that the request names, or what is wrong with it.

    `user` is who requests the refund; None: the command line.
    """
    if request.frozen_reason is not None:
        return Choice(request.frozen_reason)
    if not request.reason_code:
        return Choice(problems=(missing_reason(),) if _must_choose(payment, user) else ())
    return find_reason(code=request.reason_code, text=request.reason, reasons=reasons_in_use())


def find_reason(*, code: str, text: str, reasons: Reasons) -> Choice:
    """Return the reason with this code, or what is wrong with it. `text` is the free text beside it."""
    if not code:
        return Choice()
    reason = reasons.get(code)
    if reason is None:
        return Choice(problems=(_unknown(code, reasons),))
    if reason.needs_note and not text.strip():
        return Choice(reason.frozen, (_unexplained(reason.frozen),))
    return Choice(reason.frozen)


def code_meant(text: str, reasons: Reasons) -> str:
    """Return the code of the reason that people mean who type its code or one of its names; else what they typed."""
    typed = " ".join(text.split()).casefold()
    for code, reason in reasons.items():
        if typed in (code, reason.name_ko.casefold(), reason.name_en.casefold()):
            return code
    return text


def with_reason(request: RefundRequest, reason: FrozenReason | None) -> RefundRequest:
    """Return the request with a reason that was frozen earlier."""
    return replace(request, reason_code=reason.code if reason else "", frozen_reason=reason)


def _must_choose(payment: Payment, user: User | None) -> bool:
    """Return whether REFUND_REASON_REQUIRED applies: not to people who refund their own order."""
    if not settings.REFUND_REASON_REQUIRED or is_buyer(user):
        return False
    return user is None or payment.user_id != user.pk


def missing_reason() -> Violation:
    """Return the problem of a refund that needs a reason of the list and has none."""
    return Violation(REQUIRED, _("Choose a reason for the refund."), "reason_code")


def _unknown(code: str, reasons: Reasons) -> Violation:
    if not reasons:
        message = _("“%(code)s” is not a reason in use, and no reason is. Ask an administrator to add reasons.")
        return Violation(UNKNOWN, message % {"code": code}, "reason_code")
    message = _("“%(code)s” is not a reason in use. Use one of: %(codes)s.")
    return Violation(UNKNOWN, message % {"code": code, "codes": ", ".join(reasons)}, "reason_code")


def _unexplained(reason: FrozenReason) -> Violation:
    message = _("The reason “%(name)s” needs an explanation: fill in the text as well.")
    return Violation(UNEXPLAINED, message % {"name": reason.name}, "reason")
