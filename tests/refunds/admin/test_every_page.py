"""Every page and action of the admin, found by URL: staff without permissions can use none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, URLResolver

from access.models import Authenticator, SignInFailure
from access.tokens.service import create_token
from core.encryption.cipher import encrypt
from payments.models import Payment
from refunds.models import BusinessDayException, BuyerNotice, ReconciliationReport, RefundBatch, RefundRecord
from tests.admin_pages import sign_in
from tests.factories import (
    ACCOUNT_DIGITS,
    make_approval,
    make_payment,
    make_refund,
    make_staff,
    make_stored_account,
    make_user,
)
from tests.unrendered import pages_unrendered
from webhooks.models import Delivery, Endpoint, Event, EventType

pytestmark = pytest.mark.django_db

# Open to all staff, because they show only the reader's own data.
OPEN = {"index", "login", "logout", "password_change", "password_change_done", "jsi18n", "search"}
TOKEN = "0b1e5a3c-5f0e-4c53-9a43-2f6f7f1f4a77"
ORDER = "SECRET-ORDER-1"
NUMBER = "A23456789BC"


@pytest.fixture
def world(db: None) -> dict[str, int]:
    """Create one row of every model; return the ids by model."""
    payment = make_payment(merchant_uid=ORDER, pay_method="vbank")
    refund = make_refund(payment)
    make_stored_account(refund)
    batch = RefundBatch.objects.create(token=TOKEN, requested_by=make_user(), status="checked")
    batch.items.create(payment=payment, number=ORDER, expected_balance=payment.amount)
    approval = make_approval(payment, number=NUMBER)
    report = ReconciliationReport.objects.create(
        since=payment.paid_at, until=payment.paid_at, started_at=payment.paid_at
    )
    owner = make_user("owner")
    token, _secret = create_token(user=owner, name=ORDER)
    failure = SignInFailure.objects.create(username="somebody", failures_since_start=1)
    endpoint = Endpoint.objects.create(name=ORDER, url="https://shop.example", secret=encrypt("secret"))
    event = Event.objects.create(type=EventType.REFUND_SUCCEEDED, refund=refund, created_at=refund.requested_at)
    day = BusinessDayException.objects.create(day=payment.paid_at.date(), name=ORDER)
    notice = BuyerNotice.objects.create(refund=refund, kind="refunded", next_try_at=refund.requested_at)
    return {
        "refunds_businessdayexception": day.pk,
        "refunds_buyernotice": notice.pk,
        "webhooks_endpoint": endpoint.pk,
        "webhooks_delivery": Delivery.objects.create(
            event=event, endpoint=endpoint, next_attempt_at=refund.requested_at
        ).pk,
        "access_apitoken": token.pk,
        "access_authenticator": Authenticator.objects.create(user=owner, name=ORDER).pk,
        "access_signinfailure": failure.pk,
        "payments_payment": payment.pk,
        "refunds_refundrecord": refund.pk,
        "refunds_refundbatch": batch.pk,
        "refunds_refundapproval": approval.pk,
        "refunds_reconciliationreport": report.pk,
        "auth_user": make_user("other").pk,
        "auth_group": Group.objects.create(name="some").pk,
    }


def patterns(found: Any, prefix: str = "/admin/") -> Iterator[tuple[str, str]]:
    """Yield the name and the route of every page, with its converters."""
    for pattern in found:
        route = prefix + re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", str(pattern.pattern)).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield pattern.name or "", route


def address(name: str, route: str, world: dict[str, int]) -> str:
    model = "_".join(name.split("_")[:2])
    filled = re.sub(r"<uuid:\w+>", TOKEN, route).replace("<str:number>", NUMBER)
    filled = filled.replace("<app_label>", "refunds").replace("<url>", "anything")
    return re.sub(r"<[\w:]+>", str(world.get(model, 1)), filled)


def pages(world: dict[str, int]) -> list[tuple[str, str]]:
    found = [(name, address(name, route, world)) for name, route in patterns(admin.site.urls[0])]
    assert len(found) > 40
    assert not [url for _name, url in found if "<" in url or "(" in url]
    return found


def is_refused(answer: Any) -> bool:
    """Return whether it is refused or redirected to a page tested separately: the login, or an object's change page."""
    leads_to = answer.get("Location", "")
    return (
        answer.status_code in (403, 404, 405) or leads_to.startswith("/admin/login/") or leads_to.endswith("/change/")
    )


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_without_permissions_can_open_no_page(client: Client, world: dict[str, int], method: str) -> None:
    sign_in(client, make_staff())
    let_in = {}
    for name, url in pages(world):
        if name in OPEN:
            continue
        data = {"ids": world["payments_payment"], "do": "refund", "format": "csv"}
        with pages_unrendered():  # a refused one has a fixed text
            answer: Any = getattr(client, method)(url, data)
        if not is_refused(answer):
            let_in[url] = answer.status_code
        assert ORDER not in answer.content.decode(errors="replace"), url
        assert ACCOUNT_DIGITS not in answer.content.decode(errors="replace"), url
    assert let_in == {}


def test_pages_open_to_all_staff_contain_no_order(client: Client, world: dict[str, int]) -> None:
    sign_in(client, make_staff())
    for name, url in pages(world):
        if name in OPEN - {"logout"}:
            assert ORDER not in client.get(url, {"s": ORDER, "q": ORDER}).content.decode(), url


@pytest.mark.parametrize("method", ["get", "post"])
def test_buyers_and_visitors_are_redirected_to_the_login(client: Client, world: dict[str, int], method: str) -> None:
    for user in (None, User.objects.get(username="buyer")):
        if user:
            sign_in(client, user)
        for name, url in pages(world):
            if name not in {"login", "logout", "jsi18n"}:
                with pages_unrendered():
                    answer: Any = getattr(client, method)(url)
                assert is_refused(answer), (url, answer.status_code)


def test_no_action_of_any_list_is_offered_or_done_without_its_permission(client: Client, world: dict[str, int]) -> None:
    sign_in(client, make_staff("view_payment", "view_refundrecord", "view_reconciliationreport"))
    before = list(RefundRecord.objects.values())
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        if name not in ("payments_payment", "refunds_refundrecord", "refunds_reconciliationreport"):
            continue
        url = f"/admin/{name.replace('_', '/', 1)}/"
        for action in (*(model_admin.actions or ()), "delete_selected"):
            answer = client.post(url, {"action": action, "_selected_action": world[name], "post": "yes"})
            allowed = action == "export_selected"
            assert (answer.get("Location", "").startswith(f"{url}export/")) == allowed, action
    assert list(RefundRecord.objects.values()) == before
    assert Payment.objects.count() == 1
