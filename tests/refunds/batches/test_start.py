"""A batch is made, checked and started: once, with the total, the warnings and the rights that it needs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from payments.models import Payment
from refunds.batches.check import check_batch
from refunds.batches.control import cancel_batch
from refunds.batches.create import Problem, Row, create_batch
from refunds.batches.errors import (
    BatchEmpty,
    BatchExistsError,
    BatchHasProblems,
    BatchStateError,
    SecondFactorRefused,
    TooManyRows,
    TotalDiffers,
    WarningsNotAccepted,
)
from refunds.batches.preview import preview_of, totals_of, warning_codes
from refunds.batches.run import run
from refunds.batches.start import leave_out, start_batch
from refunds.inputs import Actor, RefundRequest
from refunds.models import BatchOrigin, RefundApproval, RefundBatch, RefundSource
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_payment, make_refund, make_staff
from tests.factories import make_started_batch as make_batch
from tests.sign_in import with_device

pytestmark = pytest.mark.django_db(transaction=True)
ALL = RefundRequest()


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment")


def checked(user: User, *orders: tuple[Payment, RefundRequest], **fields: Any) -> RefundBatch:
    return make_batch(user, orders, start=False, **fields)


def start(batch: RefundBatch, user: User, **changes: Any) -> RefundApproval | None:
    inputs = {"totals": totals_of(batch), "accepted": warning_codes(batch), **changes}
    return start_batch(batch=batch, actor=Actor(user.get_username(), user), **inputs)


def problems(batch: RefundBatch) -> list[str]:
    return list(batch.items.order_by("pk").values_list("error_code", flat=True))


def test_check_freezes_balances_and_names_what_cannot_be_refunded(user: User) -> None:
    too_much = RefundRequest(amount=Decimal(20_000))
    busy = make_payment()
    make_refund(busy, status="requested")
    vbank = make_payment(pay_method="vbank", pg_provider="html5_inicis")
    part = make_payment(cancel_amount=Decimal(2_000))
    batch = checked(
        user,
        (part, ALL),
        (make_payment(), too_much),
        (busy, ALL),
        (vbank, ALL),
        (make_payment(cancel_amount=Decimal(10_000)), ALL),
    )

    assert batch.status == "checked"
    codes = ["", "amount_exceeds_balance", "refund_in_progress", "account_required", "already_refunded"]
    assert problems(batch) == codes
    bad = batch.items.get(error_code="amount_exceeds_balance")
    assert (bad.error_field, bad.error_value) == ("amount", "20000")
    assert batch.items.get(excluded=False).expected_balance == 8_000


def test_check_again_forgets_what_was_solved_and_keeps_the_account(user: User) -> None:
    account: dict[str, Any] = ACCOUNT
    vbank = make_payment(pay_method="vbank", pg_provider="html5_inicis")
    refund = make_refund(vbank, status="requested")
    batch = checked(user, (vbank, RefundRequest(**account)), (make_payment(), ALL))
    assert problems(batch) == ["refund_in_progress", ""]
    leave_out(batch=batch, actor=Actor("Kim"), items=[batch.items.get(excluded=False).pk])
    refund.delete()

    check_batch(batch=batch, actor=Actor("Kim"))

    assert problems(batch) == ["", "left_out"]
    assert warning_codes(batch) >= {"vbank_fee"}
    start(batch, user)


def test_what_was_shown_before_the_first_check_has_to_hold(user: User) -> None:
    shown = RefundRequest(amount=Decimal(1_000), expected_balance=Decimal(10_000))
    batch = checked(user, (make_payment(cancel_amount=Decimal(500)), shown))
    assert problems(batch) == ["balance_changed"]
    check_batch(batch=batch, actor=Actor("Kim"))
    assert problems(batch) == [""]


def test_preview_adds_up_without_test_payments(user: User) -> None:
    dollars = make_payment(currency="USD", amount=Decimal("12.50"), pay_method="paypal", pg_provider="paypal_v2")
    vbanks = [make_payment(pay_method="vbank", pg_provider="html5_inicis", sandbox=test) for test in (False, True)]
    account: dict[str, Any] = ACCOUNT
    batch = checked(
        user,
        (make_payment(), RefundRequest(amount=Decimal(3_000))),
        (dollars, ALL),
        *((vbank, RefundRequest(**account)) for vbank in vbanks),
        (make_payment(status="failed", paid_at=None), ALL),
    )

    shown = preview_of(batch)

    assert (shown.rows, shown.orders, shown.test_orders, shown.partial_orders, shown.excluded) == (5, 4, 1, 1, 1)
    assert shown.totals == totals_of(batch) == {"KRW": 13_000, "USD": Decimal("12.50")}
    assert shown.fees == 300
    fee = next(group for group in shown.warnings if group.code == "vbank_fee")
    assert (fee.orders, fee.totals) == (2, {"KRW": Decimal(10_000)})
    assert [(group.code, group.orders) for group in shown.problems] == [("payment_failed", 1)]


def test_start_needs_the_total_and_every_warning(user: User) -> None:
    account: dict[str, Any] = ACCOUNT
    vbank = make_payment(pay_method="vbank", pg_provider="html5_inicis")
    batch = checked(user, (vbank, RefundRequest(**account)), (make_payment(), ALL))
    with pytest.raises(TotalDiffers):
        start(batch, user, totals={"KRW": Decimal(19_999)})
    with pytest.raises(TotalDiffers):
        start(batch, user, totals={"KRW": Decimal(20_000), "USD": Decimal(1)})
    with pytest.raises(WarningsNotAccepted) as refused:
        start(batch, user, accepted=())
    assert "vbank_fee" in refused.value.codes
    assert leave_out(batch=batch, actor=Actor("Kim"), warning="vbank_fee") == 1

    start(batch, user, totals={"KRW": Decimal(10_000)}, accepted=())

    batch.refresh_from_db()
    assert (batch.status, batch.requested_by) == ("running", user)
    assert [event.code for event in batch.events.all()] == ["created", "checked", "left_out", "started"]
    with pytest.raises(BatchStateError):
        start(batch, user)
    with pytest.raises(BatchStateError):
        check_batch(batch=batch, actor=Actor("Kim"))


def test_start_erases_the_accounts_of_excluded_orders_and_the_rows_of_the_others(user: User) -> None:
    actor = Actor("Kim", user)
    vbank, card = make_payment(pay_method="vbank", pg_provider="html5_inicis", status="failed"), make_payment()
    account: dict[str, Any] = ACCOUNT
    cells = {"Order": "A", "Account number": ACCOUNT_DIGITS}
    rows = [Row(RefundRequest(**account), payment.pk, line=2, cells=cells) for payment in (vbank, card)]
    batch = create_batch(
        token=uuid.uuid4(),
        actor=actor,
        source=RefundSource.ADMIN,
        origin=BatchOrigin.FILE,
        rows=rows,
        reason="",
        language="en",
    )
    check_batch(batch=batch, actor=actor)
    assert ACCOUNT_DIGITS not in str([vars(item) for item in batch.items.all()])

    start(batch, user)

    bad, good = batch.items.order_by("pk")
    assert (bad.encrypted_account, good.encrypted_row) == ("", "")
    assert good.encrypted_account
    assert bad.encrypted_row


def test_all_or_nothing_and_empty_batches_do_not_start(user: User) -> None:
    failed = make_payment(status="failed", paid_at=None)
    batch = checked(user, (make_payment(), ALL), (failed, ALL), all_or_nothing=True)
    with pytest.raises(BatchHasProblems):
        start(batch, user)
    with pytest.raises(BatchEmpty):
        start(checked(user, (failed, ALL)), user)


def test_batch_above_a_limit_becomes_a_request_and_cannot_be_changed(user: User, settings: Settings) -> None:
    settings.BULK_APPROVAL_ABOVE = Decimal(20_000)
    batch = checked(user, (make_payment(amount=Decimal(10_001)), ALL), (make_payment(), ALL))
    approval = start(batch, user)

    assert approval is not None
    approval.refresh_from_db()
    totals = {name: Decimal(total) for name, total in approval.totals.items()}
    assert (approval.rule, totals, approval.orders) == ("per_batch", {"KRW": 20_001}, 2)
    assert batch.status == "awaiting"
    item = batch.items.first()
    changes = (
        lambda: start(batch, user),
        lambda: check_batch(batch=batch, actor=Actor("staff", user)),
        lambda: leave_out(batch=batch, actor=Actor("staff", user), items=[item.pk]),
        lambda: cancel_batch(batch=batch, actor=Actor("staff", user)),
    )
    for change in changes:
        with pytest.raises(BatchStateError):
            change()
    with pytest.raises(IntegrityError), transaction.atomic():
        batch.items.update(amount=1)


def test_batch_with_an_order_above_the_limit_of_one_refund_is_one_request(user: User, settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = Decimal(15_000)
    assert start(checked(user, (make_payment(), ALL), (make_payment(), ALL)), user) is None
    earlier = make_payment(amount=Decimal(20_000), cancel_amount=Decimal(6_000))
    make_refund(earlier, amount=Decimal(6_000), requested_by=user)
    approval = start(checked(user, (earlier, ALL), (make_payment(), ALL)), user)
    assert approval is not None
    assert approval.rule == "per_refund"


def test_batch_of_one_order_is_started_as_its_order_is_the_request(user: User, settings: Settings) -> None:
    settings.REFUND_APPROVAL_ABOVE = settings.BULK_APPROVAL_ABOVE = Decimal(5_000)
    batch = checked(user, (make_payment(), ALL))
    assert start(batch, user) is None
    run(batch_id=batch.pk)
    item = batch.items.get()
    approval = RefundApproval.objects.get()
    assert (item.error_code, item.payment) == ("awaiting_approval", approval.payment)


def test_large_batch_needs_a_fresh_code_of_an_account_with_a_device(user: User, settings: Settings) -> None:
    settings.BULK_CONFIRM_ABOVE = Decimal(10_000)
    start(checked(user, (make_payment(), ALL), (make_payment(), ALL)), user)  # it has no device
    device, codes = with_device(user)
    start(checked(user, (make_payment(), ALL)), user)  # it is not above the limit
    batch = checked(user, (make_payment(), ALL), (make_payment(), ALL))
    for code, error in (("", "second_factor_required"), ("000000", "wrong_code")):
        with pytest.raises(SecondFactorRefused) as refused:
            start(batch, user, second_factor=code)
        assert (refused.value.code, refused.value.was_tried) == (error, bool(code))
    device.throttle_reset()
    with pytest.raises(TotalDiffers):  # and uses up no code
        start(batch, user, second_factor=codes[0], totals={})

    start(batch, user, second_factor=codes[0])


def test_same_token_or_file_leads_to_its_batch_and_a_stopped_one_does_not_count(user: User) -> None:
    token = uuid.uuid4()
    first = checked(user, (make_payment(), ALL), token=token, file_hash="abc")
    for same in ({"token": token}, {"file_hash": "abc"}):
        with pytest.raises(BatchExistsError) as refused:
            checked(user, (make_payment(), ALL), **same)
        assert refused.value.batch == first
    RefundBatch.objects.update(status="cancelled")
    checked(user, (make_payment(), ALL), file_hash="abc")


def test_amount_that_the_database_would_round_is_a_problem(user: User) -> None:
    batch = checked(user, (make_payment(), RefundRequest(amount=Decimal("1000.0004"))))
    check_batch(batch=batch, actor=Actor("Kim"))
    assert problems(batch) == ["invalid_amount"]


def test_too_many_rows_or_none_make_no_batch(user: User) -> None:
    def rows() -> Iterator[Row]:
        for line in range(20_001):
            yield Row(line=line, problem=Problem("unknown_order", "?"))

    for some, error in ((rows(), TooManyRows), (iter(()), BatchEmpty)):
        with pytest.raises(error):
            create_batch(
                token=uuid.uuid4(),
                actor=Actor("Kim"),
                source=RefundSource.COMMAND,
                origin=BatchOrigin.FILE,
                rows=some,
                reason="",
                language="en",
            )
    assert not RefundBatch.objects.exists()


def test_check_takes_seven_statements_for_500_orders(
    user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    payments = [make_payment(cancel_amount=Decimal(1_000), tax_free=Decimal(10)) for _ in range(3)]
    batch = checked(user, *((payment, ALL) for payment in payments))
    with django_assert_max_num_queries(17):  # claim and end, the reasons, one full chunk and an empty one
        check_batch(batch=batch, actor=Actor("Kim"))
