"""A refund in its three steps, with the sandbox i'mport over real HTTP."""

import time
from contextlib import nullcontext, suppress
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from payments.gateway import Gateway, get_gateway
from payments.intake.mirror import mirror_payment
from payments.models import Payment
from refunds.errors import (
    ConfirmationRequired,
    IdempotencyConflict,
    PolicyViolated,
    RefundInProgress,
    RefundNotSent,
    RefundOutcomeUnknown,
    RefundRefused,
)
from refunds.inputs import Actor, RefundRequest
from refunds.lease import longest_call
from refunds.models import RefundEvent, RefundRecord, RefundSource, RefundStatus
from refunds.services import refund as refund_module
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

ACTOR = Actor(name="tester")


def refund(payment: Payment, amount: int | None = None, key: str | None = None, **fields: object) -> RefundRecord:
    request = RefundRequest(amount=None if amount is None else Decimal(amount), **{"reason": "broken", **fields})  # type: ignore[arg-type]
    return request_refund(payment=payment, request=request, actor=ACTOR, source=RefundSource.API, idempotency_key=key)


def agree(sandbox: SandboxServer, payment: Payment) -> bool:
    """Return whether ledger, records and i'mport show the same amount."""
    payment.refresh_from_db()
    booked = sum(record.booked_amount for record in payment.refunds.succeeded())
    return payment.cancel_amount == booked == sandbox.payment(payment.imp_uid)["cancel_amount"]


def test_no_amount_refunds_all_that_is_left(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    refund(payment, 3_000)
    record = refund(payment)
    assert (record.status, record.cancelled_amount) == (RefundStatus.SUCCEEDED, 7_000)
    assert agree(sandbox, payment)
    assert payment.is_fully_refunded


def test_a_reason_with_the_account_of_an_earlier_refund_is_refused(sandbox: SandboxServer, settings: Settings) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({"vbank_refund"})
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    refund(payment, 3_000, **ACCOUNT)
    other = {**ACCOUNT, "refund_account": "999-888-777666"}
    with pytest.raises(PolicyViolated) as refusal:
        refund(payment, 1_000, **other, reason=f"not {ACCOUNT['refund_account']} any more")
    assert refusal.value.code == "account_in_reason"
    assert payment.refunds.count() == 1


def test_the_call_names_amount_checksum_and_refund_number(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    refund(payment, 3_000)
    record = refund(payment, 1_000)
    sent = sandbox.log("cancel")[-1]["params"]
    assert (sent["amount"], sent["checksum"]) == (1_000, 7_000)
    assert sent["reason"] == f"{record.number} broken"


def test_naverpay_gets_the_exact_reason_and_the_requester(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="naverpay", pg_provider="naverpay")
    record = refund(payment, requester="customer")
    sent = sandbox.log("cancel")[-1]["params"]
    assert (sent["reason"], sent["extra"]) == ("broken", {"requester": "customer"})
    assert record.status == RefundStatus.SUCCEEDED


def test_a_virtual_account_gets_the_form_of_bank_that_its_pg_wants(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="kcp")
    record = refund(payment, **ACCOUNT)
    sent = sandbox.log("cancel")[-1]["params"]
    assert (sent["refund_bank"], sent["refund_account"]) == ("BK88", ACCOUNT_DIGITS)
    assert (record.refund_bank, record.refund_account_last4) == ("088", "6789")


def test_a_refusal_that_no_database_takes_as_it_is_ends_the_refund(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", message="한도\x00 초과")
    with pytest.raises(RefundRefused, match="한도 초과"):
        refund(payment)
    assert payment.refunds.get().status == RefundStatus.FAILED


def test_rules_are_checked_before_anything_is_written_or_sent(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    with pytest.raises(PolicyViolated) as raised:
        refund(payment, 10_001)
    assert raised.value.code == "amount_exceeds_balance"
    assert not RefundRecord.objects.exists()
    assert sandbox.log("cancel") == []


def test_accepted_without_a_history_item_is_pending(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    record = refund(payment, 1_000)
    assert record.status == RefundStatus.PENDING
    with pytest.raises(RefundInProgress):
        refund(payment, 1_000)


@pytest.mark.parametrize("fault", ["drop_after", "http_500", "http_502_html", "truncated", "not_json", "empty_body"])
def test_no_readable_answer_leaves_the_refund_unknown(sandbox: SandboxServer, fault: str) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", fault, times=1)
    with pytest.raises(RefundOutcomeUnknown) as raised:
        refund(payment, 1_000)
    assert raised.value.refund.status == RefundStatus.UNKNOWN
    assert len(sandbox.log("cancel")) == 1
    with pytest.raises(RefundInProgress):
        refund(payment, 1_000)


def test_a_time_out_leaves_the_refund_unknown(sandbox: SandboxServer, settings: Settings) -> None:
    payment = paid_at_sandbox(sandbox)
    settings.IAMPORT_READ_TIMEOUT = 1
    sandbox.fault("cancel", "hang", times=1, seconds=3)
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment, 1_000)


def test_nothing_sent_fails_at_once_and_may_be_asked_again(sandbox: SandboxServer, settings: Settings) -> None:
    payment = paid_at_sandbox(sandbox)
    settings.IAMPORT_API_URL = "http://127.0.0.1:9"
    with pytest.raises(RefundNotSent) as raised:
        refund(payment)
    assert raised.value.refund.status == RefundStatus.FAILED
    settings.IAMPORT_API_URL = sandbox.url
    assert refund(payment).status == RefundStatus.SUCCEEDED


@pytest.mark.parametrize(("spare", "sent"), [(5, 1), (-1, 0), (-60, 0)])
def test_nothing_is_sent_that_the_lease_could_not_outlive(
    sandbox: SandboxServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, spare: float, sent: int
) -> None:
    """`spare` is the rest of the lease after the slowest possible call, in seconds."""
    payment = paid_at_sandbox(sandbox)
    with time_machine.travel(timezone.now()) as clock:

        def wake_up() -> Gateway:
            clock.shift(settings.REFUND_LEASE_SECONDS - longest_call() - spare)
            return get_gateway()

        monkeypatch.setattr(refund_module, "get_gateway", wake_up)  # called after the reservation, before the cancel
        with nullcontext() if sent else pytest.raises(RefundNotSent):
            refund(payment)
    assert len(sandbox.log("cancel")) == sent
    assert payment.refunds.get().status == (RefundStatus.SUCCEEDED if sent else RefundStatus.FAILED)


def test_a_refusal_keeps_the_message_of_imort(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", times=1, message="취소금액이 미정산 금액보다 큽니다.")
    with pytest.raises(RefundRefused) as raised:
        refund(payment)
    assert raised.value.message == "취소금액이 미정산 금액보다 큽니다."
    assert raised.value.refund.status == RefundStatus.FAILED
    assert agree(sandbox, payment)


def test_a_cancel_missed_by_our_ledger_is_imported_when_the_checksum_is_refused(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "in the console")
    with pytest.raises(RefundRefused) as raised:
        refund(payment, 2_000)
    assert "₩1,000" in raised.value.message
    assert agree(sandbox, payment)
    assert payment.refunds.get(source=RefundSource.CONSOLE).cancelled_amount == 1_000
    assert refund(payment, 9_000).status == RefundStatus.SUCCEEDED
    assert agree(sandbox, payment)


@pytest.mark.parametrize(
    ("language", "ours"),
    [
        ("en", "Not refunded: ₩1,000 had already been refunded"),
        ("ko", "환불되지 않았습니다. 아임포트에서 이미 환불된 금액(₩1,000)"),
    ],
)
def test_a_missed_cancel_is_told_before_the_words_of_imort(sandbox: SandboxServer, language: str, ours: str) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "in the console")
    with override(language), pytest.raises(RefundRefused) as raised:
        refund(payment, 2_000)
    assert raised.value.message.startswith(ours)
    assert raised.value.message.endswith(": 취소 가능 잔액이 checksum과 일치하지 않습니다.")


def test_a_missed_cancel_of_the_same_amount_is_not_taken_for_ours(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "")
    with pytest.raises(RefundRefused) as raised:
        refund(payment, 1_000)
    assert raised.value.refund.status == RefundStatus.FAILED
    assert agree(sandbox, payment)


def test_a_refusal_of_a_cancel_that_was_carried_out_is_a_success(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse_after", times=1)
    assert refund(payment, 1_000).status == RefundStatus.SUCCEEDED
    assert agree(sandbox, payment)


def test_a_refusal_that_cannot_be_checked_stays_unknown(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", times=1)
    sandbox.fault("payment", "http_500")
    with pytest.raises(RefundOutcomeUnknown):
        refund(payment, 1_000)


@pytest.fixture
def discounted(sandbox: SandboxServer) -> Payment:
    """Create an order of 10,000 with a promotion and 9,000 paid: i'mport's amounts are before the discount."""
    return paid_at_sandbox(sandbox, promotion={"id": "p", "discount": 1_000}, amount=10_000)


def test_a_promotion_is_booked_as_answered_and_flagged_for_review(sandbox: SandboxServer, discounted: Payment) -> None:
    record = refund(discounted, 5_000)
    assert (record.amount, record.cancelled_amount, record.needs_review) == (5_000, 4_500, True)
    assert agree(sandbox, discounted)


def test_with_a_promotion_the_rest_can_be_refunded_part_by_part(sandbox: SandboxServer, discounted: Payment) -> None:
    left = []
    for amount in (5_000, 1_000, None):
        refund(discounted, amount)
        assert agree(sandbox, discounted)
        assert discounted.refundable_amount == sandbox.payment(discounted.imp_uid)["cancellable"]
        left.append((discounted.cancel_amount, discounted.refundable_amount))
        assert discounted.is_partially_refunded == (discounted in Payment.objects.refundable()) == (amount is not None)
    assert left == [(4_500, 5_000), (5_400, 4_000), (9_000, 0)]
    assert discounted.is_fully_refunded
    with pytest.raises(PolicyViolated) as raised:
        refund(discounted)
    assert raised.value.code == "already_refunded"


def test_a_lost_answer_to_a_refund_with_a_promotion_does_not_change_what_is_left(
    sandbox: SandboxServer, discounted: Payment
) -> None:
    sandbox.fault("cancel", "drop_after", times=1)
    with suppress(RefundOutcomeUnknown):
        refund(discounted, 5_000)
    mirror_payment(get_gateway().payment(discounted.imp_uid))
    refund(discounted)
    assert agree(sandbox, discounted)
    assert (discounted.cancel_amount, discounted.is_fully_refunded) == (9_000, True)


def test_the_same_key_gives_the_same_refund_again(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    actor = Actor(name="buyer", user=make_user())
    first, second = (
        request_refund(
            payment=payment,
            request=RefundRequest(amount=Decimal(1_000)),
            actor=actor,
            source=RefundSource.API,
            idempotency_key="k1",
        )
        for _ in range(2)
    )
    assert first.pk == second.pk
    assert len(sandbox.log("cancel")) == 1
    with pytest.raises(IdempotencyConflict):
        request_refund(
            payment=payment,
            request=RefundRequest(amount=Decimal(2_000)),
            actor=actor,
            source=RefundSource.API,
            idempotency_key="k1",
        )


def test_the_balance_that_was_shown_must_still_hold(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    refund(payment, 1_000)
    with pytest.raises(PolicyViolated) as raised:
        refund(payment, expected_balance=Decimal(10_000))
    assert raised.value.code == "balance_changed"


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ({}, set()),
        ({"refund_holder": "홍 길동"}, set()),
        ({"refund_holder": "김철수"}, {"account_holder_differs"}),
        ({"refund_account": "110-123-450000"}, {"account_not_confirmed"}),  # unknown to the sandbox
        ({"refund_account": ""}, set()),  # rejected in any case
    ],
)
def test_the_preview_asks_the_bank_whose_account_it_is(
    sandbox: SandboxServer, typed: dict[str, str], codes: set[str]
) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    preview = preview_refund(payment=payment, request=RefundRequest(**{**ACCOUNT, **typed}))
    assert {warning.code for warning in preview.warnings if warning.code.startswith("account")} == codes


@pytest.mark.parametrize("trouble", ["gone", "http_500", "drop_before"])
def test_the_preview_does_without_the_bank(sandbox: SandboxServer, trouble: str) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    if trouble == "gone":
        sandbox.settings(holder_gone=True)
    else:
        sandbox.fault("holder", trouble)
    preview = preview_refund(payment=payment, request=RefundRequest(**{**ACCOUNT, "refund_holder": "김철수"}))
    assert not preview.problems
    assert not [warning for warning in preview.warnings if warning.code.startswith("account")]


def test_a_bank_that_does_not_answer_is_waited_for_three_seconds(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    sandbox.fault("holder", "hang_before", seconds=5)
    started = time.monotonic()
    preview = preview_refund(payment=payment, request=RefundRequest(**ACCOUNT))
    assert not preview.problems
    assert 2 < time.monotonic() - started < 4.5


WRONG_HOLDER = ACCOUNT | {"refund_holder": "김철수"}
UNKNOWN_ACCOUNT = ACCOUNT | {"refund_account": "110-123-450000"}  # unknown to the sandbox


@pytest.mark.parametrize(
    ("account", "code"), [(WRONG_HOLDER, "account_holder_differs"), (UNKNOWN_ACCOUNT, "account_not_confirmed")]
)
def test_money_goes_to_a_doubtful_account_only_if_that_is_confirmed(
    sandbox: SandboxServer, account: dict[str, str], code: str
) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    for confirmed in (frozenset[str](), frozenset({"vat_left"})):
        with pytest.raises(ConfirmationRequired) as raised:
            refund(payment, confirmed=confirmed, **account)
        assert [warning.code for warning in raised.value.warnings] == [code]
    assert not payment.refunds.exists()
    assert "cancel" not in sandbox.stats()

    assert refund(payment, confirmed=frozenset({code}), **account).status == "succeeded"


def test_a_refund_does_without_a_bank_that_cannot_be_asked(sandbox: SandboxServer) -> None:
    sandbox.settings(holder_gone=True)
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    assert refund(payment, **WRONG_HOLDER).status == "succeeded"


def test_the_timeline_tells_the_story_without_the_account(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    record = refund(payment, **ACCOUNT)
    events = list(record.events.values_list("code", "status"))
    assert events == [("requested", "requested"), ("succeeded", "succeeded")]
    stored = [str(row) for model in (RefundRecord, RefundEvent) for row in model.objects.values()]
    assert not any(digits in row for row in stored for digits in (ACCOUNT_DIGITS, ACCOUNT["refund_account"]))
