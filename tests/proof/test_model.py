"""Random sequences of steps on a few payments, checked after each step against the sandbox's real state.

Hypothesis generates the steps and, on a failure, reduces them to the shortest failing sequence.
`PROOF_EXAMPLES=1000` runs more than `make test` does.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from chaos.comparison import differences, executions
from payments.gateway import GatewayError
from payments.gateway.iamport.mapping import payment_from
from payments.intake.inbox import process_waiting
from payments.intake.mirror import mirror_payment
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import RefundEvent, RefundRecord, RefundSource, RefundStatus
from refunds.policies import settles_later
from refunds.reconciliation.resolution import close_by_hand
from tests.entry_points import ENTRY_POINTS, Outcome, Request, by_api, by_service, run_command
from tests.factories import ACCOUNT, make_staff
from tests.proof.test_fault_matrix import TABLE, wait_for_open_calls
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "8"))
STEPS = 30
MAX_PAYMENTS = 3
READ_TIMEOUT, SILENCE = 0.5, 0.7  # seconds
AMOUNT = 10_000
AFTER_REVIEW = 73 * 3_600  # seconds: after the lease, and after staff must review the refund
KINDS: tuple[dict[str, Any], ...] = (
    {"pg_provider": "uplus"},
    {"pg_provider": "html5_inicis", "promotion": {"id": "p", "discount": 1_000}},
    {"pg_provider": "naverpay", "pay_method": "naverpay"},
    {"pg_provider": "kcp", "pay_method": "vbank"},
    {"pg_provider": "smartro_v2", "pay_method": "vbank"},
    {"pg_provider": "uplus", "history_without_ids": True},
    {"pg_provider": "payco", "pay_method": "payco", "tax_free": 3_000},
)
# Codes of a request that moved no money and never will.
NOTHING_MOVED = {"refused_by_gateway", "gateway_unavailable", "refund_not_carried_out"}
FINAL_FIELDS = ("payment_id", "number", "status", "amount", "cancelled_amount", "settled_at", "error_code", "message")

index = st.integers(0, MAX_PAYMENTS - 1)
amounts = st.sampled_from([None, 10, 500, 1_000, 1_000, 2_500, 5_000, 9_999, 10_000, 20_000])
small_amounts = st.sampled_from([500, 1_000])
faults = st.sampled_from(sorted(TABLE))
lossy_faults = st.sampled_from(["drop_after", "drop_before", "refuse_after", "http_500", "code0_null", "accept_later"])


class RefundMachine(RuleBasedStateMachine):
    sandbox: SandboxServer
    user: Any
    clock: Any

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=MAX_PAYMENTS))
    def start(self, kinds: list[dict[str, Any]]) -> None:
        self.sandbox.reset()
        self.sandbox.settings(now=int(_now()))
        self.payments: list[Payment] = []
        self.keys: list[tuple[Request, Outcome]] = []
        self.outcomes: list[tuple[Payment, Outcome]] = []
        self.finals: dict[int, tuple[Any, ...]] = {}
        self.events: dict[int, dict[str, Any]] = {}
        for kind in kinds:
            shown = self.sandbox.create_payment(merchant_uid="model", amount=AMOUNT, **kind)
            self.payments.append(mirror_payment(payment_from(shown)))

    # --- Steps ----------------------------------------------------------------------------------------------

    @rule(at=index, amount=amounts, entry_point=st.sampled_from(sorted(ENTRY_POINTS)))
    def refund(self, at: int, amount: int | None, entry_point: str) -> None:
        self._send(entry_point, self._request(at, amount))

    @rule(at=index, amount=amounts, fault=faults, entry_point=st.sampled_from(sorted(ENTRY_POINTS)))
    def refund_with_a_fault(self, at: int, amount: int | None, fault: str, entry_point: str) -> None:
        if fault == "refuse_after" and settles_later(self._payment(at)):
            return  # refused after the PG accepted it: no lookup shows it, see docs/reliability.md
        self.sandbox.clear_faults()
        self.sandbox.fault("cancel", fault, times=1, seconds=SILENCE if "hang" in fault else 0)
        self._send(entry_point, self._request(at, amount))
        self.sandbox.clear_faults()  # unused if the request was rejected here: keep it from the next cancel

    @rule(at=index, amount=small_amounts, fault=lossy_faults)
    def refund_whose_answer_is_lost(self, at: int, amount: int, fault: str) -> None:
        self.refund_with_a_fault(at, amount, fault, "service")

    @rule(at=index, amount=amounts)
    def refund_with_a_key(self, at: int, amount: int | None) -> None:
        request = self._request(at, amount, key=f"key-{len(self.keys)}-{_now()}")
        self.keys.append((request, self._send("service", request)))

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), entry_point=st.sampled_from(["service", "api"]))
    def the_same_key_again(self, data: st.DataObject, entry_point: str) -> None:
        request, first = data.draw(st.sampled_from(self.keys))
        calls = len(self.sandbox.log("cancel"))
        again = {"service": by_service, "api": by_api}[entry_point](request)
        if first.number:
            assert len(self.sandbox.log("cancel")) == calls
            assert again.number in {"", first.number}
        self.outcomes.append((request.payment, again))

    @rule(at=index, amount=st.sampled_from([10, 500, 1_000, 5_000]))
    def console_cancel(self, at: int, amount: int) -> None:
        imp_uid = self._payment(at).imp_uid
        if self.sandbox.payment(imp_uid)["cancellable"] >= amount:
            self.sandbox.console_cancel(imp_uid, amount)

    @rule(endpoint=st.sampled_from(["payment", "payments", "status", "getToken", "balance"]), fault=faults)
    def reading_fails(self, endpoint: str, fault: str) -> None:
        self.sandbox.fault(endpoint, fault, times=2, seconds=SILENCE if "hang" in fault else 0)

    @rule(at=index, done=st.booleans())
    def the_pg_decides(self, at: int, done: bool) -> None:
        imp_uid = self._payment(at).imp_uid
        self.sandbox.settle(imp_uid) if done else self.sandbox.refuse(imp_uid)

    @rule(at=index)
    def sync(self, at: int) -> None:
        run_plain_sync(self._payment(at).imp_uid)

    @rule(at=index)
    def notification(self, at: int) -> None:
        """Send i'mport's webhook, then do the lookup that follows."""
        body = {"imp_uid": self._payment(at).imp_uid, "status": "cancelled"}
        assert Client().post("/webhooks/iamport", body, content_type="application/json").status_code == 200
        process_waiting()

    @rule(at=index, everything=st.booleans())
    def reconcile(self, at: int, everything: bool) -> None:
        run_command("reconcile", *([] if everything else [self._payment(at).imp_uid]))

    @rule(seconds=st.sampled_from([1, 45, 121, 125, 3_700]))
    def time_passes(self, seconds: int) -> None:
        wait_for_open_calls(self.sandbox)
        self.clock.shift(seconds)
        self.sandbox.settings(now=int(_now()))

    @rule()
    def the_lease_passes_and_all_is_compared(self) -> None:
        self.time_passes(125)
        self.sandbox.clear_faults()
        run_command("reconcile")

    # --- Invariants -----------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_keeps_its_promises(self) -> None:
        truth = {payment.imp_uid: self.sandbox.payment(payment.imp_uid) for payment in self.payments}
        for payment in self.payments:
            payment.refresh_from_db()
            check_payment(payment, truth[payment.imp_uid])
        self._history_is_kept()
        executed = executions(truth.values())
        for record in self._records():
            assert executed[record.number] <= (0 if record.status == RefundStatus.FAILED else 1), record
        for payment, outcome in self.outcomes:
            if outcome.code == "":
                assert RefundRecord.objects.get(number=outcome.number).status == RefundStatus.SUCCEEDED, outcome
            elif outcome.code in NOTHING_MOVED:
                assert executed[outcome.number] == 0, (payment, outcome)

    def teardown(self) -> None:
        if not hasattr(self, "payments"):
            return
        self.sandbox.clear_faults()
        wait_for_open_calls(self.sandbox)
        for payment in self.payments:
            self.sandbox.settle(payment.imp_uid)
        self.time_passes(AFTER_REVIEW)
        run_command("reconcile")
        run_command("reconcile", *[payment.imp_uid for payment in self.payments])
        truth = [self.sandbox.payment(payment.imp_uid) for payment in self.payments]
        self._resolve_what_the_pg_refused(truth)
        self.the_ledger_keeps_its_promises()
        assert differences(truth) == []
        assert not self._records().live().exists()
        for payment, shown in zip(self.payments, truth, strict=True):
            # For a console cancel, i'mport does not report the amount before a promotion's discount.
            if not payment.refunds.filter(source=RefundSource.CONSOLE).exists():
                assert payment.refundable_amount == shown["cancellable"]

    # --- Helpers --------------------------------------------------------------------------------------------

    def _payment(self, at: int) -> Payment:
        return self.payments[at % len(self.payments)]

    def _records(self) -> Any:
        return RefundRecord.objects.filter(payment__in=self.payments)

    def _request(self, at: int, amount: int | None, key: str | None = None) -> Request:
        payment = self._payment(at)
        account = {**ACCOUNT, "refund_tel": "01012345678"} if payment.pay_method == "vbank" else None
        return Request(payment=payment, user=self.user, amount=amount, key=key, account=account)

    def _send(self, entry_point: str, request: Request) -> Outcome:
        before = self._moved(request.payment)
        outcome = ENTRY_POINTS[entry_point](request)
        wait_for_open_calls(self.sandbox)
        moved = self._moved(request.payment) - before
        if outcome.code == "":
            assert moved == RefundRecord.objects.get(number=outcome.number).cancelled_amount, outcome
        elif outcome.code not in {"outcome_unknown", "pending"}:
            assert moved == 0, outcome
        self.outcomes.append((request.payment, outcome))
        return outcome

    def _moved(self, payment: Payment) -> Decimal:
        return Decimal(self.sandbox.payment(payment.imp_uid)["cancel_amount"])

    def _history_is_kept(self) -> None:
        """Check that final records and events have not changed."""
        settled = self._records().filter(settled_at__isnull=False)
        finals = {row[0]: row for row in settled.values_list("pk", *FINAL_FIELDS)}
        assert self.finals.items() <= finals.items()
        events = {row["id"]: row for row in RefundEvent.objects.filter(refund__payment__in=self.payments).values()}
        assert {pk: events.get(pk) for pk in self.events} == self.events
        self.finals, self.events = finals, events

    def _resolve_what_the_pg_refused(self, truth: list[dict[str, Any]]) -> None:
        """Close cancels that the PG refused after accepting them: no lookup shows them, so staff decide."""
        for shown in truth:
            waiting = self._records().live().filter(payment__imp_uid=shown["imp_uid"])
            if shown["pending_cancels"]:
                continue
            for record in waiting:
                assert record.needs_review
                actor = Actor(name="staff", user=self.user)
                closed = close_by_hand(refund=record, actor=actor, reason="the PG refused it, says its console")
                assert closed.status == RefundStatus.FAILED


def check_payment(payment: Payment, shown: dict[str, Any]) -> None:
    """Check the invariant that holds even while outcomes are open: the ledger never shows more than i'mport."""
    records = list(payment.refunds.all())
    done = [record for record in records if record.status == RefundStatus.SUCCEEDED]
    assert sum(record.is_live for record in records) <= 1
    assert 0 <= payment.cancel_amount <= payment.amount
    assert payment.cancel_amount == sum((record.booked_amount for record in done), Decimal(0))
    assert payment.cancel_amount <= shown["cancel_amount"]
    history = shown["cancel_history"]
    carried_out = {item["cancellation_id"]: item["amount"] for item in history if "cancellation_id" in item}
    for record in done:  # i'mport may show the item without its id
        assert carried_out.get(record.cancellation_id, record.cancelled_amount) == record.cancelled_amount


def run_plain_sync(imp_uid: str) -> None:
    """Sync as the nightly job does; ignore payments that cannot be read now."""
    try:
        list(sync_by_id([imp_uid]))
    except GatewayError:
        return


def _now() -> float:
    return timezone.now().timestamp()


@pytest.mark.timeout(900)  # a failure is reduced to its shortest sequence
def test_no_sequence_of_steps_loses_or_doubles_a_refund(
    sandbox: SandboxServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IAMPORT_READ_TIMEOUT = READ_TIMEOUT
    settings.IAMPORT_CONTRACTS = frozenset({"vbank_refund"})
    with time_machine.travel(_now(), tick=True) as clock:
        RefundMachine.sandbox, RefundMachine.clock = sandbox, clock
        RefundMachine.user = make_staff("refund_payment")
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            RefundMachine,
            settings=profile(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                verbosity=Verbosity.normal,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
