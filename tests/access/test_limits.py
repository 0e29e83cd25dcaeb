"""Limits of API tokens: per refund, per day in Korea, and with parallel refunds."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from access.models import ApiToken
from access.tokens.service import revoke_token
from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.services.refund import request_refund
from refunds.token_errors import TokenEnded
from tests.api_client import cancel, make_token
from tests.factories import make_payment, make_refund, paid_at_sandbox
from tests.fakes import InstantGateway
from tests.sandbox_server import SandboxServer
from tests.threads import at_once

pytestmark = pytest.mark.django_db

SEOUL = ZoneInfo("Asia/Seoul")
RACES = 40


def assert_refused(answer: Any, code: str, *words: str) -> None:
    """Assert a 403 with this code and these words, and that nothing more was recorded or sent."""
    body = answer.json()
    assert (answer.status_code, body["code"], body["retryable"]) == (403, code, False)
    assert [word for word in words if word not in body["message"]] == []


def test_refund_up_to_the_limit_is_made_and_above_it_refused(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token(max_amount=Decimal(3_000))
    asked = {"merchant_uid": payment.merchant_uid}
    assert_refused(cancel(secret, asked | {"cancel_request_amount": 3_001}), "token_amount_limit", "₩3,001", "₩3,000")
    assert not RefundRecord.objects.exists()
    assert sandbox.log("cancel") == []
    assert cancel(secret, asked | {"cancel_request_amount": 3_000}).status_code == 200


def test_refund_without_an_amount_counts_with_the_refundable_amount(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token(max_amount=Decimal(9_999))
    assert_refused(cancel(secret, {"merchant_uid": payment.merchant_uid}), "token_amount_limit", "₩10,000", "₩9,999")


def test_refunds_of_a_day_stay_within_the_daily_limit(sandbox: SandboxServer) -> None:
    first, second = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    _token, secret = make_token(max_per_day=Decimal(15_000))
    assert cancel(secret, {"merchant_uid": first.merchant_uid}).status_code == 200
    asked = {"merchant_uid": second.merchant_uid}
    answer = cancel(secret, asked | {"cancel_request_amount": 5_001})
    assert_refused(answer, "token_daily_limit", "₩5,001", "₩5,000 of ₩15,000 is left")
    assert cancel(secret, asked | {"cancel_request_amount": 5_000}).status_code == 200
    assert_refused(cancel(secret, asked | {"cancel_request_amount": 1}), "token_daily_limit", "₩0 of ₩15,000 is left")
    assert RefundRecord.objects.count() == 2


def test_open_refunds_count_and_failed_ones_do_not(sandbox: SandboxServer) -> None:
    payments = [paid_at_sandbox(sandbox) for _ in range(3)]
    _token, secret = make_token(max_per_day=Decimal(10_000))
    asks = [{"merchant_uid": payment.merchant_uid, "cancel_request_amount": 6_000} for payment in payments]
    sandbox.fault("cancel", "refuse", times=1)
    assert cancel(secret, asks[0]).status_code == 422
    sandbox.fault("cancel", "accept_later", times=1)
    assert cancel(secret, asks[1]).status_code == 202
    assert_refused(cancel(secret, asks[2]), "token_daily_limit", "₩4,000")


@pytest.mark.parametrize(("cancelled", "left"), [(4_000, 6_000), (9_000, 1_000)])
def test_succeeded_refund_counts_with_the_amount_that_imort_cancelled(
    sandbox: SandboxServer, cancelled: int, left: int
) -> None:
    payment = paid_at_sandbox(sandbox)
    token, secret = make_token(max_per_day=Decimal(10_000))
    now = timezone.now()
    make_refund(amount=Decimal(5_000), cancelled_amount=Decimal(cancelled), api_token=token, requested_at=now)
    asked = {"merchant_uid": payment.merchant_uid}
    answer = cancel(secret, asked | {"cancel_request_amount": left + 1})
    assert_refused(answer, "token_daily_limit", f"₩{left:,} of ₩10,000 is left")
    assert cancel(secret, asked | {"cancel_request_amount": left}).status_code == 200


def test_a_day_ends_at_midnight_in_korea(sandbox: SandboxServer) -> None:
    payments = [paid_at_sandbox(sandbox) for _ in range(2)]
    _token, secret = make_token(max_per_day=Decimal(10_000), expires_at=timezone.now() + timedelta(days=30))
    midnight = datetime.combine(timezone.localdate() + timedelta(days=2), datetime.min.time(), SEOUL)
    with time_machine.travel(midnight - timedelta(seconds=30)):
        assert cancel(secret, {"merchant_uid": payments[0].merchant_uid}).status_code == 200
        assert_refused(cancel(secret, {"merchant_uid": payments[1].merchant_uid}), "token_daily_limit")
    with time_machine.travel(midnight + timedelta(seconds=30)):
        assert cancel(secret, {"merchant_uid": payments[1].merchant_uid}).status_code == 200


def test_each_token_has_its_own_day(sandbox: SandboxServer) -> None:
    payments = [paid_at_sandbox(sandbox) for _ in range(2)]
    secrets = [make_token(max_per_day=Decimal(10_000))[1] for _ in payments]
    for payment, secret in zip(payments, secrets, strict=True):
        assert cancel(secret, {"merchant_uid": payment.merchant_uid}).status_code == 200


def test_token_with_a_limit_refunds_no_other_currency(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, amount="20.30", currency="USD", pg_provider="paypal")
    _token, limited = make_token(max_per_day=Decimal(1_000_000))
    asked = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1}
    assert_refused(cancel(limited, asked), "token_currency", "KRW")
    _token, unlimited = make_token()
    assert cancel(unlimited, asked).status_code == 200
    _token, in_dollars = make_token(max_amount=Decimal("0.50"), limit_currency="USD")
    assert_refused(cancel(in_dollars, asked), "token_amount_limit", "$1.00", "$0.50")


def test_repeated_request_is_answered_even_above_the_limit(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, amount=20_000)
    token, secret = make_token(max_per_day=Decimal(6_000))
    ask = partial(cancel, secret, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 6_000})
    first, again = (ask(**{"Idempotency-Key": "k-1"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    _token, rotated = make_token(user=token.user, name="new", max_amount=Decimal(1))
    body = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 6_000}
    assert cancel(rotated, body, **{"Idempotency-Key": "k-1"}).json() == first.json()
    assert_refused(ask(), "token_daily_limit")
    assert len(sandbox.log("cancel")) == 1


def test_open_refund_is_reported_before_the_exceeded_limit(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    _token, secret = make_token(max_per_day=Decimal(6_000))
    sandbox.fault("cancel", "accept_later", times=1)
    asked = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 6_000}
    assert cancel(secret, asked).status_code == 202
    answer = cancel(secret, asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "refund_in_progress")


@pytest.mark.parametrize("end", ["revoked", "expired", "account closed"])
@pytest.mark.parametrize("limit", [None, Decimal(50_000)], ids=["no limit", "limit"])
def test_token_that_ends_during_the_request_refunds_nothing(end: str, limit: Decimal | None) -> None:
    payment = make_payment()
    token, _secret = make_token(max_per_day=limit)
    actor = Actor("shop", token.user, ApiToken.objects.get(pk=token.pk))
    now = timezone.now()
    if end == "revoked":
        revoke_token(token)
    elif end == "expired":
        now = token.expires_at or now
    else:
        token.user.is_active = False
        token.user.save()
    gateway = InstantGateway(payment)
    with pytest.raises(TokenEnded), time_machine.travel(now):
        request_refund(payment=payment, request=RefundRequest(), actor=actor, source=RefundSource.API, gateway=gateway)
    assert not RefundRecord.objects.exists()
    assert gateway.cancels == []


# --- Races ----------------------------------------------------------------------------------------------------


def refund(payment: Payment, gateway: InstantGateway, actor: Actor, amount: int, key: str | None = None) -> str:
    record = request_refund(
        payment=payment,
        request=RefundRequest(amount=Decimal(amount)),
        actor=actor,
        source=RefundSource.API,
        gateway=gateway,
        idempotency_key=key,
    )
    return record.number


@pytest.mark.django_db(transaction=True)
def test_parallel_refunds_of_two_payments_cannot_exceed_the_daily_limit() -> None:
    token, _secret = make_token()
    for number in range(RACES):
        limited, _secret = make_token(user=token.user, name=str(number), max_per_day=Decimal(10_000))
        actor = Actor("shop", token.user, limited)
        payments = [make_payment() for _ in range(2)]
        gateways = [InstantGateway(payment) for payment in payments]
        works = [partial(refund, *pair, actor, 6_000) for pair in zip(payments, gateways, strict=True)]
        results = at_once(*works)
        assert results.count("token_daily_limit") == 1
        assert sorted(len(gateway.cancels) for gateway in gateways) == [0, 1]
        assert limited.refunds.get().status == RefundStatus.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_duplicate_request_at_the_daily_limit_gets_the_same_response_twice() -> None:
    user = make_token()[0].user
    for number in range(RACES // 4):
        limited, _secret = make_token(user=user, name=str(number), max_per_day=Decimal(6_000))
        payment = make_payment(amount=Decimal(100_000))
        gateway = InstantGateway(payment)
        actor = Actor("shop", user, limited)
        told = at_once(*[partial(refund, payment, gateway, actor, 6_000, f"k{number}")] * 2)
        assert set(told) <= {limited.refunds.get().number, "refund_in_progress"}
        assert len(gateway.cancels) == 1
