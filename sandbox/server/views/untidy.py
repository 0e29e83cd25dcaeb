"""The control API and the console page of the untidiness switches."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from sandbox.server import afterlife, creation, quirks, store, webhooks
from sandbox.server.envelope import FAILED, ApiRefusal
from sandbox.server.models import Payment, Quirk
from sandbox.server.params import Params
from sandbox.server.stories import QUIRKS, RECORDED
from sandbox.server.views.control import control, find_payment, payment_detail
from sandbox.server.wire import JsonDict

TAKE_BACK_OPTIONS = {"amount", "cancellation_id", "status", "keep_item"}


def _quirks(_body: Any) -> list[JsonDict]:
    return [quirks.quirk_json(quirk) for quirk in Quirk.objects.all()]


def _add_quirk(body: JsonDict) -> JsonDict:
    options = dict(body)
    name = str(options.pop("quirk", ""))
    times = options.pop("times", None)
    if times is not None and not (isinstance(times, int) and times > 0):
        raise ApiRefusal(FAILED, "times is a positive whole number", 400)
    imp_uid = str(options.pop("imp_uid", "") or "")
    return quirks.quirk_json(quirks.add(name, imp_uid=imp_uid, times=times, **options))


def _clear_quirks(_body: Any) -> list[JsonDict]:
    quirks.remove()
    return []


def _remove_quirk(body: Any, quirk_id: str) -> list[JsonDict]:
    quirks.remove(int(quirk_id))
    return _quirks(body)


def _take_back(body: JsonDict, imp_uid: str) -> JsonDict:
    if unknown := sorted(set(body) - TAKE_BACK_OPTIONS):
        raise ApiRefusal(FAILED, f"unknown options: {', '.join(unknown)}", 400)
    amount = body.get("amount")
    payment = afterlife.take_back(
        find_payment(imp_uid),
        amount=None if amount in (None, "") else creation.to_decimal("amount", amount),
        cancellation_id=str(body.get("cancellation_id") or ""),
        status=str(body.get("status") or ""),
        keep_item=bool(body.get("keep_item")),
    )
    return payment_detail(payment)


def _fail(_body: Any, imp_uid: str) -> JsonDict:
    return payment_detail(afterlife.fail(find_payment(imp_uid)))


def _unpay(body: JsonDict, imp_uid: str) -> JsonDict:
    shown_as = str(body.get("shown_as") or Payment.Status.CANCELLED)
    return payment_detail(afterlife.take_deposit_back(find_payment(imp_uid), shown_as=shown_as))


def _notify(_body: Any, imp_uid: str) -> JsonDict:
    payment = find_payment(imp_uid)
    with store.write():
        webhooks.notify(payment, payment.cancellations.last())
    return payment_detail(payment)


def _complete(_body: Any, imp_uid: str) -> JsonDict:
    return payment_detail(afterlife.complete(find_payment(imp_uid)))


def _rename_item(body: JsonDict, imp_uid: str) -> JsonDict:
    wanted = {name: str(body.get(name) or "") for name in ("cancellation_id", "new_id")}
    return payment_detail(afterlife.rename_item(find_payment(imp_uid), **wanted))


def _patch(body: JsonDict, imp_uid: str) -> JsonDict:
    return payment_detail(afterlife.patch(find_payment(imp_uid), body))


def _show(body: JsonDict, imp_uid: str) -> JsonDict:
    return payment_detail(afterlife.show(find_payment(imp_uid), body))


@require_http_methods(["GET", "POST"])
def quirk_page(request: HttpRequest) -> HttpResponse:
    """Switch untidiness on and off."""
    error = ""
    if request.method == "POST":
        try:
            _change(Params(request.POST.dict()))
            return redirect("console-quirks")
        except ApiRefusal as refusal:
            error = refusal.answer.message or ""
    active = [{"quirk": quirk, "story": QUIRKS[quirk.name]} for quirk in Quirk.objects.all()]
    context = {"active": active, "stories": QUIRKS.items(), "recorded": RECORDED, "error": error}
    return render(request, "sandbox/quirks.html", context, status=400 if error else 200)


def _change(params: Params) -> None:
    remove = params.text("remove")
    if remove:
        quirks.remove(None if remove == "all" else params.integer("remove", 0))
        return
    name = params.text("quirk")
    story = QUIRKS.get(name)
    options: JsonDict = {option: params.text(option) for option in (story.options if story else {})}
    if "after" in options:
        options["after"] = params.flag("after")
    quirks.add(name, imp_uid=params.text("imp_uid"), times=params.integer("times", 0) or None, **options)


quirk_list = control(get=_quirks, post=_add_quirk, delete=_clear_quirks)
quirk = control(delete=_remove_quirk)
take_back = control(post=_take_back)
fail = control(post=_fail)
unpay = control(post=_unpay)
notify = control(post=_notify)
complete = control(post=_complete)
rename_item = control(post=_rename_item)
patch = control(post=_patch)
show = control(post=_show)
