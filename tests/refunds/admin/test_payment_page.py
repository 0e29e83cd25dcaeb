"""The pages of one payment and of one refund: what happened to it, what can be done, and the way back."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from payments.models import Notification, Payment
from refunds.models import ReconciliationReport
from refunds.reconciliation.reconcile import reconcile
from tests.admin_pages import codes, confirmation, fill, links, sign_in, states
from tests.factories import ACCOUNT, make_approval, make_payment, make_refund, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager_worker")]


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "change_payment", "view_refundrecord", "view_account"))


def page_of(row: Any) -> str:
    model = "payments/payment" if isinstance(row, Payment) else "refunds/refundrecord"
    return f"/admin/{model}/{row.pk}/change/"


def timeline(text: str) -> list[str]:
    """Return the lines of the timeline as a reader sees them, without their times."""
    found = re.search(r'id="refund-timeline">(.*?)</section>', text, re.DOTALL)
    assert found
    lines = re.findall(r"<li .*?</li>", found[1], re.DOTALL)
    plain = (re.sub(r"<time.*?</time>|<[^>]+>", " ", line, flags=re.DOTALL) for line in lines)
    return [html.unescape(re.sub(r"\s+", " ", line)).strip() for line in plain]


def test_one_timeline_has_everything_that_happened_to_a_payment_the_newest_first(
    staff: Client, sandbox: SandboxServer
) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank", pg_provider="tosspayments")
    asked = {"amount": "3000", "confirmed": "", **ACCOUNT}
    sandbox.fault("cancel", "refuse", times=1, message="점검 중")
    fill(staff, confirmation(staff, payment), {payment: asked}, reason="Broken cup")
    failed = payment.refunds.get()
    staff.post(f"/admin/refunds/refundrecord/{failed.pk}/account/")
    sandbox.console_cancel(payment.imp_uid, 1_000, "by telephone")
    list(reconcile(payments=Payment.objects.filter(pk=payment.pk)))
    Notification.objects.update_or_create(
        imp_uid=payment.imp_uid,
        defaults={
            "requested_at": failed.requested_at,
            "next_attempt_at": failed.requested_at,
            "notified": 2,
            "answered": 2,
        },
    )
    owner = User.objects.create_user("buyer-7")
    staff.post(page_of(payment), {"user": owner.pk, "tax_free": "", "vat_amount": ""})

    lines = timeline(staff.get(page_of(payment)).text)

    number, found = failed.number, payment.refunds.get(source="console")
    expected = [
        "Changed here Changed Buyer's account. · staff",
        f"Added from i'mport ₩1,000 {found.number} Cancelled in i'mport's console; added here.",
        f"Account viewed ₩3,000 {number} · staff",
        f"Refused by i'mport ₩3,000 {number} 점검 중",
        "Notified by i'mport 2 notifications so far",
        f"Refund requested ₩3,000 {number} Reason: Broken cup",
        "First recorded here",
        "Paid ₩10,000 · Virtual account · Toss Payments",
    ]
    places = [next((i for i, line in enumerate(lines) if line.startswith(begin)), begin) for begin in expected]
    assert places[:4] == [0, 1, 2, 3]
    assert sorted(places, key=str) == [*range(8)]
    requested = next(line for line in lines if line.startswith("Refund requested"))
    assert "· staff · Admin · Request" in requested


def test_a_failed_refund_is_tried_again_as_it_was_asked_for(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "http_429", times=1)
    fill(staff, confirmation(staff, payment), {payment: {"amount": "3000"}}, reason="Broken cup")
    failed = payment.refunds.get()

    (url,) = links(staff.get(page_of(failed)).text, "Try again")
    assert links(staff.get(page_of(payment)).text, "Try again")
    shown: Any = staff.get(url, follow=True)
    assert re.search(rf'name="p{payment.pk}-amount" value="3,000"', shown.text)
    assert 'value="Broken cup"' in shown.text
    assert links(shown.text, "Back") == [page_of(failed)]
    answer = fill(staff, confirmation(staff, payment), {payment: {"amount": "3000"}})

    assert states(staff.get(answer["Location"]).text) == {payment.merchant_uid: "refunded"}
    # The money is back now: not a second time.
    assert links(staff.get(page_of(failed)).text, "Try again") == []


@pytest.mark.parametrize(
    "facts",
    [
        {"refusal_class": "already_cancelled", "error_code": "refused_by_gateway"},
        {"refusal_step": "outside", "refusal_class": "other", "error_code": "refused_by_gateway"},
        {"amount": 20_000, "error_code": "gateway_unavailable"},
    ],
)
def test_nothing_invites_to_try_again_what_cannot_succeed(staff: Client, facts: dict[str, Any]) -> None:
    refund = make_refund(make_payment(amount=10_000), status="failed", **facts)

    for row in (refund, refund.payment):
        assert links(staff.get(page_of(row)).text, "Try again") == []


def test_a_refund_is_offered_only_while_none_is_open_or_waits_for_approval(staff: Client) -> None:
    free, waiting, open_ = make_payment(), make_payment(), make_payment()
    make_approval(waiting)
    make_refund(open_, status="pending")
    offered = {payment: "/payment/refund/" in staff.get(page_of(payment)).text for payment in (free, waiting, open_)}
    assert offered == {free: True, waiting: False, open_: False}


def test_a_page_leads_back_to_the_filtered_list_and_links_to_nothing_that_is_forbidden(staff: Client) -> None:
    payment = make_payment(user=User.objects.create_user("buyer-7"), buyer_email="kim@example.com")
    refund = make_refund(payment, status="failed", error_code="gateway_unavailable")

    opened = ((payment, "q%3Dmaru%26p%3D1", "/?q=maru&p=1"), (refund, "status%3Dfailed", "/?status=failed"))
    for row, filters, expected in opened:
        page = staff.get(f"{page_of(row)}?_changelist_filters={filters}").text
        (back,) = links(page, "Back to the list")
        assert html.unescape(back).endswith(expected)
        assert links(page, "Close") == []
        assert "/admin/auth/user/" not in page

    report = ReconciliationReport.objects.create(**dict.fromkeys(("since", "until", "started_at"), payment.created_at))
    report.discrepancies.create(imp_uid=payment.imp_uid, merchant_uid=payment.merchant_uid, kind="status")
    reader = sign_in(Client(), make_staff("view_payment", "view_reconciliationreport", name="reader"))
    for client, expected in ((staff, 0), (reader, 1)):
        assert len(links(client.get(page_of(payment)).text, "Reconciliation report")) == expected

    text = staff.get(page_of(payment)).text
    assert 'href="mailto:kim@example.com"' in text
    for number in (payment.merchant_uid, payment.imp_uid):
        assert f'data-copy-text="{number}"' in text
    assert codes(text) == []
