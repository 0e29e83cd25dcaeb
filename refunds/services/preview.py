"""Check a refund before it is requested: problems, warnings, and what a form has to ask for."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from payments.gateway import Gateway
from payments.models import Payment
from refunds import policies
from refunds.errors import ApprovalWaiting, RefundInProgress, Violation
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundApproval
from refunds.permissions import acts_for_shop, is_buyer
from refunds.policies import RefundContext, Requirements
from refunds.services.account_holder import holder_warnings
from refunds.services.approval_limits import ApprovalNeed, approval_need
from refunds.services.context import balance_of, context_of, earlier_of
from refunds.services.reasons import choose_reason


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """The expected result of a refund before anything is sent. `amount` in major units of the payment's currency."""

    payment: Payment
    amount: Decimal
    received: Decimal | None  # by the buyer, as far as it is known: a promotion can make it less
    problems: tuple[Violation, ...]  # the refund would be rejected for these
    warnings: tuple[Violation, ...]  # worth knowing before it is confirmed
    requirements: Requirements
    approval: ApprovalNeed | None = None  # a second person would have to approve it; also among the warnings


def preview_refund(
    *,
    payment: Payment,
    request: RefundRequest,
    user: User | None = None,
    operator: str = "",
    gateway: Gateway | None = None,
    ask_bank: bool = True,
) -> RefundPreview:
    """Check whether this refund would be rejected here, why, and what to know before. Moves no money.

    `user` is who would request it; without one, the `operator` of that name at the command line. Reads i'mport only
    for PAYCO's balance and for the holder's name of the refund account, the latter only with `ask_bank` and for
    seconds at most.
    """
    actor = Actor(name=user.get_username() if user else operator, user=user)
    context = context_of(payment, request, balance_of(payment, gateway), by_shop=acts_for_shop(actor))
    verdict = policies.check(context)
    problems = verdict.violations + choose_reason(request=request, payment=payment, user=user).problems
    problems = (*_in_the_way(payment, actor), *problems)
    need = None
    if not any(problem.field in ("", "amount") for problem in problems):
        need = approval_need(payment=payment, amount=context.amount, actor=actor, now=context.now)
    warnings = verdict.warnings + ((need.note,) if need else ())
    return RefundPreview(
        payment=payment,
        amount=context.amount,
        received=policies.received(context),
        problems=problems,
        warnings=warnings + (_about_account(context, gateway) if ask_bank and not problems else ()),
        requirements=requirements_of(payment),
        approval=need,
    )


def _in_the_way(payment: Payment, actor: Actor) -> tuple[Violation, ...]:
    """Return the open refund, or the request for approval, that has to end before another refund."""
    if payment.refunds.live().exists():
        busy = RefundInProgress()
        return (Violation(busy.code, busy.message),)
    waiting = None if is_buyer(actor.user) else RefundApproval.objects.waiting().filter(payment=payment).first()
    return (Violation(ApprovalWaiting.code, ApprovalWaiting(waiting).message),) if waiting else ()


def _about_account(context: RefundContext, gateway: Gateway | None) -> tuple[Violation, ...]:
    return holder_warnings(policies.wire_account(context), names_holder=context.by_shop, gateway=gateway)


def why_impossible(payment: Payment) -> Violation | None:
    """Return the rule that no input of its buyer would satisfy, so that they can refund nothing of it; else None."""
    violations = policies.check(context_of(payment, RefundRequest(), by_shop=False)).violations
    return violations[0] if violations and not violations[0].field else None


def requirements_of(payment: Payment) -> Requirements:
    """Return what a form has to ask for to refund this payment, and what the refund costs the merchant."""
    return policies.requirements(
        payment, timezone.now(), settings.IAMPORT_CONTRACTS, settings.VBANK_REFUND_FEE, earlier_of(payment)
    )
