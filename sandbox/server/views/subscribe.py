"""The simulated API: payments by card number, billing keys and scheduled payments."""

from __future__ import annotations

from django.db.models import QuerySet

from sandbox.server import billing, lookup, schedules, store
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, Answer, ApiRefusal
from sandbox.server.gate import Call, endpoint
from sandbox.server.models import Customer, Schedule
from sandbox.server.wire import read_json


def _onetime(call: Call) -> Answer:
    card = billing.read_card(call.params)
    customer_uid = call.params.text("customer_uid")
    usage = "payment" if customer_uid else ""
    payment = billing.pay(call.params, card, customer_uid=customer_uid, usage=usage)
    if customer_uid and payment.paid_at:
        billing.save_customer(call.params, customer_uid, card)
    return Answer(read_json(payment))


def _again(call: Call) -> Answer:
    customer = Customer.objects.filter(customer_uid=call.params.text("customer_uid")).first()
    if customer is None:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "등록되지 않은 구매자입니다.")
    return Answer(read_json(billing.pay(call.params, customer, customer_uid=customer.customer_uid, usage="payment")))


def _customer(call: Call) -> Answer:
    return Answer(billing.customer_json(billing.find_customer(call.path["customer_uid"])))


def _customers(call: Call) -> Answer:
    wanted = call.params.items("customer_uid")
    found = list(Customer.objects.filter(customer_uid__in=wanted))
    if not found:
        raise ApiRefusal(FAILED, "등록되지 않은 구매자입니다.", 404)
    complete = len(found) == len(set(wanted))
    return Answer([billing.customer_json(customer) for customer in found], http_status=200 if complete else 207)


def _save_customer(call: Call) -> Answer:
    card = billing.read_card(call.params)
    billing.check_card(card)
    return Answer(billing.customer_json(billing.save_customer(call.params, call.path["customer_uid"], card)))


def _delete_customer(call: Call) -> Answer:
    customer = billing.find_customer(call.path["customer_uid"])
    with store.write():
        Customer.objects.filter(pk=customer.pk).delete()
    return Answer(billing.customer_json(customer))


def _customer_payments(call: Call) -> Answer:
    customer = billing.find_customer(call.path["customer_uid"])
    found = lookup.visible(call.params).filter(customer_uid=customer.customer_uid)
    return Answer(lookup.page(found.order_by("-started_at", "-pk"), call.params, read_json))


def _schedule(call: Call) -> Answer:
    return Answer([schedules.schedule_json(item) for item in schedules.schedule(call.params)])


def _unschedule(call: Call) -> Answer:
    return Answer([schedules.schedule_json(item) for item in schedules.unschedule(call.params)])


def _schedules(call: Call) -> Answer:
    return _schedule_page(call, schedules.between(call.params, "schedule_from", "schedule_to"))


def _customer_schedules(call: Call) -> Answer:
    found = schedules.between(call.params, "from", "to").filter(customer_uid=call.path["customer_uid"])
    return _schedule_page(call, found)


def _schedule_page(call: Call, found: QuerySet[Schedule]) -> Answer:
    if call.params.text("sorting") == "scheduled":
        found = found.order_by("schedule_at", "pk")
    # The description has the rows alone, without the numbers of the pages.
    return Answer(lookup.page(found, call.params, schedules.schedule_json)["list"])


def _scheduled(call: Call) -> Answer:
    return Answer(schedules.schedule_json(schedules.find(call.path["merchant_uid"])))


def _move(call: Call) -> Answer:
    item = schedules.find(call.path["merchant_uid"])
    return Answer(schedules.schedule_json(schedules.move(item, call.params.integer("schedule_at", 0))))


def _reschedule(call: Call) -> Answer:
    item = schedules.find(call.path["merchant_uid"])
    return Answer(schedules.schedule_json(schedules.again(item, call.params.integer("schedule_at", 0))))


def _retry(call: Call) -> Answer:
    item = schedules.find(call.path["merchant_uid"])
    billing.find_customer(item.customer_uid)
    with store.write():
        schedules.failed_payment(item)
        return Answer(read_json(schedules.pay(item)))


onetime = endpoint("onetime", post=_onetime)
again = endpoint("again", post=_again)
foreign = endpoint("foreign", post=_onetime)
customers = endpoint("customers", get=_customers)
customer = endpoint("customers", get=_customer, post=_save_customer, delete=_delete_customer)
customer_payments = endpoint("customers", get=_customer_payments)
customer_schedules = endpoint("schedule", get=_customer_schedules)
schedule = endpoint("schedule", get=_schedules, post=_schedule)
unschedule = endpoint("schedule", post=_unschedule)
scheduled = endpoint("schedule", get=_scheduled, put=_move)
reschedule = endpoint("schedule", post=_reschedule)
retry = endpoint("schedule", post=_retry)
