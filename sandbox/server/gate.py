"""Process every API call: log it, apply faults, authorize it, execute it, answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox.httpd import DROP_CONNECTION
from sandbox.server import cancels, clock, faults, schedules, store, tokens
from sandbox.server.envelope import FAILED, Answer, ApiRefusal, envelope
from sandbox.server.models import CallLog, Payment
from sandbox.server.params import Params, read_params

LOG_LIMIT = 50_000
LOG_PRUNE_EVERY = 1_000


@dataclass(frozen=True)
class Call:
    """One API call, for its handler."""

    params: Params
    path: Mapping[str, str]
    method: str = "GET"
    accept_later: bool = False

    def imp_uid(self) -> str:
        """Return the payment that the call names, or an empty string."""
        named = self.path.get("imp_uid") or self.params.text("imp_uid")
        merchant_uid = self.path.get("merchant_uid") or self.params.text("merchant_uid")
        if named or not merchant_uid:
            return named
        newest = Payment.objects.filter(merchant_uid=merchant_uid).order_by("-started_at", "-pk").first()
        return newest.imp_uid if newest else ""


Handler = Callable[[Call], Answer]
View = Callable[..., HttpResponse]


def endpoint(name: str, *, authorized: bool = True, **handlers: Handler) -> View:
    """Build the view of one URL; `handlers` by lower-case HTTP method."""

    @csrf_exempt
    def view(request: HttpRequest, **path: str) -> HttpResponse:
        handler = handlers.get((request.method or "").lower())
        if handler is None:
            return envelope(Answer(code=FAILED, message="지원하지 않는 메소드입니다.", http_status=405))
        try:
            named = {key: value for key, value in path.items() if value}
            call = Call(read_params(request), named, request.method or "")
        except ApiRefusal as refusal:
            return envelope(refusal.answer)
        taken = faults.take(name, call.imp_uid)
        entry = _open_log(name, request, call, taken[-1].name if taken else "")
        response = _respond(request, call, taken, handler, authorized)
        _close_log(entry, response)
        return response

    return view


def _respond(
    request: HttpRequest, call: Call, taken: list[faults.Fault], handler: Handler, authorized: bool
) -> HttpResponse:
    for fault in taken:
        early = faults.answer_before_acting(fault)
        if early is not None:
            return early
    accept_later = any(fault.name == "accept_later" for fault in taken)
    answer = _act(request, replace(call, accept_later=accept_later), handler, authorized)
    return faults.distort(taken[-1], answer) if taken else envelope(answer)


def _act(request: HttpRequest, call: Call, handler: Handler, authorized: bool) -> Answer:
    try:
        if authorized:
            tokens.require(request.headers.get("Authorization", ""))
        cancels.settle_due()
        schedules.pay_due()
        return handler(call)
    except ApiRefusal as refusal:
        return refusal.answer


def _open_log(name: str, request: HttpRequest, call: Call, fault: str) -> CallLog:
    # Written before executing, so that a call that hangs or crashes counts too.
    with store.write():
        entry = CallLog.objects.create(
            endpoint=name,
            method=request.method or "",
            path=request.get_full_path()[:300],
            params=json.loads(json.dumps(call.params.values, default=str)),
            imp_uid=(call.path.get("imp_uid") or call.params.text("imp_uid"))[:40],
            fault=fault,
            at=clock.now(),
        )
        if entry.pk % LOG_PRUNE_EVERY == 0:
            CallLog.objects.filter(pk__lte=entry.pk - LOG_LIMIT).delete()
    return entry


def _close_log(entry: CallLog, response: HttpResponse) -> None:
    with store.write():
        CallLog.objects.filter(pk=entry.pk).update(
            http_status=None if getattr(response, DROP_CONNECTION, False) else response.status_code,
            code=_code_of(response),
        )


def _code_of(response: HttpResponse) -> int | None:
    try:
        body: Any = json.loads(response.content)
    except ValueError:
        return None
    return body.get("code") if isinstance(body, dict) else None
