"""Payments with a billing key at a later time."""

from __future__ import annotations

from django.db.models import QuerySet

from sandbox.server import billing, clock, store, webhooks
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, ApiRefusal
from sandbox.server.models import Customer, Payment, Schedule
from sandbox.server.params import Params
from sandbox.server.wire import JsonDict

TEXTS = ("name", "buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode", "custom_data")
WINDOW_SECONDS = 93 * 24 * 60 * 60  # three months


def schedule(params: Params) -> list[Schedule]:
    """Store the schedules of a request, all or none."""
    customer_uid = params.text("customer_uid")
    orders = params.objects("schedules")
    if not customer_uid or not orders:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "customer_uid와 schedules는 필수입니다.")
    with store.write():
        if params.text("card_number"):
            card = billing.read_card(params)
            billing.check_card(card)
            billing.save_customer(params, customer_uid, card)
        elif not Customer.objects.filter(customer_uid=customer_uid).exists():
            raise ApiRefusal(REFUSED_BY_IAMPORT, "등록되지 않은 구매자입니다.")
        return [_schedule_one(customer_uid, Params(order)) for order in orders]


def unschedule(params: Params) -> list[Schedule]:
    """Revoke the waiting schedules of a customer, or the named ones."""
    customer_uid, merchant_uids = params.text("customer_uid"), params.items("merchant_uid")
    waiting = Schedule.objects.filter(schedule_status=Schedule.Status.SCHEDULED)
    if customer_uid:
        waiting = waiting.filter(customer_uid=customer_uid)
    if merchant_uids:
        waiting = waiting.filter(merchant_uid__in=merchant_uids)
    with store.write():
        found = list(waiting) if customer_uid or merchant_uids else []
        if not found:
            raise ApiRefusal(REFUSED_BY_IAMPORT, "취소할 예약결제 기록이 존재하지 않습니다.")
        for item in found:
            item.schedule_status, item.revoked_at = Schedule.Status.REVOKED, clock.now()
            item.save()
    return found


def find(merchant_uid: str) -> Schedule:
    """Return the latest schedule of an order, or refuse with 404."""
    found = Schedule.objects.filter(merchant_uid=merchant_uid).order_by("-pk").first()
    if found is None:
        raise ApiRefusal(FAILED, "존재하지 않는 결제예약입니다.", 404)
    return found


def between(params: Params, since_name: str, until_name: str) -> QuerySet[Schedule]:
    """Return the schedules of a period of at most three months."""
    since, until = params.integer(since_name, 0), params.integer(until_name, 0)
    if not 0 < since < until <= since + WINDOW_SECONDS:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "조회 기간이 올바르지 않습니다.", 400)
    found = Schedule.objects.filter(schedule_at__gte=since, schedule_at__lt=until)
    status = params.text("schedule_status") or params.text("schedule-status")
    if status and status not in Schedule.Status.values:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "지원되지 않는 상태값입니다.", 400)
    return found.filter(schedule_status=status) if status else found


def move(item: Schedule, at: int) -> Schedule:
    """Change the time of a waiting schedule."""
    if item.schedule_status != Schedule.Status.SCHEDULED or at <= clock.now():
        raise ApiRefusal(REFUSED_BY_IAMPORT, "변경할 수 없는 결제예약입니다.", 400)
    with store.write():
        item.schedule_at = at
        item.save()
    return item


def failed_payment(item: Schedule) -> Payment:
    """Return the failed payment of a schedule that may be tried again, or refuse."""
    payment = Payment.objects.filter(imp_uid=item.imp_uid).first()
    if payment is None or payment.status != Payment.Status.FAILED:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "재시도할 수 없는 결제예약입니다.", 400)
    return payment


def again(item: Schedule, at: int) -> Schedule:
    """Schedule a failed payment once more."""
    failed_payment(item)
    if at <= clock.now():
        raise ApiRefusal(REFUSED_BY_IAMPORT, "예약시각이 현재 시각보다 과거입니다.", 400)
    with store.write():
        item.schedule_at, item.schedule_status, item.executed_at = at, Schedule.Status.SCHEDULED, 0
        item.imp_uid = ""
        item.save()
    return item


def pay_due() -> None:
    """Pay the schedules that are due, and send their webhooks."""
    due = Schedule.objects.filter(schedule_status=Schedule.Status.SCHEDULED, schedule_at__lte=clock.now())
    for pk in list(due.order_by("schedule_at").values_list("pk", flat=True)):
        with store.write():
            item = due.filter(pk=pk).first()
            if item is not None:
                pay(item)


def pay(item: Schedule) -> Payment:
    """Pay a schedule now; a refused card leaves a failed payment. Call it inside a write transaction."""
    customer = Customer.objects.filter(customer_uid=item.customer_uid).first() or Customer(expiry="")
    order = Params({"merchant_uid": item.merchant_uid, **item.order})
    try:
        payment = billing.pay(order, customer, customer_uid=item.customer_uid, usage="payment.scheduled")
    except ApiRefusal:
        payment = Payment.objects.filter(merchant_uid=item.merchant_uid).latest("pk")
    if payment.status == Payment.Status.FAILED:
        webhooks.notify(payment)  # a scheduled payment that fails is told, unlike others
    item.schedule_status, item.executed_at = Schedule.Status.EXECUTED, clock.now()
    item.imp_uid = payment.imp_uid
    item.save()
    return payment


def schedule_json(item: Schedule) -> JsonDict:
    """Return a schedule as the API shows it."""
    payment = Payment.objects.filter(imp_uid=item.imp_uid).first() if item.imp_uid else None
    customer = Customer.objects.filter(customer_uid=item.customer_uid).first()
    return {
        "customer_uid": item.customer_uid,
        "merchant_uid": item.merchant_uid,
        "imp_uid": item.imp_uid or None,
        "pg_provider": customer.pg_provider if customer else None,
        "pg_id": None,
        "customer_id": None,
        "schedule_at": item.schedule_at,
        "executed_at": item.executed_at,
        "revoked_at": item.revoked_at,
        "amount": item.order["amount"],
        "currency": item.order["currency"],
        **{name: item.order.get(name) for name in TEXTS},
        "promotion_id": None,
        "schedule_status": item.schedule_status,
        "payment_status": payment.status if payment else None,
        "fail_reason": (payment.fail_reason or None) if payment else None,
    }


def _schedule_one(customer_uid: str, params: Params) -> Schedule:
    order = billing.read_order(params)
    merchant_uid = order.pop("merchant_uid")
    at = params.integer("schedule_at", 0)
    if at <= clock.now():
        raise ApiRefusal(REFUSED_BY_IAMPORT, "예약시각(schedule_at)이 현재 시각보다 과거입니다.")
    waiting = Schedule.objects.filter(merchant_uid=merchant_uid, schedule_status=Schedule.Status.SCHEDULED)
    if waiting.exists() or billing.is_paid(merchant_uid):
        raise ApiRefusal(REFUSED_BY_IAMPORT, "이미 예약되었거나 결제된 merchant_uid입니다.")
    amount = order.pop("amount")
    number = int(amount) if amount == amount.to_integral_value() else float(amount)
    given = {name: params.text(name) for name in ("tax_free", "vat_amount", "card_quota") if params.text(name)}
    return Schedule.objects.create(
        customer_uid=customer_uid, merchant_uid=merchant_uid, schedule_at=at, order={"amount": number, **order, **given}
    )
