"""The storefront's refund page, which works without a script: nothing is sent twice, unseen or for somebody else."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from payments.models import Payment
from refunds.models import RefundRecord
from tests.factories import make_payment, make_refund, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def buyer() -> User:
    return make_user("buyer")


@pytest.fixture
def shop(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def url_of(payment: Payment) -> str:
    return f"/orders/{payment.imp_uid}/refund"


def form_of(shop: Client, payment: Payment, **typed: str) -> dict[str, str]:
    """Open the order's page; return what its form would send."""
    page = shop.get(url_of(payment)).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(key|balance)" value="([^"]+)"', page))
    return {**hidden, "amount": "", "reason": "", **typed}


def test_form_sent_twice_refunds_once(shop: Client, buyer: User, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    form = form_of(shop, payment, amount="4,000")
    answers = [shop.post(url_of(payment), form) for _press in range(2)]

    assert {answer.headers["Location"] for answer in answers} == {
        f"/orders/{payment.imp_uid}/refunds/{RefundRecord.objects.get().pk}"
    }
    changed = shop.post(url_of(payment), form | {"amount": "5,000"})  # after the Back button
    assert "Your first request had other details." in changed.content.decode()
    assert "send it again" in shop.post(url_of(payment), form | {"balance": "1e9999999"}).content.decode()
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 4_000


def test_form_of_another_tab_shows_what_is_left_now(shop: Client, buyer: User, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    first, second = form_of(shop, payment, amount="4,000"), form_of(shop, payment)
    shop.post(url_of(payment), first)
    page = shop.post(url_of(payment), second).content.decode()

    assert "The refundable amount has changed to ₩6,000." in page
    assert 'name="balance" value="6000"' in page
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 4_000


def test_a_part_is_never_taken_for_all_where_only_all_can_be_refunded(
    shop: Client, buyer: User, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, pg_provider="danal", pay_method="phone")
    refused = shop.post(url_of(payment), form_of(shop, payment, amount="4,000")).content.decode()
    assert refused.count("This payment can only be refunded in full.") == 2  # the hint, and why nothing was sent
    assert 'value="4,000"' not in refused  # the field is read-only
    assert not RefundRecord.objects.exists()

    shop.post(url_of(payment), form_of(shop, payment))
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == 10_000


def test_form_without_its_key_sends_nothing(shop: Client, buyer: User, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    form = form_of(shop, payment, key="", balance="x")

    assert "send it again" in shop.post(url_of(payment), form).content.decode()
    assert not RefundRecord.objects.exists()


def test_refused_refund_says_what_to_do_and_whom_to_ask(
    shop: Client, buyer: User, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.SHOP_CONTACT = "02-1234-5678"
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", "refuse", times=1, message="[3321] 카드사 취소 불가 거래입니다")
    page = shop.post(url_of(payment), form_of(shop, payment), follow=True).content.decode()

    assert "Nothing was refunded. Please contact us about this refund." in page
    assert "02-1234-5678" in page
    assert "3321" not in page


def test_open_refund_is_shown_in_place_of_the_form(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer)
    live = make_refund(payment, status="unknown")

    assert shop.get(url_of(payment)).headers["Location"] == f"/orders/{payment.imp_uid}/refunds/{live.pk}"
    page = shop.get(f"/orders/{payment.imp_uid}/refunds/{live.pk}").content.decode()
    assert "please do not request it again" in page
    assert f'href="{url_of(payment)}"' not in page


def test_refund_page_is_for_the_buyer_of_the_order_only(shop: Client) -> None:
    payment = make_payment(user=make_user("other"))
    result = f"/orders/{payment.imp_uid}/refunds/{make_refund(payment).pk}"
    assert [shop.get(url).status_code for url in (url_of(payment), result)] == [404, 404]
    assert shop.post(url_of(payment), {"key": "1"}).status_code == 404

    shop.logout()
    assert shop.post(url_of(payment)).headers["Location"] == f"/accounts/login/?next={url_of(payment)}"


def test_page_and_api_share_the_limit_of_refund_requests(
    shop: Client, buyer: User, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.API_RATE_REFUND = "1/min"
    payment = paid_at_sandbox(sandbox, user=buyer)
    shop.post("/payments/cancel", {"imp_uid": payment.imp_uid, "cancel_request_amount": 0}, "application/json")

    page = shop.post(url_of(payment), form_of(shop, payment)).content.decode()
    assert "Please try again in a moment." in page
    assert not RefundRecord.objects.exists()
