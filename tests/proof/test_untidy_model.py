"""Random sequences of steps against an i'mport that is as untidy as can be; checked after each step.

`make test` takes the same 1,000 steps each time. `UNTIDY_EXAMPLES=500` takes more, and new ones each time.
Such a run can find what docs/reliability.md names as known limits.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from payments.intake.mirror import mirror_payment
from payments.models import Payment
from refunds.errors import RefundError, RefundNotDone
from refunds.inputs import Actor, RefundRequest
from refunds.models import FINAL_STATUSES, RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation.reconcile import Reconciled, reconcile
from refunds.reconciliation.resolution import close_by_hand
from refunds.reconciliation.reversal import accept_reversal
from refunds.services.refund import request_refund
from tests.proof.untidy_iamport import Account, Distortion, UntidyIamport, shown

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("UNTIDY_EXAMPLES") or 10)
STEPS = 50
PARTS = 2  # run side by side
STAFF = Actor("staff")
CONSOLE = "관리자페이지취소"
RIVALS = ("RTHEXRDESK2 size", "다른 시스템", CONSOLE)
KINDS = (
    {},
    {"pg_provider": "naverpay"},
    {"pg_provider": "paypal_v2"},
    {"amount": Decimal("10.00"), "currency": "USD", "as_floats": True},
    {"repeats": True, "reverses": True},
)
ANSWERED_IN_VAIN = {"gateway_unavailable", "refund_not_carried_out"}  # "ask again"

index = st.integers(0, 2)
tenths = st.sampled_from([1, 1, 2, 3, 4, 10, None])
outcomes = st.sampled_from(
    ["yes", "yes", "lost after", "lost after", "lost before", "refused", "refused after", "accepted"]
)
distortions = st.builds(
    Distortion,
    hours=st.sampled_from([0, 0, -1, -9, 9, -23]),
    reason=st.sampled_from(["{}", "{}", "", "고객 요청", "?? {}", "."]),
    cut=st.sampled_from([500, 500, 3, 8, 20]),
    has_item=st.sampled_from([True, True, True, False]),
    has_id=st.booleans(),
    has_tid=st.booleans(),
)


class UntidyMachine(RuleBasedStateMachine):
    numbers = itertools.count(1)

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    def start(self, kinds: list[dict[str, Any]]) -> None:
        self.gateway = UntidyIamport()
        self.payments: list[Payment] = []
        self.finals: dict[int, tuple[Any, ...]] = {}
        self.seen_stale: set[str] = set()
        self.touched: list[Payment] = []  # by the last step
        for kind in kinds:
            account = Account(**{"imp_uid": f"untidy_{next(self.numbers)}", "amount": Decimal(10_000), **kind})
            self.payments.append(mirror_payment(self.gateway.open(account)))

    # --- Steps ----------------------------------------------------------------------------------------------

    @rule(at=index, part=tenths, outcome=outcomes, distortion=distortions)
    def refund(self, at: int, part: int | None, outcome: str, distortion: Distortion) -> None:
        payment, account = self._at(at)
        self.gateway.next_outcome, self.gateway.next_distortion = outcome, distortion
        key = f"key-{next(self.numbers)}"
        before = account.gross
        code, record = self._request(payment, part, key)
        self._check_answer(account, code, record, moved=account.gross - before)
        self.gateway.next_outcome = "yes"
        again, _record = self._request(payment, part, key)
        if record is not None:
            assert again == code or code == "refund_in_progress", (code, again)

    @rule(
        at=index, part=tenths, fits=st.booleans(), reason=st.sampled_from(["RTHEXRDESK2 size", "다른 시스템", CONSOLE])
    )
    def refund_beside_another_desk(self, at: int, part: int | None, fits: bool, reason: str) -> None:
        _payment, account = self._at(at)
        self.gateway.rival = (account.amount / 10 * (1 if fits else 3), reason)
        self.refund(at, part, "yes", Distortion())
        self.gateway.rival = None

    @rule(at=index, part=st.sampled_from([1, 2, 4]), distortion=distortions)
    def cancel_in_the_console(self, at: int, part: int, distortion: Distortion) -> None:
        _payment, account = self._at(at)
        amount = account.amount / 10 * part
        if amount <= account.amount - account.total:
            self.gateway.execute(account, amount, CONSOLE, replace(distortion, reason="{}", cut=500, hours=0))

    @rule(at=index, done=st.booleans(), distortion=distortions)
    def the_pg_decides(self, at: int, done: bool, distortion: Distortion) -> None:
        _payment, account = self._at(at)
        for amount, reason in account.accepted:
            if done and amount <= account.amount - account.total:
                self.gateway.execute(account, amount, reason, distortion)
        account.accepted.clear()

    @rule(at=index, part=st.sampled_from([None, None, 1]), keeps_item=st.booleans())
    def take_back(self, at: int, part: int | None, keeps_item: bool) -> None:
        _payment, account = self._at(at)
        undoable = [cancel for cancel in account.cancels if cancel.left]
        if undoable:
            cancel = undoable[-1]
            cancel.taken_back += min(cancel.left, account.amount / 10 * part if part else cancel.left)
            cancel.keeps_item = keeps_item

    @rule(at=index)
    def name_everything(self, at: int) -> None:
        """Show what was held back: items, ids, PG numbers."""
        for cancel in self._at(at)[1].cancels:
            cancel.distortion = replace(cancel.distortion, has_item=True, has_id=True, has_tid=True)

    @rule(at=index)
    def rename(self, at: int) -> None:
        for cancel in self._at(at)[1].cancels[-1:]:
            cancel.id = f"renamed{next(self.numbers)}"

    @rule(at=index, readings=st.integers(1, 2))
    def show_an_older_reading(self, at: int, readings: int) -> None:
        _payment, account = self._at(at)
        now = shown(account)
        account.stale = [now] * readings
        self.seen_stale.add(account.imp_uid)

    @rule(at=index)
    def sync(self, at: int) -> None:
        mirror_payment(self.gateway.payment(self._at(at)[0].imp_uid))

    @rule(at=index, lease_is_over=st.booleans())
    def reconcile(self, at: int, lease_is_over: bool) -> None:
        payment, account = self._at(at)
        if lease_is_over:
            self._age(timedelta(hours=1))
        is_stale = bool(account.stale)
        for result in self._reconciled(payment):
            assert is_stale or result.outcome != "agrees" or result.payment.cancel_amount == account.total, result

    @rule(at=index)
    def accept_what_was_taken_back(self, at: int) -> None:
        payment, account = self._at(at)
        account.stale.clear()
        if payment.cancel_amount > account.total:
            try:
                accept_reversal(payment=payment, actor=STAFF, reason="the bank sent it back", gateway=self.gateway)
            except RefundError:
                return  # a refund is under way

    # --- Invariants -----------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_keeps_its_promises(self) -> None:
        for payment in getattr(self, "touched", ()):
            payment.refresh_from_db()
            account = self.gateway.accounts[payment.imp_uid]
            records = list(payment.refunds.select_related("late_record"))
            assert payment.cancel_amount == sum((record.net_amount for record in records), Decimal(0))
            assert 0 <= payment.cancel_amount <= account.gross
            assert sum(record.is_live for record in records) <= 1
            for record in records:
                if record.status == RefundStatus.FAILED and record.executed_late is None:
                    self._check_failed(account, record)
            finals = {
                record.pk: (record.status, record.cancelled_amount, record.settled_at)
                for record in records
                if record.status in FINAL_STATUSES
            }
            assert {pk: finals[pk] for pk in self.finals if pk in finals} == {
                pk: row for pk, row in self.finals.items() if pk in finals
            }
            self.finals |= finals

    def _check_failed(self, account: Account, record: RefundRecord) -> None:
        """Check that a refund that failed was not executed, as far as a reading could show it."""
        cancel = account.executed(record.reason)
        assert cancel is None or not cancel.left or account.imp_uid in self.seen_stale, record

    def teardown(self) -> None:
        for payment in getattr(self, "payments", ()):
            account = self.gateway.accounts[payment.imp_uid]
            account.stale.clear()
            self.the_pg_decides(self.payments.index(payment), done=True, distortion=Distortion())
            for cancel in account.cancels:
                cancel.distortion = replace(cancel.distortion, in_total=True)
            self._end(payment, account)
            payment.refresh_from_db()
            assert payment.cancel_amount == account.total
            assert not payment.refunds.live().exists()
            assert [result.outcome for result in self._reconciled(payment)] == ["agrees"]
        self.touched = getattr(self, "payments", [])
        self.the_ledger_keeps_its_promises()

    # --- Helpers --------------------------------------------------------------------------------------------

    def _at(self, at: int) -> tuple[Payment, Account]:
        payment = self.payments[at % len(self.payments)]
        payment.refresh_from_db()
        self.touched = [payment]
        return payment, self.gateway.accounts[payment.imp_uid]

    def _request(self, payment: Payment, part: int | None, key: str) -> tuple[str, RefundRecord | None]:
        amount = None if part is None else payment.amount / 10 * part
        try:
            record = request_refund(
                payment=payment,
                request=RefundRequest(amount=amount, reason=f"{key} 변심 😀"),
                actor=STAFF,
                source=RefundSource.COMMAND,
                idempotency_key=key,
                gateway=self.gateway,
            )
        except RefundNotDone as exc:
            return exc.code, exc.refund
        except RefundError as exc:
            return exc.code, None
        return record.status, record

    def _check_answer(self, account: Account, code: str, record: RefundRecord | None, *, moved: Decimal) -> None:
        if code == RefundStatus.SUCCEEDED:
            assert record is not None
            assert moved or record.needs_review
        elif account.imp_uid not in self.seen_stale:
            assert code in {RefundStatus.PENDING, "outcome_unknown"} or not moved or self.gateway.rival, code

    def _reconciled(self, payment: Payment) -> list[Reconciled]:
        return list(reconcile(payments=Payment.objects.filter(pk=payment.pk), gateway=self.gateway))

    def _age(self, by: timedelta) -> None:
        for record in RefundRecord.objects.live().filter(payment__in=self.payments):
            record.requested_at -= by
            record.save()

    def _end(self, payment: Payment, account: Account) -> None:
        """Reconcile after the lease; accept what was taken back, and close what only staff can decide."""
        for _round in range(3):
            self._age(timedelta(hours=73))
            self._reconciled(payment)
            payment.refresh_from_db()
            if payment.cancel_amount > account.total:
                accept_reversal(payment=payment, actor=STAFF, reason="the bank sent it back", gateway=self.gateway)
            for record in payment.refunds.live():
                if record.needs_review:
                    close_by_hand(refund=record, actor=STAFF, reason="asked the PG", gateway=self.gateway)


@pytest.mark.timeout(900)  # a failure is reduced to its shortest sequence
@pytest.mark.parametrize("part", range(PARTS))
def test_untidy_iamport_never_makes_the_ledger_lie(part: int) -> None:
    machine = type("UntidyMachine", (UntidyMachine,), {"__doc__": f"part {part}"})
    if not os.environ.get("UNTIDY_EXAMPLES"):
        machine = seed(part)(machine)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=profile(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
