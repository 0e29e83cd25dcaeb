"""The console: a small stand-in for i'mport's own admin console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from sandbox.server import afterlife, cancels, creation, store, switches
from sandbox.server.envelope import ApiRefusal, dumps
from sandbox.server.faults import ENDPOINTS
from sandbox.server.models import CallLog, FaultRule, Payment, WebhookDelivery
from sandbox.server.params import Params
from sandbox.server.stories import FAULTS, PRESETS
from sandbox.server.views.control import add_fault, payment_detail

PAGE_SIZE = 30
LOG_SIZE = 200


@require_GET
def payment_list(request: HttpRequest) -> HttpResponse:
    """List payments, newest first, with a search by id and buyer."""
    text = request.GET.get("q", "").strip()
    found = Payment.objects.order_by("-pk")
    if text:
        found = found.filter(
            Q(imp_uid__icontains=text)
            | Q(merchant_uid__icontains=text)
            | Q(buyer_name__icontains=text)
            | Q(name__icontains=text)
        )
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "sandbox/payments.html", {"page": page, "q": text})


@require_http_methods(["GET", "POST"])
def payment_page(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """Show one payment: its history, its JSON, and the actions for staff."""
    payment = get_object_or_404(Payment, imp_uid=imp_uid)
    error = ""
    if request.method == "POST":
        try:
            _act(payment, Params(request.POST.dict()))
            return redirect("console-payment", imp_uid=imp_uid)
        except ApiRefusal as refusal:
            error = refusal.answer.message or ""
    detail = payment_detail(payment)
    context = {"payment": detail, "raw": dumps(detail, indent=2), "error": error}
    return render(request, "sandbox/payment.html", context, status=400 if error else 200)


@require_http_methods(["GET", "POST"])
def fault_page(request: HttpRequest) -> HttpResponse:
    """Add and remove faults."""
    error = ""
    if request.method == "POST":
        try:
            _change_faults(Params(request.POST.dict()))
            return redirect("console-faults")
        except ApiRefusal as refusal:
            error = refusal.answer.message or ""
    context = {
        "rules": [{"rule": rule, "story": FAULTS[rule.fault]} for rule in FaultRule.objects.all()],
        "faults": FAULTS.items(),
        "presets": PRESETS.items(),
        "endpoints": ENDPOINTS,
        "settings": switches.settings_json(),
        "error": error,
    }
    return render(request, "sandbox/faults.html", context, status=400 if error else 200)


@require_GET
def log_page(request: HttpRequest) -> HttpResponse:
    """Show the latest API calls and webhooks."""
    context = {
        "calls": CallLog.objects.order_by("-pk")[:LOG_SIZE],
        "deliveries": WebhookDelivery.objects.order_by("-pk")[:LOG_SIZE],
    }
    return render(request, "sandbox/log.html", context)


def csrf_failure(_request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django names it
    """Answer a form without a valid CSRF token: from another site, or from before a restart."""
    return HttpResponse("This form is not from the console, or from before its restart. Reload the page.", status=403)


def _act(payment: Payment, params: Params) -> None:
    actions: dict[str, Callable[[], Any]] = {
        "cancel": lambda: cancels.cancel_in_console(
            payment,
            params.amount("amount"),
            params.text("reason"),
            retain_promotion=params.flag("retain_promotion") if payment.promotion else None,
        ),
        "settle": lambda: cancels.settle_pending(payment),
        "refuse": lambda: cancels.settle_pending(payment, refuse=True),
        "pay": lambda: creation.deposit(payment),
        "take_back": lambda: afterlife.take_back(
            payment,
            amount=params.amount("amount"),
            cancellation_id=params.text("cancellation_id"),
            status=params.text("status"),
        ),
        "fail": lambda: afterlife.fail(payment),
        "unpay": lambda: afterlife.take_deposit_back(payment, shown_as=params.text("shown_as")),
        "complete": lambda: afterlife.complete(payment),
        "rename": lambda: afterlife.rename_item(payment, cancellation_id=params.text("cancellation_id")),
    }
    action = actions.get(params.text("action"))
    if action is None:
        raise ApiRefusal(1, "There is no such action.")
    action()


def _change_faults(params: Params) -> None:
    remove = params.text("remove")
    if remove:
        with store.write():
            rules = FaultRule.objects.all()
            (rules if remove == "all" else rules.filter(pk=params.integer("remove", 0))).delete()
        return
    if preset := PRESETS.get(params.text("preset")):
        add_fault(preset.options)
        return
    names = ("endpoint", "fault", "times", "seconds", "message", "imp_uid")
    add_fault({name: params.text(name) for name in names if params.text(name)})
