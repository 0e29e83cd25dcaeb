"""Prepare a buyer's orders for the storefront: texts and amounts formatted, nothing to compute in the template."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.money import format_money, quantize
from payments.errors import PaymentNotFound
from payments.labels import PaymentState, bank_choices, bank_name, card_label, method_label, payment_state
from payments.lookup import find_payment
from payments.models import Payment, PaymentStatus
from refunds.models import RefundRecord, RefundStatus
from refunds.notices.words import refund_note
from refunds.services.preview import requirements_of, why_impossible
from refunds.storefront.words import FORBIDDEN, payment_failed

# For buyers, who know neither PGs nor ledgers: two states have other words than for staff.
REFUND_STATES: dict[str, str | Promise] = {
    RefundStatus.REQUESTED: RefundStatus.REQUESTED.label,
    RefundStatus.PENDING: _("Accepted, on its way"),
    RefundStatus.UNKNOWN: _("Being checked"),
    RefundStatus.SUCCEEDED: RefundStatus.SUCCEEDED.label,
    RefundStatus.FAILED: RefundStatus.FAILED.label,
}
TONES = {
    PaymentState.PAID: "good",
    PaymentState.PARTLY_REFUNDED: "info",
    PaymentState.REFUNDED: "quiet",
    PaymentState.READY: "warn",
    PaymentState.PENDING: "warn",
    PaymentState.FAILED: "bad",
    PaymentState.UNPAID: "quiet",
    PaymentState.UNKNOWN: "warn",
}
TILE_COLOURS = 6
REFUNDS_SHOWN = 20  # of one order


def own_orders(user: User) -> QuerySet[Payment]:
    """Return the payments of this user's own orders, staff's too; newest first."""
    mine = with_latest_refunds(Payment.objects.visible_to_buyer(user))
    return mine.order_by(Coalesce("paid_at", "failed_at", "created_at").desc(), "-pk")


def find_own_order(user: User, imp_uid: str) -> Payment:
    """Return one of `own_orders`. Raises `Http404`."""
    try:
        return find_payment(payments=own_orders(user), imp_uid=imp_uid)
    except PaymentNotFound as exc:
        raise Http404 from exc


def with_latest_refunds(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    """Prefetch the refunds that a card shows, and one more: it tells whether there are older ones."""
    latest = RefundRecord.objects.select_related("late_record").open_first()[: REFUNDS_SHOWN + 1]
    return payments.prefetch_related(Prefetch("refunds", latest, to_attr="latest_refunds"))


def order_card(payment: Payment) -> dict[str, Any]:
    """Prepare one order of `with_latest_refunds` for its template. `tone` and `tile` name CSS classes."""
    refunds: list[RefundRecord] = payment.latest_refunds  # type: ignore[attr-defined]
    live = next((refund for refund in refunds if refund.is_live), None)
    why_not_now = why_impossible(payment) if payment.refundable_amount > 0 and live is None else None
    can_ask = payment.refundable_amount > 0 and live is None and why_not_now is None
    badge, tone = _badge(payment, live)
    goods = payment.name or payment.merchant_uid
    return {
        "payment": payment,
        "goods": goods,
        "initial": goods[:1],
        "tile": sum(map(ord, goods)) % TILE_COLOURS,
        "at": payment.paid_at or payment.failed_at or payment.created_at,
        "method": method_label(payment.pay_method),
        "method_detail": _method_detail(payment),
        "badge": str(badge),
        "tone": tone,
        "paid": _money(payment, payment.amount),
        "refunded": _money(payment, payment.cancel_amount) if payment.cancel_amount else "",
        "lapsed_discount": _money(payment, payment.lapsed_discount) if payment.lapsed_discount else "",
        # No promise of money that cannot be requested now.
        "refundable": _money(payment, payment.refundable_amount) if can_ask or payment.is_fully_refunded else "",
        "notice": str(FORBIDDEN.get(why_not_now.code, why_not_now.message)) if why_not_now else _notice(payment, live),
        "notice_tone": "warn" if why_not_now else tone,
        "refunds": [_order_refund(payment, refund) for refund in refunds[:REFUNDS_SHOWN]],
        "has_older_refunds": len(refunds) > REFUNDS_SHOWN,
        "live_refund": live.pk if live else None,  # the open one
        "can_ask": can_ask,
        "data": json.dumps(_dialog_data(payment), ensure_ascii=False),
    }


def banks_by_pg(payments: Iterable[Payment]) -> dict[str, list[tuple[str, str]]]:
    """Return the banks that each PG can refund to, for the payments whose refund needs a bank account."""
    pgs = {payment.pg_provider for payment in payments if requirements_of(payment).account}
    return {pg: bank_choices(pg) for pg in sorted(pgs)}


def _dialog_data(payment: Payment) -> dict[str, object]:
    """The data of the refund dialog. Amounts are text, because JavaScript would round numbers."""
    needs = requirements_of(payment)
    return {
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "goods": payment.name or payment.merchant_uid,
        "currency": payment.currency,
        "paid": str(quantize(payment.amount, payment.currency)),
        "left": str(quantize(payment.refundable_amount, payment.currency)),
        "pg": payment.pg_provider,
        "method": method_label(payment.pay_method),
        "destination": _destination(payment, account=needs.account),
        "account": needs.account,
        "tel": needs.tel,
        "reason": needs.reason,
        "partial": needs.partial_allowed,
        "tax_free": needs.tax_free,
        "tax_free_in_full": needs.tax_free_in_full,
        "retain_promotion": needs.promotion_kept,
        "discount": str(quantize(payment.promotion_discount, payment.currency)) if payment.promotion_discount else "",
        "fee": str(needs.merchant_fee) if needs.merchant_fee else "",
    }


def _destination(payment: Payment, *, account: bool) -> str:
    """Return where the money goes; it selects the dialog's text."""
    if account:
        return "account"
    return payment.pay_method if payment.pay_method in {"card", "trans", "phone"} else "wallet"


def _badge(payment: Payment, live: RefundRecord | None) -> tuple[str | Promise, str]:
    """The order's state in a word or two, and its tone."""
    if live is not None:
        return REFUND_STATES[live.status], "warn" if live.status == RefundStatus.UNKNOWN else "info"
    state = payment_state(payment)
    return _("Being checked") if state == PaymentState.UNKNOWN else state.label, TONES[state]


def _method_detail(payment: Payment) -> str:
    """The card with its last digits, or the bank."""
    if payment.pay_method == "card":
        return f"{card_label(payment)} {payment.card_number[-4:]}".strip()
    if payment.pay_method == "vbank":
        return bank_name(payment.vbank_code, payment.vbank_name)
    return bank_name(payment.bank_code, payment.bank_name)


def _notice(payment: Payment, live: RefundRecord | None) -> str:
    """Return a hint or warning for the buyer; "" for none."""
    if live is not None and live.status == RefundStatus.UNKNOWN:
        return str(_("We have no answer about this refund yet. We are checking; you do not need to do anything."))
    if payment.status == PaymentStatus.READY and payment.vbank_num:
        where = {"bank": bank_name(payment.vbank_code, payment.vbank_name), "number": payment.vbank_num}
        return str(_("Please transfer the amount to %(bank)s %(number)s.") % where)
    if payment.status == PaymentStatus.FAILED:
        return payment_failed(payment.fail_reason)
    return ""


def _order_refund(payment: Payment, refund: RefundRecord) -> dict[str, Any]:
    tones = {RefundStatus.SUCCEEDED: "good", RefundStatus.FAILED: "bad", RefundStatus.UNKNOWN: "warn"}
    return {
        "amount": _money(payment, refund.shown_amount),
        "state": str(REFUND_STATES[refund.status]),
        "tone": tones.get(RefundStatus(refund.status), "info"),
        "at": refund.cancelled_at or refund.settled_at or refund.requested_at,
        "reason": refund.shown_reason,
        "id": refund.pk,
        "note": refund_note(refund),
        "asks_contact": refund.status == RefundStatus.FAILED or refund.reversed_amount > 0,
        "receipt_url": refund.receipt_url if refund.receipt_url.startswith("https://") else "",
    }


def _money(payment: Payment, amount: Decimal) -> str:
    return format_money(quantize(amount, payment.currency), payment.currency)
