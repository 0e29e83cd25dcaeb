"""Send one refund request through any entry point, and return its outcome in one form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from core.errors import DomainError
from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundBatchItem, RefundSource
from refunds.services.refund import request_refund
from tests.admin_pages import codes, confirmation, fill

# HTTP status of each error code; every other code is 400.
HTTP_STATUS = {
    "": 200,
    "pending": 202,
    "refund_in_progress": 409,
    "idempotency_key_reused": 409,
    "confirmation_required": 409,
    "refused_by_gateway": 422,
    "too_many_failed": 429,
    "busy": 503,
    "gateway_unavailable": 503,
    "refund_not_carried_out": 503,
    "outcome_unknown": 504,
}


@dataclass(frozen=True)
class Outcome:
    """The reported outcome. `code` is "" for a refund that succeeded; `number` is its number, "" without a refund."""

    code: str
    number: str = ""
    answer: int = 0  # HTTP status or exit code; 0 where there is neither


@dataclass(frozen=True)
class Request:
    """One refund request."""

    payment: Payment
    user: User
    amount: int | None = None
    reason: str = "proof"
    key: str | None = None
    account: dict[str, str] | None = None


def by_service(wanted: Request) -> Outcome:
    request = RefundRequest(
        amount=None if wanted.amount is None else Decimal(wanted.amount), reason=wanted.reason, **(wanted.account or {})
    )
    actor = Actor(name=wanted.user.get_username(), user=wanted.user)
    try:
        record = request_refund(
            payment=wanted.payment, request=request, actor=actor, source=RefundSource.ADMIN, idempotency_key=wanted.key
        )
    except DomainError as exc:
        return Outcome(exc.code, getattr(getattr(exc, "refund", None), "number", ""))
    return Outcome("" if record.status == "succeeded" else record.status, record.number)


def by_api(wanted: Request) -> Outcome:
    client = Client()
    client.force_login(wanted.user)
    body: dict[str, Any] = {"imp_uid": wanted.payment.imp_uid, "reason": wanted.reason, **(wanted.account or {})}
    if wanted.amount is not None:
        body["cancel_request_amount"] = wanted.amount
    headers = {"Idempotency-Key": wanted.key} if wanted.key else {}
    answer = client.post("/payments/cancel", json.dumps(body), content_type="application/json", headers=headers)
    document = answer.json()
    return Outcome(document.get("code", ""), document.get("refund", {}).get("number", ""), answer.status_code)


def by_command(wanted: Request) -> Outcome:
    arguments = [wanted.payment.imp_uid, "--reason", wanted.reason]
    if wanted.amount is not None:
        arguments += ["--amount", str(wanted.amount)]
    for name, value in (wanted.account or {}).items():
        arguments += [f"--{name.replace('_', '-')}", value]
    exit_code, document = run_command("refund", *arguments)
    result = document["results"][0]
    return Outcome(result["code"], result.get("refund", {}).get("number", ""), exit_code)


def by_admin(wanted: Request) -> Outcome:
    """Refund through the confirmation page; the admin creates its own idempotency keys."""
    client = Client()
    client.force_login(wanted.user)
    typed = {"amount": str(wanted.amount or ""), **(wanted.account or {})}
    answer = fill(
        client, confirmation(client, wanted.payment), {wanted.payment: typed}, reason=wanted.reason, read=True
    )
    if answer.status_code == 200:  # rejected before the refund
        headlines = {"not_sent", "skipped"}
        return Outcome(next(code for code in codes(answer.content.decode()) if code not in headlines))
    item = RefundBatchItem.objects.select_related("refund").get(payment=wanted.payment)
    if item.refund is None or item.error_code:
        return Outcome(item.error_code, item.refund.number if item.refund else "")
    return Outcome("" if item.refund.status == "succeeded" else item.refund.status, item.refund.number)


ENTRY_POINTS: dict[str, Callable[[Request], Outcome]] = {"service": by_service, "api": by_api, "command": by_command}


def run_command(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a refund command in this process; return its exit code and JSON document."""
    out = StringIO()
    exit_code = 0
    try:
        call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    except CommandError as exc:
        exit_code = exc.returncode
    except SystemExit as exc:
        exit_code = int(exc.code or 0)
    return exit_code, json.JSONDecoder().raw_decode(out.getvalue())[0]


class Terminal(TextIOWrapper):
    """Standard input at which somebody types."""

    def __init__(self, typed: str) -> None:
        super().__init__(BytesIO(typed.encode()), encoding="utf-8")

    def isatty(self) -> bool:
        return True
