"""The same refund through the admin, the API and the command gives the same records and codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from payments.models import Payment
from refunds.models import RefundBatchItem, RefundEvent, RefundRecord
from refunds.services.bank_accounts import stored_account
from tests.admin_pages import codes, confirmation, fill
from tests.entry_points import run_command
from tests.factories import ACCOUNT, make_reason, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """A payment, the typed input, i'mport's behaviour, and the code that every entry point reports."""

    name: str
    code: str  # "" = refunded
    typed: dict[str, str] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)
    faults: tuple[tuple[str, str], ...] = ()
    missed_cancel: int = 0  # amount cancelled in i'mport's console and not booked here


VBANK = {"pay_method": "vbank", "pg_provider": "html5_inicis"}
NAVER = {"pay_method": "naverpay", "pg_provider": "naverpay"}
MIXED = {"pg_provider": "kcp", "tax_free": 3_000}
PROMOTION = {"promotion": {"id": "p", "discount": 1_000}}

CASES = [
    Case("all that is left", ""),
    Case("a part", "", {"amount": "4000", "reason": "size"}),
    Case("an amount with a comma", "", {"amount": "4000"}),
    Case("more than is left", "amount_exceeds_balance", {"amount": "10001"}),
    Case("zero", "amount_not_positive", {"amount": "0"}),
    Case("a negative amount", "amount_not_positive", {"amount": "-5"}),
    Case("half a won", "amount_too_precise", {"amount": "0.5"}),
    Case("no number", "invalid_amount", {"amount": "abc"}),
    Case("thirty digits", "invalid_amount", {"amount": "1" * 30}),
    Case("a control character", "invalid_text", {"reason": "a\x01b"}),
    Case("dollars and cents", "", {"amount": "0.10"}, {"currency": "USD", "amount": "20.30", "pg_provider": "eximbay"}),
    Case("a virtual account", "", {**ACCOUNT, "amount": "5000"}, VBANK),
    Case("a virtual account without an account", "account_required", {}, VBANK),
    Case("an unknown bank", "bank_unknown", {**ACCOUNT, "refund_bank": "Bank of Atlantis"}, VBANK),
    Case("an account with letters", "account_invalid", {**ACCOUNT, "refund_account": "12-34-abc"}, VBANK),
    Case("an account in the reason", "account_in_reason", {**ACCOUNT, "reason": "국민 110 123.456789로"}, VBANK),
    Case("Naver Pay without a reason", "reason_required", {}, NAVER),
    Case("Naver Pay with a reason", "", {"reason": "사이즈 변경"}, NAVER),
    Case("a part of a phone bill", "phone_partial", {"amount": "100"}, {"pay_method": "phone", "pg_provider": "kcp"}),
    Case("a mixed payment without its tax-free part", "tax_free_required", {"amount": "4000"}, MIXED),
    Case("a mixed payment with its tax-free part", "", {"amount": "4000", "tax_free": "1000"}, MIXED),
    Case("a part that keeps the promotion", "", {"amount": "4000", "retain_promotion": "on"}, PROMOTION),
    Case("a part that does not keep it", "", {"amount": "4000"}, PROMOTION),
    Case("an order without a promotion to keep", "", {"amount": "4000", "retain_promotion": "on"}),
    Case("an order that was never paid", "payment_failed", {}, {"status": "failed"}),
    Case("a reason of the list", "", {"reason_code": "change_of_mind"}),
    Case("a reason of the list for Naver Pay", "", {"reason_code": "change_of_mind"}, NAVER),
    Case("an unknown reason", "invalid_reason_code", {"reason_code": "no_such_reason", "reason": "size"}),
    Case("a reason without its explanation", "reason_note_required", {"reason_code": "other"}),
    Case("a reason with its explanation", "", {"reason_code": "other", "reason": "size"}),
    Case("refused by the PG", "refused_by_gateway", faults=(("cancel", "refuse"),)),
    Case("a cancel that we missed", "refused_by_gateway", {"amount": "1000"}, missed_cancel=1_000),
    Case("refused, and yet carried out", "", faults=(("cancel", "refuse_after"),)),
    Case("no answer", "outcome_unknown", faults=(("cancel", "drop_after"),)),
    Case("refused, and not to be read", "outcome_unknown", faults=(("cancel", "refuse"), ("payment", "http_500"))),
    Case("accepted for later", "pending", faults=(("cancel", "accept_later"),)),
    Case("too many requests", "gateway_unavailable", faults=(("cancel", "http_429"),)),
]


def by_api(payment: Payment, typed: dict[str, str]) -> str:
    client = Client()
    client.force_login(make_staff("refund_payment", name="api"))
    texts = {name: text for name, text in typed.items() if name not in ("amount", "tax_free", "retain_promotion")}
    flags = {"retain_promotion": True} if "retain_promotion" in typed else {}
    body = json.dumps({"imp_uid": payment.imp_uid, **texts, **flags})[:-1]
    for name, key in (("amount", "cancel_request_amount"), ("tax_free", "tax_free")):
        if name in typed:
            number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", typed[name])
            body += f', "{key}": {typed[name] if number else json.dumps(typed[name])}'
    answer = client.post("/payments/cancel", body + "}", content_type="application/json").json()
    return str(answer.get("code", ""))


def by_command(payment: Payment, typed: dict[str, str]) -> str:
    options = [part for name, text in typed.items() for part in (f"--{name.replace('_', '-')}", text) if part != "on"]
    out = StringIO()
    with suppress(SystemExit, CommandError):
        call_command("refund", payment.imp_uid, *options, "--json", stdout=out, stderr=StringIO())
    document = json.loads(out.getvalue())
    return str(document["results"][0]["code"] if document["results"] else document["code"])


def by_admin(payment: Payment, typed: dict[str, str]) -> str:
    client = Client()
    client.force_login(make_staff("refund_payment", "view_payment", name="admin"))
    orders = {payment: {name: text for name, text in typed.items() if not name.startswith("reason")}}
    page = confirmation(client, payment)
    answer = fill(
        client, page, orders, reason=typed.get("reason", ""), reason_code=typed.get("reason_code", ""), read=True
    )
    if answer.status_code == 200:  # rejected before the refund; the page shows the reason
        headlines = {"not_sent", "skipped"}
        return next(code for code in codes(answer.content.decode()) if code not in headlines)
    item = RefundBatchItem.objects.get(payment=payment)
    status = item.refund.status if item.refund else ""
    return item.error_code or ("pending" if status == "pending" else "")


def by_sheet(payment: Payment, typed: dict[str, str], folder: Path) -> str:
    """Refund the payment as the only row of a sheet: its preview gives the total to confirm."""
    file = folder / f"{payment.imp_uid}.csv"
    cells = {"imp_uid": payment.imp_uid, **typed}
    file.write_text("\n".join([",".join(cells), ",".join(f'"{text}"' for text in cells.values())]), encoding="utf-8")
    preview = run_command("refund", "--file", str(file))[1].get("preview", {"totals": {}})
    confirmed = [option for currency, sum_ in preview["totals"].items() for option in ("--total", f"{sum_} {currency}")]
    return str(run_command("refund", "--file", str(file), *confirmed, "--yes")[1]["results"][0]["code"])


def make_reasons() -> None:
    make_reason()
    make_reason("other", name_ko="기타", name_en="Other", fault="", needs_note=True)


def rows(payment: Payment) -> list[object]:
    """Return the payment's records and timelines without what must differ: numbers, times, actor and source."""
    payment.refresh_from_db()
    same = ("status", "amount", "checksum", "cancelled_amount", "tax_free", "vat_amount", "reason", "requester")
    same += ("retain_promotion", "reason_code", "reason_name_ko", "reason_name_en", "fault")
    same += ("refund_bank", "refund_account_last4", "error_code", "message", "needs_review")
    records = RefundRecord.objects.filter(payment=payment).order_by("pk").values_list(*same)
    events = RefundEvent.objects.filter(refund__payment=payment).order_by("pk").values_list("code", "status", "message")
    accounts = [stored_account(record) for record in payment.refunds.order_by("pk")]
    return [(payment.status, payment.cancel_amount), *records, *accounts, *events]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_entry_point_gives_the_same_result(sandbox: SandboxServer, settings: Settings, case: Case) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({"mixed_tax:kcp"})
    make_reasons()
    entries: list[Callable[[Payment, dict[str, str]], str]] = [by_api, by_command, by_admin]
    left_behind = []
    for refund in entries:
        payment = paid_at_sandbox(sandbox, **case.payment)
        if case.missed_cancel:
            sandbox.console_cancel(payment.imp_uid, case.missed_cancel)
        for endpoint, fault in case.faults:
            sandbox.fault(endpoint, fault, times=1)
        assert refund(payment, case.typed) == case.code, refund.__name__
        sandbox.clear_faults()
        left_behind.append(rows(payment))
    assert left_behind[0] == left_behind[1] == left_behind[2]


# A sheet has no column for the promotion, and a batch tries again what was not sent.
IN_SHEETS = [case for case in CASES if "retain_promotion" not in case.typed and case.name != "too many requests"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("case", IN_SHEETS, ids=lambda case: case.name)
def test_a_sheet_gives_the_same_result(sandbox: SandboxServer, settings: Settings, tmp_path: Path, case: Case) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({"mixed_tax:kcp"})
    make_reasons()
    left_behind = []
    for refund in (by_command, partial(by_sheet, folder=tmp_path)):
        payment = paid_at_sandbox(sandbox, **case.payment)
        if case.missed_cancel:
            sandbox.console_cancel(payment.imp_uid, case.missed_cancel)
        for endpoint, fault in case.faults:
            sandbox.fault(endpoint, fault, times=1)
        assert refund(payment, case.typed) == case.code, refund
        sandbox.clear_faults()
        left_behind.append(rows(payment))
    assert left_behind[0] == left_behind[1]
