"""The control API under /_sandbox/: for tests and demos. No authorization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox.server import cancels, creation, ledger, store, switches, webhooks
from sandbox.server.envelope import FAILED, ApiRefusal, json_response
from sandbox.server.faults import ENDPOINTS, rule_json
from sandbox.server.models import Account, CallLog, Cancellation, FaultRule, Payment, WebhookDelivery
from sandbox.server.params import load_json, read_params
from sandbox.server.stories import FAULTS
from sandbox.server.wire import JsonDict, payment_json

Action = Callable[..., Any]

FAULT_OPTIONS = {"endpoint", "fault", "times", "probability", "seconds", "message", "imp_uid"}
LOG_FIELDS = ("id", "endpoint", "method", "path", "params", "imp_uid", "http_status", "code", "fault", "at")


def control(**actions: Action) -> Callable[..., HttpResponse]:
    """Build a view whose actions take the JSON (or form) body and return JSON; errors are {"error"}."""

    @csrf_exempt
    def view(request: HttpRequest, **path: Any) -> HttpResponse:
        action = actions.get((request.method or "").lower())
        if action is None:
            return json_response({"error": "method not allowed"}, 405)
        try:
            return json_response(action(_read(request), **path))
        except ApiRefusal as refusal:
            status = refusal.answer.http_status
            return json_response({"error": refusal.answer.message}, status if status >= 400 else 400)

    return view


def payment_detail(payment: Payment) -> JsonDict:
    """Return the API's payment object with the fields that only the sandbox has."""
    fresh = Payment.objects.prefetch_related("cancellations").get(pk=payment.pk)
    pending = [item for item in fresh.cancellations.all() if item.state == Cancellation.State.PENDING]
    done = [item for item in fresh.cancellations.all() if item.state == Cancellation.State.DONE]
    left = ledger.balance_of(fresh)
    own = ("tax_free", "vat_amount", "foreign_card", "card_points")
    return {
        **payment_json(fresh),
        **{name: getattr(fresh, name) for name in own},
        "cancellable": left.asked,
        "balance": {"amount": left.paid, "tax_free": left.tax_free, "supply": left.supply, "vat": left.vat},
        "cancel_parts": [_parts_json(item) for item in done],
        "pending_cancels": [_pending_json(item) for item in pending],
    }


def _read(request: HttpRequest) -> Any:
    if request.body and request.content_type == "application/json":
        return load_json(request.body)
    return read_params(request).values


def _health(_body: Any) -> JsonDict:
    return {"status": "ok", "payments": Payment.objects.count()}


def _reset(_body: Any) -> JsonDict:
    switches.reset()
    return {"status": "ok"}


def _create(body: Any) -> Any:
    items = body if isinstance(body, list) else [body]
    if not all(isinstance(item, dict) for item in items):
        raise ApiRefusal(FAILED, "a payment or a list of payments is expected", 400)
    created = [payment_detail(payment) for payment in creation.create_payments(items)]
    return created if isinstance(body, list) else created[0]


def _list(_body: JsonDict) -> list[JsonDict]:
    found = Payment.objects.prefetch_related("cancellations").order_by("pk")
    return [payment_json(payment) for payment in found]


def _detail(_body: Any, imp_uid: str) -> JsonDict:
    return payment_detail(find_payment(imp_uid))


def _cancel(body: JsonDict, imp_uid: str) -> JsonDict:
    amount = body.get("amount")
    wanted = None if amount in (None, "") else creation.to_decimal("amount", amount)
    reason, retain = str(body.get("reason") or ""), body.get("retain_promotion")
    payment = cancels.cancel_in_console(find_payment(imp_uid), wanted, reason, retain_promotion=retain)
    return payment_detail(payment)


def _settle(_body: Any, imp_uid: str) -> JsonDict:
    payment = find_payment(imp_uid)
    cancels.settle_pending(payment)
    return payment_detail(payment)


def _refuse(_body: Any, imp_uid: str) -> JsonDict:
    payment = find_payment(imp_uid)
    cancels.settle_pending(payment, refuse=True)
    return payment_detail(payment)


def _pay(_body: Any, imp_uid: str) -> JsonDict:
    return payment_detail(creation.deposit(find_payment(imp_uid)))


def _faults(_body: Any) -> list[JsonDict]:
    return [rule_json(rule) for rule in FaultRule.objects.all()]


def _add_fault(body: JsonDict) -> JsonDict:
    return rule_json(add_fault(body))


def add_fault(options: JsonDict) -> FaultRule:
    """Store a fault rule, or refuse it with the reason."""
    if unknown := sorted(set(options) - FAULT_OPTIONS):
        raise ApiRefusal(FAILED, f"unknown fault options: {', '.join(unknown)}", 400)
    if options.get("endpoint") not in ENDPOINTS or options.get("fault") not in FAULTS:
        raise ApiRefusal(FAILED, f"endpoint is one of {ENDPOINTS}, fault one of {tuple(FAULTS)}", 400)
    rule = FaultRule(**{name: value for name, value in options.items() if value is not None})
    try:
        rule.clean_fields()
    except ValidationError as exc:
        raise ApiRefusal(FAILED, f"invalid fault: {exc.message_dict}", 400) from None
    with store.write():
        rule.save()
    return rule


def _clear_faults(_body: Any) -> list[JsonDict]:
    with store.write():
        FaultRule.objects.all().delete()
    return []


def _remove_fault(body: Any, rule_id: int) -> list[JsonDict]:
    with store.write():
        FaultRule.objects.filter(pk=rule_id).delete()
    return _faults(body)


def _log(body: JsonDict) -> list[JsonDict]:
    calls = CallLog.objects.all()
    if body.get("endpoint"):
        calls = calls.filter(endpoint=body["endpoint"])
    return [{name: getattr(call, name) for name in LOG_FIELDS} for call in calls]


def _stats(_body: Any) -> dict[str, int]:
    counts = CallLog.objects.order_by().values_list("endpoint").annotate(calls=Count("pk"))
    return dict(counts)


def _settings(_body: Any) -> JsonDict:
    return switches.settings_json()


def _change_settings(body: JsonDict) -> JsonDict:
    return switches.change_settings(body)


def _accounts(_body: Any) -> list[JsonDict]:
    return [dict(account) for account in Account.objects.values("bank_code", "bank_num", "holder")]


def _add_account(body: JsonDict) -> list[JsonDict]:
    if not all(body.get(name) for name in ("bank_code", "bank_num", "holder")):
        raise ApiRefusal(FAILED, "bank_code, bank_num and holder are needed", 400)
    with store.write():
        Account.objects.update_or_create(
            bank_code=body["bank_code"], bank_num=body["bank_num"], defaults={"holder": body["holder"]}
        )
    return _accounts(body)


def _webhooks(_body: Any) -> list[JsonDict]:
    return [webhooks.delivery_json(delivery) for delivery in WebhookDelivery.objects.all()]


def _resend(_body: Any, delivery_id: int) -> JsonDict:
    delivery = WebhookDelivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        raise ApiRefusal(FAILED, f"no webhook delivery {delivery_id}", 404)
    return webhooks.delivery_json(webhooks.resend(delivery))


def find_payment(imp_uid: str) -> Payment:
    """Return a payment, or refuse with 404."""
    payment = Payment.objects.filter(imp_uid=imp_uid).first()
    if payment is None:
        raise ApiRefusal(FAILED, f"no payment {imp_uid}", 404)
    return payment


def _parts_json(item: Cancellation) -> JsonDict:
    names = ("cancellation_id", "asked", "amount", "tax_free", "vat_amount")
    return {name: getattr(item, name) for name in names}


def _pending_json(item: Cancellation) -> JsonDict:
    names = ("cancellation_id", "amount", "reason", "settle_at")
    return {name: getattr(item, name) for name in names}


health = control(get=_health)
reset = control(post=_reset)
payments = control(get=_list, post=_create)
payment = control(get=_detail)
cancel = control(post=_cancel)
settle = control(post=_settle)
refuse = control(post=_refuse)
pay = control(post=_pay)
faults = control(get=_faults, post=_add_fault, delete=_clear_faults)
fault = control(delete=_remove_fault)
log = control(get=_log)
stats = control(get=_stats)
settings = control(get=_settings, post=_change_settings)
accounts = control(get=_accounts, post=_add_account)
webhook_log = control(get=_webhooks)
webhook_resend = control(post=_resend)
