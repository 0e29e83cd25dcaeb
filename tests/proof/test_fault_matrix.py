"""Every fault of i'mport, in every call of a refund, through the entry points: the reported code, the record's
status, and its status after reconcile once i'mport works again."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache
from pytest_django import Settings

from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.models import RefundRecord
from tests.entry_points import ENTRY_POINTS, HTTP_STATUS, Request, by_admin, run_command
from tests.factories import make_staff
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
# Seconds. Short only where i'mport hangs: on a slow machine another fault must not become a time-out.
READ_TIMEOUT = {"hang": 1, "hang_before": 1}
PATIENT_READ_TIMEOUT = 10
SILENCE = 1.5  # how long a hanging i'mport does not respond

Story = tuple[str, str, str]  # reported code, the record's status, its status after reconcile
REFUNDED = ("", "succeeded", "succeeded")  # 200, exit code 0
PENDING = ("pending", "pending", "succeeded")  # 202, exit code 1 | the PG settles it
REFUSED = ("refused_by_gateway", "failed", "failed")  # 422, exit code 1 | nothing moved
NOT_SENT = ("gateway_unavailable", "failed", "failed")  # 503, exit code 1 | nothing moved
UNKNOWN_DONE = ("outcome_unknown", "unknown", "succeeded")  # 504, exit code 1 | it had moved
UNKNOWN_NOT_DONE = ("outcome_unknown", "unknown", "failed")  # 504, exit code 1 | it had not

ALL_ENTRY_POINTS = {**ENTRY_POINTS, "admin": by_admin}

# One column for each call in which the fault occurs:
# getToken: before the cancel | cancel: the refund itself | payment: the lookup after a refusal |
# balance: what PAYCO says is left tax-free, read first; no refund may depend on it.
ENDPOINTS = ("getToken", "cancel", "payment", "balance")
TABLE: dict[str, tuple[Story, ...]] = {
    # fault          getToken  cancel            payment           balance
    "latency":       (REFUNDED, REFUNDED,         REFUSED,          REFUNDED),
    "http_500":      (NOT_SENT, UNKNOWN_NOT_DONE, UNKNOWN_NOT_DONE, REFUNDED),
    "http_502_html": (NOT_SENT, UNKNOWN_NOT_DONE, UNKNOWN_NOT_DONE, REFUNDED),
    "http_429":      (NOT_SENT, NOT_SENT,         UNKNOWN_NOT_DONE, REFUNDED),
    "drop_before":   (NOT_SENT, UNKNOWN_NOT_DONE, UNKNOWN_NOT_DONE, REFUNDED),
    "expired_token": (NOT_SENT, NOT_SENT,         UNKNOWN_NOT_DONE, REFUNDED),
    "not_found":     (NOT_SENT, REFUSED,          UNKNOWN_NOT_DONE, REFUNDED),
    "refuse":        (NOT_SENT, REFUSED,          UNKNOWN_NOT_DONE, REFUNDED),
    "hang_before":   (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
    "drop_after":    (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
    "truncated":     (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
    "not_json":      (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
    "empty_body":    (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
    "refuse_after":  (NOT_SENT, REFUNDED,         UNKNOWN_NOT_DONE, REFUNDED),
    "accept_later":  (REFUNDED, PENDING,          REFUSED,          REFUNDED),
    "code0_null":    (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
    "hang":          (NOT_SENT, UNKNOWN_DONE,     UNKNOWN_NOT_DONE, REFUNDED),
}  # fmt: skip
# The faults of the cancel give every story, so they tell each entry point's answer to it.
CASES = [("cancel", entry_point) for entry_point in ALL_ENTRY_POINTS]
CASES += [(endpoint, "service") for endpoint in ENDPOINTS if endpoint != "cancel"]


@pytest.fixture
def fresh_gateway(settings: Settings) -> Callable[[str, bool], None]:
    """Return a function that prepares a gateway with a timeout for the fault, with or without an access token."""
    keys = itertools.count()

    def prepare(fault: str, has_token: bool) -> None:
        settings.IAMPORT_READ_TIMEOUT = READ_TIMEOUT.get(fault, PATIENT_READ_TIMEOUT)
        if not has_token:
            cache.clear()
            settings.IAMPORT_CONNECT_TIMEOUT = 5 + next(keys) / 1_000  # another gateway, without a token in memory

    return prepare


def test_table_contains_every_fault_of_the_sandbox() -> None:
    manual = (
        (ROOT / "sandbox" / "README.md").read_text(encoding="utf-8").partition("## Faults")[2].partition("\n## ")[0]
    )
    assert set(TABLE) == set(re.findall(r"^\| `(\w+)` \|", manual, re.MULTILINE))
    assert {len(row) for row in TABLE.values()} == {len(ENDPOINTS)}


@pytest.mark.parametrize(("endpoint", "entry_point"), CASES)
def test_every_fault_ends_as_in_the_table(
    sandbox: SandboxServer, fresh_gateway: Callable[[str, bool], None], endpoint: str, entry_point: str
) -> None:
    user = make_staff("refund_payment")
    found: dict[str, Story] = {}
    for fault in TABLE:
        payment = _payment(sandbox)
        fresh_gateway(fault, endpoint != "getToken")
        if endpoint == "payment":
            sandbox.fault("cancel", "refuse", times=1)
        rule = sandbox.fault(endpoint, fault, seconds=0.05 if fault == "latency" else SILENCE)
        answer = ALL_ENTRY_POINTS[entry_point](Request(payment=payment, user=user, amount=1_000))
        assert [seen["fired"] > 0 for seen in sandbox.faults() if seen["id"] == rule["id"]] == [True]
        _check_answer(entry_point, answer.code, answer.answer)
        record = RefundRecord.objects.get(payment=payment)
        assert answer.number == record.number
        found[fault] = (answer.code, record.status, _after_reconcile(sandbox, record))
    assert found == {fault: row[ENDPOINTS.index(endpoint)] for fault, row in TABLE.items()}


def _payment(sandbox: SandboxServer) -> Payment:
    """Create a payment by PAYCO, whose balance is read before a refund."""
    sandbox.clear_faults()
    shown = sandbox.create_payment(merchant_uid="matrix", amount=10_000, pg_provider="payco", pay_method="payco")
    list(sync_by_id([shown["imp_uid"]]))
    return Payment.objects.get(imp_uid=shown["imp_uid"])


def _check_answer(entry_point: str, code: str, answer: int) -> None:
    if entry_point == "api":
        assert answer == HTTP_STATUS[code]
    if entry_point == "command":
        assert answer == (1 if code else 0)


def _after_reconcile(sandbox: SandboxServer, record: RefundRecord) -> str:
    """Reconcile after the lease with a working i'mport; return the record's status, checked against the amounts."""
    sandbox.clear_faults()
    imp_uid = record.payment.imp_uid
    wait_for_open_calls(sandbox)
    sandbox.settle(imp_uid)
    with time_machine.travel(record.requested_at.timestamp() + 3_600, tick=True):
        assert run_command("reconcile", imp_uid)[0] == 0
    record.refresh_from_db()
    moved = record.status == "succeeded"
    shown = sandbox.payment(imp_uid)
    record.payment.refresh_from_db()
    assert shown["cancel_amount"] == record.payment.cancel_amount == (1_000 if moved else 0)
    assert len(shown["cancel_history"]) == (1 if moved else 0)
    return record.status


def wait_for_open_calls(sandbox: SandboxServer) -> None:
    """Wait until the sandbox has ended every cancel, including those whose caller timed out."""
    while any(_is_open(call) for call in sandbox.log("cancel")):
        time.sleep(0.05)


def _is_open(call: dict[str, object]) -> bool:
    return call["fault"] in {"hang", "hang_before"} and call["http_status"] is None
