"""Faults on demand: which rules fire for a call, and what the client gets."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse

from sandbox.httpd import CLOSE_CONNECTION, DROP_CONNECTION
from sandbox.server import store
from sandbox.server.envelope import REFUSED_BY_PG, Answer, envelope
from sandbox.server.models import FaultRule

ENDPOINTS = (
    "*", "getToken", "payment", "payments", "find", "findAll", "status", "balance", "cancel", "holder",
    "banks", "prepare", "vbanks", "onetime", "again", "foreign", "customers", "schedule", "channels", "escrows",
    "receipts", "naver",
)  # fmt: skip
ANY_ENDPOINT = "*"

HTML_PAGE = "<!doctype html><title>{0}</title><h1>{0}</h1><p>nginx</p>"
ALREADY_DONE = "결제취소에 실패하였습니다. [500626|기 취소 거래]"
NOT_FOUND = "존재하지 않는 결제정보입니다."
REFUSED = "결제취소에 실패하였습니다. [샌드박스 거절]"


@dataclass(frozen=True)
class Fault:
    """A rule that fires for the current call."""

    name: str
    seconds: float  # a duration, not money
    message: str


def take(endpoint: str, imp_uid_of_call: Callable[[], str]) -> list[Fault]:
    """Choose the faults of this call: every matching latency, then at most one other. Counts their use."""
    names = [endpoint, ANY_ENDPOINT]
    if not FaultRule.objects.filter(endpoint__in=names).exists():
        return []
    taken: list[Fault] = []
    with store.write():
        for rule in FaultRule.objects.filter(endpoint__in=names):
            if not _fires(rule, imp_uid_of_call):
                continue
            rule.fired += 1
            rule.times = None if rule.times is None else rule.times - 1
            rule.save()
            taken.append(Fault(rule.fault, float(rule.seconds), rule.message))
            if rule.fault != "latency":
                break
    return taken


def answer_before_acting(fault: Fault) -> HttpResponse | None:
    """Return the response of a fault that replaces the call, or None."""
    if fault.name in {"latency", "hang_before"}:
        time.sleep(fault.seconds)
        return None
    early = EARLY.get(fault.name)
    return early(fault) if early else None


def distort(fault: Fault, answer: Answer) -> HttpResponse:
    """Return the response of a fault that strikes after the call was executed."""
    if fault.name == "hang":
        time.sleep(fault.seconds)
        return envelope(answer)
    if fault.name == "refuse_after" and answer.code == 0:
        return envelope(Answer(code=REFUSED_BY_PG, message=fault.message or ALREADY_DONE))
    if fault.name == "code0_null" and answer.code == 0:
        return envelope(replace(answer, response=None))
    late = LATE.get(fault.name)
    return late(envelope(answer)) if late else envelope(answer)


def rule_json(rule: FaultRule) -> dict[str, Any]:
    """Return a rule as the control API shows it."""
    names = ("id", "endpoint", "fault", "times", "probability", "seconds", "message", "imp_uid", "fired")
    return {name: getattr(rule, name) for name in names}


def _fires(rule: FaultRule, imp_uid_of_call: Callable[[], str]) -> bool:
    if rule.times is not None and rule.times <= 0:
        return False
    if rule.imp_uid and rule.imp_uid != imp_uid_of_call():
        return False
    return random.random() < rule.probability  # noqa: S311 - chance, not secrets


def _page(title: str, status: int) -> HttpResponse:
    return HttpResponse(HTML_PAGE.format(title), status=status)


def _too_many(fault: Fault) -> HttpResponse:
    response = envelope(Answer(code=-1, message=fault.message or "Too Many Requests", http_status=429))
    response["Retry-After"] = "1"
    return response


def _dropped(_: object) -> HttpResponse:
    response = HttpResponse()
    setattr(response, DROP_CONNECTION, True)
    return response


def _truncated(response: HttpResponse) -> HttpResponse:
    # Content-Length still announces the whole body.
    response.content = response.content[: len(response.content) // 2]
    setattr(response, CLOSE_CONNECTION, True)
    return response


EARLY: dict[str, Callable[[Fault], HttpResponse]] = {
    "http_500": lambda fault: envelope(
        Answer(code=-1, message=fault.message or "Internal Server Error", http_status=500)
    ),
    "http_502_html": lambda _fault: _page("502 Bad Gateway", 502),
    "http_429": _too_many,
    "drop_before": _dropped,
    "expired_token": lambda fault: envelope(Answer(code=-1, message=fault.message or "Unauthorized", http_status=401)),
    "not_found": lambda fault: envelope(Answer(code=-1, message=fault.message or NOT_FOUND, http_status=404)),
    "refuse": lambda fault: envelope(Answer(code=REFUSED_BY_PG, message=fault.message or REFUSED)),
}
LATE: dict[str, Callable[[HttpResponse], HttpResponse]] = {
    "drop_after": _dropped,
    "truncated": _truncated,
    "not_json": lambda _response: _page("점검 중입니다", 200),
    "empty_body": lambda _response: HttpResponse(b""),
}
