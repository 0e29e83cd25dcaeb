"""Cancel payments: through the API, in the console, and later for asynchronous PGs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.server import cases, clock, execution, ledger, rules, store, taxes, webhooks
from sandbox.server.envelope import REFUSED_BY_IAMPORT, REFUSED_BY_PG, ApiRefusal
from sandbox.server.models import Cancellation, Config, Payment
from sandbox.server.params import Params
from sandbox.server.stories import CONSOLE_REASON

NOT_FOUND = "취소할 결제건이 존재하지 않습니다."
ALREADY_CANCELLED = "이미 전액취소된 주문입니다."
NOT_PAID = "결제완료된 주문이 아닙니다."
CHECKSUM_MISMATCH = "취소 가능 잔액이 checksum과 일치하지 않습니다."
LATER_PGS = {"paypal_v2", "paymentwall"}
LATER_METHODS = {("smartro_v2", "vbank"), ("kicc", "wechat")}
TOO_MUCH = "결제취소에 실패하였습니다. [취소금액이 미정산 금액보다 큽니다.]"


@dataclass(frozen=True)
class SettleResult:
    """The results of a payment's pending cancels."""

    settled: int
    refused: int


def cancel_by_api(params: Params, *, accept_later: bool = False) -> Payment:
    """POST /payments/cancel: check every rule and move the money in one transaction."""
    with store.write():
        payment = find_for_cancel(params)
        config = Config.load()
        case = _case(payment, params, config)
        rules.check(case)
        parts = ledger.divide(
            payment,
            case.left,
            case.asked,
            tax_free=taxes.counted_tax_free(case),
            vat=taxes.counted_vat(case),
            retain_promotion=params.flag("retain_promotion"),
        )
        _bind_promotion(payment, case.left, case.asked, retain=params.flag("retain_promotion"))
        payment.vat_went_wrong = payment.vat_went_wrong or taxes.spoils_vat(case)
        payment.save()
        cancellation = ledger.new_cancellation(payment, parts, params.text("reason"))
        if accept_later or is_asynchronous(payment):
            cancellation.state = Cancellation.State.PENDING
            notices = payment.pg_provider != "smartro_v2" or case.contracts["smartro_v2_refund_notice"]
            if config.async_settle_seconds is not None and notices:
                cancellation.settle_at = case.now + config.async_settle_seconds
            cancellation.save()
        else:
            execution.execute(payment, cancellation)
            if params.flag("enable_webhook") and payment.uses_webhook:
                webhooks.notify(payment, cancellation)
        return payment


def find_for_cancel(params: Params) -> Payment:
    """Find the payment: imp_uid takes precedence; of several with one merchant_uid, the newest paid one."""
    imp_uid, merchant_uid = params.text("imp_uid"), params.text("merchant_uid")
    own = Payment.objects.filter(tier=params.tier)
    if imp_uid:
        payment = own.filter(imp_uid=imp_uid).first()
    elif merchant_uid:
        found = own.filter(merchant_uid=merchant_uid).order_by("-started_at", "-pk")
        payment = found.filter(paid_at__gt=0).first() or found.first()
    else:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "imp_uid 또는 merchant_uid를 지정해주셔야합니다.")
    if payment is None:
        raise ApiRefusal(REFUSED_BY_IAMPORT, NOT_FOUND)
    return payment


def is_asynchronous(payment: Payment) -> bool:
    """Tell whether the PG only accepts a cancel and reports its result later."""
    return payment.pg_provider in LATER_PGS or (payment.pg_provider, payment.pay_method) in LATER_METHODS


def cancel_in_console(
    payment: Payment, amount: Decimal | None, reason: str, *, retain_promotion: bool | None = None
) -> Payment:
    """Cancel as staff do in i'mport's console: no PG rule applies, and a webhook is sent.

    Without a reason, i'mport's console writes its own.
    """
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        left = ledger.balance_of(fresh)
        asked = _asked(fresh, left, amount)
        retain = bool(fresh.retains_promotion if retain_promotion is None else retain_promotion)
        if reason_against := rules.promotion_problem(fresh, left, asked, retain=retain):
            raise ApiRefusal(REFUSED_BY_IAMPORT, reason_against)
        parts = ledger.divide(fresh, left, asked, retain_promotion=retain)
        _bind_promotion(fresh, left, asked, retain=retain)
        cancellation = ledger.new_cancellation(fresh, parts, reason or CONSOLE_REASON)
        execution.execute(fresh, cancellation)
        webhooks.notify(fresh, cancellation)
        return fresh


def settle_pending(payment: Payment, *, refuse: bool = False) -> SettleResult:
    """Settle the pending cancels of a payment; refuse one that no longer fits the balance."""
    settled = refused = 0
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        waiting = fresh.cancellations.filter(state=Cancellation.State.PENDING)
        for cancellation in waiting:
            if refuse or cancellation.amount > ledger.balance_of(fresh).paid:
                cancellation.state = Cancellation.State.REFUSED
                cancellation.save()
                refused += 1
            else:
                execution.execute(fresh, cancellation)
                settled += 1
            webhooks.notify(fresh, cancellation)
    return SettleResult(settled, refused)


def settle_due() -> None:
    """Settle the pending cancels that are due."""
    pending = Cancellation.objects.filter(state=Cancellation.State.PENDING, settle_at__lte=clock.now())
    due = set(pending.order_by().values_list("payment_id", flat=True))
    for payment in Payment.objects.filter(pk__in=due) if due else ():
        settle_pending(payment)


def _bind_promotion(payment: Payment, left: ledger.Balance, asked: Decimal, *, retain: bool) -> None:
    """Keep the option of the first partial cancel: it binds all later ones."""
    if payment.promotion_discount and asked < left.asked and payment.retains_promotion is None:
        payment.retains_promotion = retain


def _case(payment: Payment, params: Params, config: Config) -> cases.CancelCase:
    left = ledger.balance_of(payment)
    asked = _asked(payment, left, params.amount("amount"), params.amount("checksum"))
    cancellations = list(payment.cancellations.all())
    return cases.CancelCase(
        payment=payment,
        params=params,
        asked=asked,
        left=left,
        done_count=sum(item.state == Cancellation.State.DONE for item in cancellations),
        contracts={**rules.DEFAULT_CONTRACTS, **config.contracts},
        mixed_mids=frozenset(config.mixed_mids),
        now=clock.now(),
    )


def _asked(payment: Payment, left: ledger.Balance, amount: Decimal | None, checksum: Decimal | None = None) -> Decimal:
    if payment.status not in {Payment.Status.PAID, Payment.Status.CANCELLED}:
        raise ApiRefusal(REFUSED_BY_IAMPORT, NOT_PAID)
    if left.asked <= 0:
        raise ApiRefusal(REFUSED_BY_IAMPORT, ALREADY_CANCELLED)
    if checksum is not None and checksum != left.asked:
        raise ApiRefusal(REFUSED_BY_IAMPORT, CHECKSUM_MISMATCH)
    asked = amount or left.asked
    if asked > left.asked:
        raise ApiRefusal(REFUSED_BY_PG, TOO_MUCH)
    return asked
