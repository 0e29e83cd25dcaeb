"""What an approver is shown: what would be sent now, and all that speaks against it.

What was requested cannot change: the database keeps it. So `seen` records what else the page showed, and a decision
with it is refused once there is something new.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core import signing
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from core.errors import DomainError
from core.sentences import said_again
from payments.gateway import Balance, Gateway
from payments.models import Payment
from payments.search_keys import part_key, tel_key
from refunds import policies
from refunds.batches.preview import preview_of, ready_items
from refunds.batches.start import start_problems
from refunds.errors import RefundInProgress, Violation
from refunds.models import ClosedCode, RefundApproval, RefundBatch, RefundRecord
from refunds.permissions import may_refund_any
from refunds.policies import RefundContext, WireAccount
from refunds.services.account_holder import holder_warnings
from refunds.services.approval_requests import request_of
from refunds.services.context import balance_of, context_of

ORDERS_CHANGED = "orders_changed"
MOST_EARLIER = 20
SHORTEST_TEL = 8  # digits; fewer are nobody's own number
_SALT = "refunds.approvals.seen"


@dataclass(frozen=True, slots=True)
class CurrentView:
    """A request as it stands now. `seen` goes through the page's form to `approve`.

    `problems`: it cannot be approved for these. `warnings`: worth knowing before it is sent, with the bank's word about
    the account. `account` has the holder and bank; its full number is not for every page. `earlier` are the latest
    refunds of this payment and of its buyer.
    """

    approval: RefundApproval
    problems: tuple[Violation, ...]
    warnings: tuple[Violation, ...]
    account: WireAccount
    balance: Balance | None  # PAYCO's, as it was just read
    received: Decimal | None  # by the buyer, as far as it is known
    earlier: tuple[RefundRecord, ...]
    seen: str


def current_view(approval: RefundApproval, *, gateway: Gateway | None = None) -> CurrentView:
    """Return what would be sent now. Reads i'mport for PAYCO's balance and the holder of the account."""
    gone = requester_problems(approval, timezone.now())
    if approval.batch is not None:
        problems, warnings = batch_findings(approval.batch)
        seen = _written(approval, warnings)
        return CurrentView(approval, gone + problems, warnings, WireAccount(), None, None, (), seen)
    payment = _payment_of(approval)
    earlier = tuple(earlier_refunds(payment))
    try:
        context = frozen_context(approval, payment, balance_of(payment, gateway))
    except DomainError as exc:  # its account cannot be read
        problem = Violation(exc.code, exc.message, "refund_account")
        return CurrentView(approval, (*gone, problem), (), WireAccount(), None, None, earlier, "")
    verdict = policies.check(context)
    problems = verdict.violations
    if payment.refunds.live().exists():
        busy = RefundInProgress()
        problems = (Violation(busy.code, busy.message), *problems)
    account = policies.wire_account(context)
    warnings = verdict.warnings + holder_warnings(account, names_holder=True, gateway=gateway)
    received = policies.received(context)
    seen = _written(approval, warnings)
    return CurrentView(approval, gone + problems, warnings, account, context.balance, received, earlier, seen)


def requester_problems(approval: RefundApproval, now: datetime) -> tuple[Violation, ...]:
    """Return what the requester lacks to refund now: the account, or the token that was used. An operator lacks none.

    A refund is sent in the requester's name, so it is not sent for somebody who may no longer ask for it.
    """
    requester, token = approval.requested_by, approval.api_token
    if requester is not None and not may_refund_any(requester):
        message = _(
            "%(who)s is no longer allowed to refund, so this request cannot be approved. Reject it; a colleague can "
            "then ask for the refund again."
        )
        return (Violation(ClosedCode.REQUESTER_GONE, message % {"who": approval.requested_by_name}),)
    if token is not None and not token.is_usable(now):
        message = _(
            "The API token “%(token)s” is no longer valid, so this request cannot be approved. Reject it; the refund "
            "can then be asked for again."
        )
        return (Violation(ClosedCode.REQUESTER_GONE, message % {"token": token.name}),)
    return ()


def frozen_context(approval: RefundApproval, payment: Payment, balance: Balance | None) -> RefundContext:
    """Return what the rules look at: the frozen request and the payment as it is now. Raises `AccountUnreadable`."""
    return context_of(payment, request_of(approval), balance, by_shop=approval.api_token_id is None)


def is_all_seen(seen: str, approval: RefundApproval, warnings: Collection[Violation]) -> bool:
    """Return whether the page with this `seen` showed this request and all of these warnings."""
    try:
        number, shown = signing.loads(seen, salt=_SALT)
    except (signing.BadSignature, ValueError):
        return False
    return number == approval.number and set(map(_mark, warnings)) <= set(shown)


def batch_findings(batch: RefundBatch) -> tuple[tuple[Violation, ...], tuple[Violation, ...]]:
    """Return why a batch cannot be started now, and what to know before: the warnings of its orders."""
    problems = tuple(Violation(exc.code, exc.message) for exc in start_problems(batch))
    warnings = [Violation(group.code, group.message) for group in preview_of(batch).warnings]
    left = F("payment__amount") - F("payment__lapsed_discount") - F("payment__cancel_amount")
    changed = ready_items(batch).exclude(expected_balance=left).count()
    if changed:
        message = ngettext(
            "%(count)s order has changed since the check and will not be refunded.",
            "%(count)s orders have changed since the check and will not be refunded.",
            changed,
        )
        warnings.append(Violation(ORDERS_CHANGED, message % {"count": changed}))
    return problems, tuple(warnings)


def earlier_refunds(payment: Payment) -> list[RefundRecord]:
    """Return the latest refunds of this payment, and of others of the same account, e-mail address or telephone."""
    same = Q(payment=payment)
    if payment.user_id is not None:
        same |= Q(payment__user=payment.user_id)
    # The search key has an index for any part of it.
    if email := part_key(payment.buyer_email):
        of_address = Payment.objects.filter(search_key__contains=email, buyer_email__iexact=payment.buyer_email.strip())
        same |= Q(payment__in=of_address.values("pk"))
    tel = tel_key(payment.buyer_tel)
    if len(tel) >= SHORTEST_TEL:
        same |= Q(payment__in=Payment.objects.filter(search_key__contains=f"\n{tel}\n").values("pk"))
    found = RefundRecord.objects.filter(same).select_related("payment", "late_record")
    return list(found.order_by("-requested_at", "-id")[:MOST_EARLIER])


def _payment_of(approval: RefundApproval) -> Payment:
    if approval.payment is None:
        raise AssertionError(f"approval {approval.number} is of no payment")
    return approval.payment


def _written(approval: RefundApproval, warnings: Collection[Violation]) -> str:
    return signing.dumps((approval.number, sorted(map(_mark, warnings))), salt=_SALT)


def _mark(warning: Violation) -> str:
    """Return a short mark of a warning, the same in every language."""
    with override("en"):
        message = str.__str__(said_again(warning.message)) if warning.code != ORDERS_CHANGED else ""
    count = warning.message if warning.code == ORDERS_CHANGED else ""
    digits = "".join(char for char in count if char.isdigit())
    return salted_hmac(_SALT, f"{warning.code}|{warning.field}|{message}|{digits}").hexdigest()[:16]
