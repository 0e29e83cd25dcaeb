"""The storefront page shows a buyer's own orders only."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from payments.models import Payment
from refunds.models import MONEY_MAY_MOVE, RefundRecord, RefusalClass
from refunds.storefront.orders import REFUNDS_SHOWN, banks_by_pg, order_card, with_latest_refunds
from tests.factories import make_payment, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer() -> User:
    return make_user("buyer", last_name="김", first_name="하늘")


@pytest.fixture
def shop(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def page_of(client: Client, url: str = "/", language: str = "en") -> str:
    return client.get(url, headers={"accept-language": language}).content.decode()


def make_refund(payment: Payment, status: str = "succeeded", **fields: object) -> RefundRecord:
    final = status in {"succeeded", "failed"}
    now = timezone.now()
    defaults = {
        "payment": payment,
        "status": status,
        "source": "api",
        "amount": 1000,
        "checksum": payment.refundable_amount,
        "cancelled_amount": 1000 if status == "succeeded" else None,
        "requested_at": now,
        "settled_at": now if final else None,
    }
    return RefundRecord.objects.create(**{**defaults, **fields})


def card_of(payment: Payment) -> dict[str, Any]:
    return order_card(with_latest_refunds(Payment.objects.all()).get(pk=payment.pk))


class Markup(HTMLParser):
    """Collect the markup that a strict CSP would block."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        inline_script = tag == "script" and "src" not in values and values.get("type") != "application/json"
        handlers = [name for name in values if name.startswith("on") or name == "style"]
        foreign = [name for name in ("src", "href", "action") if re.match(r"(https?:)?//", values.get(name) or "")]
        if tag == "style" or inline_script or handlers or foreign:
            self.blocked.append(self.get_starttag_text() or tag)


def test_amounts_of_an_order_with_a_promotion_add_up(shop: Client, buyer: User) -> None:
    make_payment(user=buyer, has_promotion=True, cancel_amount=Decimal(4_500), lapsed_discount=Decimal(500))
    sums = re.findall(r'<dd class="sum[^>]*>([^<]+)<', page_of(shop))
    assert sums == ["₩10,000", "₩4,500", "₩500", "₩5,000"]


def test_visitor_gets_a_welcome_page_with_a_login_link(client: Client) -> None:
    page = page_of(client)
    assert "/accounts/login/" in page
    assert "data-order" not in page


def test_buyer_sees_their_orders_with_paid_and_refundable_amounts(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer, name="핸드드립 커피", cancel_amount=Decimal(4000), pay_method="kakaopay")
    page = page_of(shop)
    for text in ("김하늘", "핸드드립 커피", payment.merchant_uid, "Kakao Pay", "₩10,000", "₩4,000", "₩6,000"):
        assert text in page


def test_buyer_sees_no_orders_of_other_buyers(shop: Client) -> None:
    other = make_payment(user=make_user("other"), name="남의 물건")
    orphan = make_payment(name="주인 없는 물건")
    page = page_of(shop)
    assert "남의 물건" not in page
    assert "주인 없는 물건" not in page
    for payment in (other, orphan):
        assert shop.get(f"/orders/{payment.imp_uid}").status_code == 404


def test_staff_see_their_own_orders_and_a_link_to_the_admin(client: Client) -> None:
    make_payment(user=make_user("other"), name="남의 물건")
    client.force_login(make_staff("refund_payment", "view_payment"))
    page = page_of(client)
    assert "남의 물건" not in page
    assert 'href="/admin/"' in page


def test_a_buyer_gets_no_link_to_the_admin(shop: Client) -> None:
    assert 'href="/admin/"' not in page_of(shop)


def test_one_order_has_its_own_page(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer)
    page = page_of(shop, f"/orders/{payment.imp_uid}")
    assert page.strip().startswith("<li")
    assert payment.merchant_uid in page


def test_order_page_needs_a_login(client: Client) -> None:
    assert client.get(f"/orders/{make_payment().imp_uid}").status_code == 401


def test_page_is_not_cached(shop: Client) -> None:
    assert "no-store" in shop.get("/").headers["Cache-Control"]


def test_page_rejects_post_requests(shop: Client) -> None:
    assert shop.post("/").status_code == 405


def test_the_language_can_be_switched(client: Client) -> None:
    client.post("/i18n/setlang/", {"language": "ko", "next": "/"})
    assert '<html lang="ko">' in page_of(client)
    client.post("/i18n/setlang/", {"language": "en", "next": "/"})
    assert '<html lang="en">' in page_of(client, language="ko")


@pytest.mark.parametrize("signed_in", [True, False])
def test_page_complies_with_its_strict_policy(client: Client, buyer: User, signed_in: bool) -> None:
    if signed_in:
        make_refund(make_payment(user=buyer, pay_method="vbank", pg_provider="kcp"))
        client.force_login(buyer)
    response = client.get("/")
    markup = Markup()
    markup.feed(response.content.decode())
    assert "default-src 'none'; script-src 'self';" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert markup.blocked == []


def test_external_text_is_escaped(shop: Client, buyer: User) -> None:
    make_payment(user=buyer, name="</script><b onclick=x>", fail_reason="<i>", status="failed")
    page = page_of(shop)
    assert "<b onclick" not in page
    assert "<i>" not in page


def test_many_orders_are_shown_in_pages(shop: Client, buyer: User) -> None:
    for _number in range(21):
        make_payment(user=buyer)
    assert page_of(shop).count("data-order=") == 20
    assert page_of(shop, "/?page=2").count("data-order=") == 1


def test_the_number_of_queries_does_not_grow_with_the_orders(
    shop: Client, buyer: User, django_assert_max_num_queries
) -> None:
    for status in ("succeeded", "failed") * 7:
        make_refund(make_payment(user=buyer), status=status)
    with django_assert_max_num_queries(6):
        shop.get("/")


# --- Texts of one order -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "badge", "can_ask"),
    [
        ({}, "Paid", True),
        ({"status": "cancelled", "cancel_amount": Decimal(4000)}, "Partly refunded", True),
        ({"status": "cancelled", "cancel_amount": Decimal(10_000)}, "Refunded", False),
        ({"status": "ready", "paid_at": None}, "Waiting for payment", False),
        ({"status": "failed", "paid_at": None}, "Payment failed", False),
        ({"status": "cancelled", "paid_at": None}, "Cancelled unpaid", False),
    ],
)
def test_order_state_is_shown_as_text(fields: dict, badge: str, can_ask: bool) -> None:
    card = card_of(make_payment(**fields))
    assert (card["badge"], card["can_ask"]) == (badge, can_ask)


@pytest.mark.parametrize(
    ("status", "badge"),
    [("requested", "Refund in progress"), ("pending", "Accepted, on its way"), ("unknown", "Being checked")],
)
def test_open_refund_is_polled_and_no_second_one_offered(status: str, badge: str) -> None:
    payment = make_payment()
    refund = make_refund(payment, status)
    card = card_of(payment)
    assert (card["badge"], card["live_refund"], card["can_ask"]) == (badge, refund.pk, False)


@pytest.mark.parametrize("refusal_class", ["", *RefusalClass.values])
def test_refusal_is_explained_in_words_for_buyers(refusal_class: str) -> None:
    payment = make_payment()
    message = "[3321] checksum: 카드사 취소 불가 거래입니다"
    make_refund(payment, "failed", error_code="refused_by_gateway", message=message, refusal_class=refusal_class)
    note = card_of(payment)["refunds"][0]["note"]
    assert "3321" not in note
    assert ("Nothing was refunded" in note, "already be under way" in note) == (
        refusal_class not in MONEY_MAY_MOVE,
        refusal_class in MONEY_MAY_MOVE,
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [("gateway_unavailable", "could not be reached"), ("refund_not_carried_out", "Request it again if you still want")],
)
def test_refund_that_did_not_happen_tells_the_buyer_to_request_it_again(code: str, words: str) -> None:
    payment = make_payment()
    make_refund(payment, "failed", error_code=code, message="i'mport shows that this refund was not executed.")
    assert words in card_of(payment)["refunds"][0]["note"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, "unknown"), ({}, "pending"), ({"pay_method": "vbank", "pg_provider": "danal"}, "failed")],
)
def test_no_refundable_amount_is_promised_that_cannot_be_requested_now(fields: dict[str, str], status: str) -> None:
    payment = make_payment(**fields)
    make_refund(payment, status)
    assert card_of(payment)["refundable"] == ""


def test_the_shops_contact_stands_where_a_refund_did_not_work(shop: Client, buyer: User, settings: Settings) -> None:
    settings.SHOP_CONTACT = "02-1234-5678"
    make_refund(make_payment(user=buyer), "failed", error_code="refused_by_gateway")
    assert "Please contact us about this refund. 02-1234-5678" in page_of(shop)


def test_refund_that_was_taken_back_says_so() -> None:
    payment = make_payment()
    make_refund(payment, reversed_amount=Decimal(1_000))
    assert card_of(payment)["refunds"][0]["note"] == "₩1,000 of this refund came back to us. Please contact us."


def test_only_the_latest_refunds_of_an_order_are_shown_and_fetched(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer)
    for number in range(REFUNDS_SHOWN):
        make_refund(payment, "failed", reason=f"number {number}.")
    sentence = "Only the latest 20 refunds are shown."
    assert sentence not in page_of(shop)
    for number in range(REFUNDS_SHOWN, 2 * REFUNDS_SHOWN):
        make_refund(payment, "failed", reason=f"number {number}.")

    for url in ("/", f"/orders/{payment.imp_uid}"):
        page = page_of(shop, url)
        assert page.count("refund-line") == REFUNDS_SHOWN
        assert ("number 39." in page, "number 20." in page, "number 19." in page) == (True, True, False)
        assert sentence in page
    (fetched,) = with_latest_refunds(Payment.objects.all())
    assert len(fetched.latest_refunds) == REFUNDS_SHOWN + 1


def test_open_refund_is_shown_even_after_later_refunds(shop: Client, buyer: User) -> None:
    payment = make_payment(user=buyer)
    live = make_refund(payment, "unknown", requested_at=timezone.now() - timedelta(hours=1))
    for _number in range(REFUNDS_SHOWN + 1):
        make_refund(payment)  # such as one made in i'mport's console
    page = page_of(shop)
    assert f"/refunds/{live.pk}" in page
    assert "Being checked" in page
    assert "data-ask" not in page


def test_receipt_is_linked_only_if_its_url_is_safe() -> None:
    payment = make_payment()
    make_refund(payment, receipt_url="javascript:alert(1)")
    assert card_of(payment)["refunds"][0]["receipt_url"] == ""


def test_dialog_gets_the_requirements_of_the_payment() -> None:
    data = json.loads(card_of(make_payment(pay_method="vbank", pg_provider="smartro_v2"))["data"])
    assert (data["account"], data["tel"], data["fee"], data["destination"]) == (True, True, "300", "account")
    assert (data["paid"], data["left"]) == ("10000", "10000")
    data = json.loads(card_of(make_payment(pay_method="phone"))["data"])
    assert (data["partial"], data["account"], data["destination"]) == (False, False, "phone")
    data = json.loads(card_of(make_payment(pay_method="naverpay", pg_provider="naverpay"))["data"])
    assert (data["reason"], data["destination"]) == (True, "wallet")


def test_dialog_of_a_promotion_takes_the_option_of_the_refund_before_it() -> None:
    promotion = {"has_promotion": True, "promotion_discount": Decimal(1_000)}
    data = json.loads(card_of(make_payment(**promotion))["data"])
    assert (data["discount"], data["retain_promotion"]) == ("1000", False)
    payment = make_payment(**promotion, cancel_amount=Decimal(1_000))
    make_refund(payment, retain_promotion=True)
    assert json.loads(card_of(payment)["data"])["retain_promotion"]
    data = json.loads(card_of(make_payment())["data"])
    assert (data["discount"], data["retain_promotion"]) == ("", False)


@pytest.mark.parametrize(("contract", "asked"), [("mixed_tax:kcp", (True, True)), ("mixed_tax:nice", (False, False))])
def test_dialog_asks_for_the_tax_free_part_where_the_shop_sells_tax_free_goods(
    settings: Settings, contract: str, asked: tuple[bool, bool]
) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({contract})
    data = json.loads(card_of(make_payment(pg_provider="kcp"))["data"])
    assert (data["tax_free"], data["tax_free_in_full"]) == asked


def test_banks_are_named_in_the_language_of_the_page() -> None:
    payments = [make_payment(pay_method="vbank", pg_provider="kcp"), make_payment()]
    with override("ko"):
        assert ("088", "신한은행") in banks_by_pg(payments)["kcp"]
    with override("en"):
        assert ("088", "Shinhan Bank") in banks_by_pg(payments)["kcp"]
    assert list(banks_by_pg(payments)) == ["kcp"]


# --- Signing in, and errors ---------------------------------------------------------------------------------


def test_a_buyer_can_sign_in_and_out(client: Client, buyer: User) -> None:
    response = client.post("/accounts/login/", {"username": "buyer", "password": "secret"})
    assert response.headers["Location"] == "/"
    client.post("/accounts/logout/")
    assert "data-order" not in page_of(client)


def test_wrong_password_shows_a_message(client: Client, buyer: User) -> None:
    response = client.post("/accounts/login/", {"username": "buyer", "password": "no"})
    assert 'role="alert"' in response.content.decode()


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_no_context_and_no_inline_style(name: str) -> None:
    page = render_to_string(f"{name}.html")
    markup = Markup()
    markup.feed(page)
    assert "<h1>" in page
    assert markup.blocked == []


def test_unknown_url_shows_the_shops_own_page(client: Client) -> None:
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert "storefront/base.css" in response.content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pay_method": "vbank", "pg_provider": "danal"}, "we will transfer the money ourselves"),
        ({"pay_method": "phone", "paid_at": timezone.now() - timedelta(days=40)}, "only be refunded in the month"),
    ],
)
def test_unrefundable_order_shows_the_reason_and_no_button(fields: dict[str, Any], words: str) -> None:
    card = card_of(make_payment(**fields))
    assert words in card["notice"]
    assert not card["can_ask"]


@pytest.mark.parametrize("imp_uid", ["imp_nobody", "%00", "x" * 5000])
def test_unknown_order_is_a_404(shop: Client, imp_uid: str) -> None:
    assert shop.get(f"/orders/{imp_uid}").status_code == 404
