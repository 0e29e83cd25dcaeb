"""The API through Django's test client, with the sandbox as i'mport."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.models import ApiToken
from access.tokens.service import create_token
from payments.models import Payment
from refunds.models import IdempotentAnswer, RefundRecord, RefundSource
from tests.factories import ACCOUNT, ACCOUNT_DIGITS, make_payment, make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer() -> User:
    return make_user("buyer")


@pytest.fixture
def shop(buyer: User) -> Client:
    """Return a client with the buyer signed in."""
    client = Client()
    client.force_login(buyer)
    return client


def cancel(client: Client, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post("/payments/cancel", content, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


def test_a_refund_answers_the_updated_payment(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    status, body = cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 4000, "reason": "size"})
    assert status == 200
    assert (body["imp_uid"], body["amount"], body["cancel_amount"], body["refundable_amount"]) == (
        payment.imp_uid,
        10_000,
        4_000,
        6_000,
    )
    assert body["status"] == "cancelled"
    assert (body["refund"]["status"], body["refund"]["amount"]) == ("succeeded", 4_000)
    assert RefundRecord.objects.get(pk=body["refund"]["id"]).requested_by == buyer


@pytest.mark.parametrize(
    ("currency", "amount", "part", "left"), [("USD", "20.30", 0.1, 20.2), ("KWD", "1.234", 0.004, 1.23)]
)
def test_money_with_decimals_is_written_exactly(
    sandbox: SandboxServer, shop: Client, buyer: User, currency: str, amount: str, part: float, left: float
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, amount=amount, currency=currency, pg_provider="paypal")
    status, body = cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": part})
    assert (status, body["cancel_amount"], body["refundable_amount"]) == (200, part, left)


@pytest.mark.parametrize("slash", ["", "/"])
def test_addresses_work_with_and_without_a_slash(shop: Client, buyer: User, slash: str) -> None:
    payment = make_payment(user=buyer)
    assert shop.get(f"/payments/{payment.merchant_uid}{slash}").json()["imp_uid"] == payment.imp_uid
    assert shop.get(f"/payments/{payment.merchant_uid}/refunds{slash}").json() == {"results": []}
    assert shop.post(f"/payments/cancel{slash}", b"{}", content_type="application/json").status_code == 400


def test_imp_uid_wins_and_an_unknown_one_fails(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment, other = (paid_at_sandbox(sandbox, user=buyer) for _ in range(2))
    status, body = cancel(shop, {"imp_uid": payment.imp_uid, "merchant_uid": other.merchant_uid})
    assert (status, body["imp_uid"]) == (200, payment.imp_uid)
    status, body = cancel(shop, {"imp_uid": "imp_nobody", "merchant_uid": other.merchant_uid})
    assert (status, body["code"]) == (404, "payment_not_found")


def test_an_order_paid_twice_asks_for_the_imp_uid(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    first, second = (paid_at_sandbox(sandbox, user=buyer, merchant_uid="twice") for _ in range(2))
    status, body = cancel(shop, {"merchant_uid": "twice"})
    assert (status, body["code"]) == (400, "several_payments")
    assert cancel(shop, {"imp_uid": first.imp_uid})[0] == 200
    assert cancel(shop, {"merchant_uid": "twice"})[1]["imp_uid"] == second.imp_uid


def test_a_failed_try_does_not_hide_the_paid_one(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    paid_at_sandbox(sandbox, user=buyer, merchant_uid="again", status="failed")
    paid = paid_at_sandbox(sandbox, user=buyer, merchant_uid="again")
    assert cancel(shop, {"merchant_uid": "again"})[1]["imp_uid"] == paid.imp_uid


# --- Permissions ----------------------------------------------------------------------------------------------


def test_nobody_else_may_see_or_refund_anything(sandbox: SandboxServer, buyer: User, client: Client) -> None:
    payment = paid_at_sandbox(sandbox, user=make_user("somebody else"))
    assert cancel(client, {"merchant_uid": payment.merchant_uid})[0] == 401
    client.force_login(buyer)
    status, body = cancel(client, {"merchant_uid": payment.merchant_uid})
    assert (status, body["code"]) == (404, "payment_not_found")
    assert client.get(f"/payments/{payment.merchant_uid}").status_code == 404
    client.force_login(make_staff("view_payment"))
    status, body = cancel(client, {"merchant_uid": payment.merchant_uid})
    assert (status, body["code"]) == (403, "permission_denied")
    assert sandbox.log("cancel") == []


@pytest.mark.parametrize(("fault", "expected"), [("", 200), ("accept_later", 202)])
def test_staff_with_the_permission_refund_any_payment_and_only_they_read_its_warnings(
    sandbox: SandboxServer, shop: Client, buyer: User, client: Client, fault: str, expected: int
) -> None:
    client.force_login(make_staff("refund_payment"))
    for asker, warnings in ((client, ["escrow"]), (shop, [])):
        payment = paid_at_sandbox(sandbox, user=buyer, pg_provider="html5_inicis", escrow=True)
        if fault:
            sandbox.fault("cancel", fault, times=1)
        status, body = cancel(asker, {"merchant_uid": payment.merchant_uid})
        assert (status, [warning["code"] for warning in body["warnings"]]) == (expected, warnings)


def test_the_answer_that_is_kept_does_not_name_the_holder_that_the_bank_knows(
    sandbox: SandboxServer, client: Client
) -> None:
    client.force_login(make_staff("refund_payment"))
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="html5_inicis")
    body = {"merchant_uid": payment.merchant_uid, **ACCOUNT, "refund_holder": "김철수"}
    status, asked = cancel(client, body)
    assert (status, "홍길동" in asked["message"]) == (409, True)

    codes = [warning["code"] for warning in asked["warnings"]]
    status, answer = cancel(client, {**body, "confirm": codes}, **{"Idempotency-Key": "1"})
    assert (status, set(codes) <= {warning["code"] for warning in answer["warnings"]}) == (200, True)
    assert "홍길동" not in IdempotentAnswer.objects.get().body


def test_a_token_signs_in_and_is_stored_hashed(sandbox: SandboxServer, buyer: User, client: Client) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    made, token = create_token(user=buyer, name="shop")
    assert token not in str(ApiToken.objects.values().get(pk=made.pk))
    status, _body = cancel(client, {"merchant_uid": payment.merchant_uid}, Authorization=f"Token {token}")
    assert status == 200
    status, body = cancel(client, {"merchant_uid": payment.merchant_uid}, Authorization="Token nonsense")
    assert (status, body["code"]) == (401, "authentication_failed")


# --- Outcomes -------------------------------------------------------------------------------------------------


def test_the_refunds_of_an_order_are_listed_and_read(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, pay_method="vbank")
    refund = cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1000, **ACCOUNT})[1]["refund"]
    assert shop.get(f"/payments/{payment.merchant_uid}/refunds").json()["results"] == [refund]
    assert shop.get(f"/refunds/{refund['id']}").json() == refund
    assert shop.get(f"/refunds/{refund['number']}").json() == refund
    assert refund["refund_account_last4"] == ACCOUNT_DIGITS[-4:]
    shop.force_login(make_user("somebody else"))
    assert shop.get(f"/refunds/{refund['id']}").status_code == 404


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("drop_after", 504, "outcome_unknown"), ("refuse", 422, "refused_by_gateway"), ("accept_later", 202, "pending")],
)
def test_outcomes_have_their_own_status(
    sandbox: SandboxServer, shop: Client, buyer: User, fault: str, status: int, code: str
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", fault, times=1)
    answered, body = cancel(shop, {"merchant_uid": payment.merchant_uid})
    assert (answered, body["code"]) == (status, code)
    assert body["message"]
    assert shop.get(f"/refunds/{body['refund']['id']}").json()["status"] == body["refund"]["status"]


def test_imort_out_of_reach_is_a_503(shop: Client, buyer: User, settings: Any) -> None:
    settings.IAMPORT_API_URL, settings.IAMPORT_IMP_KEY, settings.IAMPORT_IMP_SECRET = "http://127.0.0.1:9", "k", "s"
    payment = make_payment(user=buyer)
    status, body = cancel(shop, {"merchant_uid": payment.merchant_uid})
    assert (status, body["code"], body["retryable"]) == (503, "gateway_unavailable", True)


def test_an_idempotency_key_gives_the_same_answer_once(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    body = {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1000}
    first, again = (cancel(shop, body, **{"Idempotency-Key": "k-1"}) for _ in range(2))
    assert first == again
    assert len(sandbox.log("cancel")) == 1
    status, answer = cancel(shop, {**body, "cancel_request_amount": 2000}, **{"Idempotency-Key": "k-1"})
    assert (status, answer["code"]) == (409, "idempotency_key_reused")
    assert cancel(shop, body, **{"Idempotency-Key": ""})[1]["code"] == "invalid_idempotency_key"


# --- Bad input ------------------------------------------------------------------------------------------------

BAD_AMOUNTS = [
    (b"-1", "amount_not_positive"),
    (b"0", "amount_not_positive"),
    (b"0.5", "amount_too_precise"),
    (b"1000.001", "amount_too_precise"),
    (b"1000.000000000000001", "amount_too_precise"),
    (b"1000." + b"0" * 25 + b"1", "invalid_amount"),
    (b"1e-400", "invalid_amount"),
    (b"10001", "amount_exceeds_balance"),
    (b"NaN", "invalid_json"),
    (b"Infinity", "invalid_json"),
    (b"1e400", "invalid_amount"),
    (b"-1e400", "invalid_amount"),
    (b"1e999999999999999999999", "invalid_json"),
    (b"1" * 30, "invalid_amount"),
    (b"1" * 5000, "invalid_json"),
    (b'"1000"', "invalid_amount"),
    (b'"abc"', "invalid_amount"),
    (b"true", "invalid_amount"),
    (b"null", "invalid_amount"),
    (b"[1000]", "invalid_amount"),
    (b"{}", "invalid_amount"),
]


@pytest.mark.parametrize(("amount", "code"), BAD_AMOUNTS)
def test_a_bad_amount_is_refused_with_a_code(
    sandbox: SandboxServer, shop: Client, buyer: User, amount: bytes, code: str
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    body = b'{"merchant_uid": "%s", "cancel_request_amount": %s}' % (payment.merchant_uid.encode(), amount)
    status, answer = cancel(shop, body)
    assert (status, answer["code"]) == (400, code)
    assert answer["message"]
    assert sandbox.log("cancel") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "missing_uid"),
        (b"not json", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"text"', "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'\xef\xbb\xbf{"merchant_uid": "nobody"}', "payment_not_found"),  # a byte order mark is no error
        (b"\xef\xbb\xbf", "invalid_json"),
        ('{"merchant_uid": "nobody"}'.encode("utf-16"), "invalid_json"),
        (b"[" * 50_000, "invalid_json"),
        (b"{}", "missing_uid"),
        (b'{"merchant_uid": null}', "missing_uid"),
        (b'{"merchant_uid": ""}', "invalid_uid"),
        (b'{"merchant_uid": "   "}', "invalid_uid"),
        (b'{"merchant_uid": 17}', "invalid_uid"),
        (b'{"merchant_uid": ["a"]}', "invalid_uid"),
        (b'{"merchant_uid": "a\\u0000b"}', "invalid_uid"),
        (b'{"merchant_uid": "\\ud800"}', "invalid_uid"),
        (b'{"merchant_uid": "%s"}' % (b"x" * 5000), "invalid_uid"),
        (b'{"imp_uid": "%s"}' % (b"x" * 5000), "invalid_uid"),
        (b'{"merchant_uid": "nobody"}', "payment_not_found"),
        (b'{"merchant_uid": "ORDER", "amount": 1000}', "unknown_field"),
        (b'{"merchant_uid": "ORDER", "\\ud800": 1000}', "invalid_json"),
        (b'{"merchant_uid": "ORDER", "reason": 17}', "invalid_text"),
        (b'{"merchant_uid": "ORDER", "reason": "a\\u0000b"}', "invalid_text"),
        (b'{"merchant_uid": "ORDER", "reason": "%s"}' % (b"x" * 5000), "invalid_text"),
    ],
)
def test_a_bad_body_is_refused_with_a_code(
    sandbox: SandboxServer, shop: Client, buyer: User, body: bytes, code: str
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    status, answer = cancel(shop, body.replace(b"ORDER", payment.merchant_uid.encode()))
    assert status in (400, 404)
    assert answer["code"] == code
    assert sandbox.log("cancel") == []


def test_wrong_methods_and_content_types_are_refused(shop: Client) -> None:
    assert shop.get("/payments/cancel").status_code == 405
    answer = shop.post("/payments/cancel", {"merchant_uid": "a"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert shop.delete("/payments/order").json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    ["/payments/a%00b", "/payments/" + "x" * 5000, "/refunds/99999999999999999999", "/refunds/zz", "/refunds/zz/zz"],
)
def test_junk_addresses_answer_404(shop: Client, path: str) -> None:
    answer = shop.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] in ("payment_not_found", "refund_not_found", "not_found")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "ready", "paid_at": None}, "not_paid"),
        ({"status": "failed", "paid_at": None}, "payment_failed"),
        ({"status": "cancelled", "cancel_amount": 10_000}, "already_refunded"),
    ],
)
def test_an_order_that_cannot_be_refunded_says_why(
    shop: Client, buyer: User, fields: dict[str, Any], code: str
) -> None:
    payment: Payment = make_payment(user=buyer, **fields)
    status, body = cancel(shop, {"merchant_uid": payment.merchant_uid})
    assert (status, body["code"]) == (400, code)
    assert body["violations"][0]["code"] == code


def test_answers_come_in_the_language_asked_for(shop: Client) -> None:
    english = cancel(shop, {"merchant_uid": "nobody"}, **{"Accept-Language": "en"})[1]["message"]
    korean = cancel(shop, {"merchant_uid": "nobody"}, **{"Accept-Language": "ko"})[1]["message"]
    assert english != korean


def test_refunds_made_in_the_storefront_say_so(sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    assert cancel(shop, {"merchant_uid": payment.merchant_uid})[1]["refund"]["source"] == RefundSource.API
