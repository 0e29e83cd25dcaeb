"""A bulk refund in the admin: from a file or a filter to its preview, its start, its progress and its report."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from payments.models import Payment
from refunds.batches.preview import totals_of
from refunds.batches.run import run
from refunds.batches.start import start_batch, warning_codes
from refunds.inputs import Actor
from refunds.models import RefundBatch, RefundRecord
from tests.admin_pages import codes, sign_in, states
from tests.factories import make_payment, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer
from tests.sign_in import ADMIN, PASSWORD, code_of, send_password, with_device

pytestmark = [pytest.mark.django_db(transaction=True)]

LIST = "/admin/refunds/refundbatch/"
NEW = f"{LIST}new/"
PAYMENTS = "/admin/payments/payment/"
TOKEN = "0b1e5a3c-5f0e-4c53-9a43-2f6f7f1f4a77"


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment", "view_payment", "view_refundrecord")


@pytest.fixture
def staff(client: Client, user: User) -> Client:
    return sign_in(client, user)


def send(staff: Client, sheet: str | SimpleUploadedFile, **more: str) -> Any:
    """Send a pasted table or a file, and follow to the preview."""
    name = "text" if isinstance(sheet, str) else "file"
    return staff.post(NEW, {"token": TOKEN, "reason": "Recall", name: sheet, **more}, follow=True)


def url_of(batch: RefundBatch, page: str = "") -> str:
    return f"{LIST}{batch.token}/{page}"


def press(staff: Client, batch: RefundBatch, page: str, **data: Any) -> Any:
    return staff.post(url_of(batch, page), data, follow=True)


def started(staff: Client, user: User, *payments: Payment) -> RefundBatch:
    """Start a batch of these orders, and leave it to a worker."""
    send(staff, "\n".join(["order", *(payment.merchant_uid for payment in payments)]))
    batch = RefundBatch.objects.get()
    actor = Actor(user.get_username(), user)
    start_batch(batch=batch, actor=actor, totals=totals_of(batch), accepted=warning_codes(batch))
    return batch


@pytest.mark.usefixtures("eager_worker")
def test_a_pasted_table_is_previewed_and_started_by_typing_its_total(staff: Client, sandbox: SandboxServer) -> None:
    whole, part = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox, amount=25_000)
    rows = ["order\tamount\tnote\treason", f"{whole.merchant_uid}\t\tfront row\t"]
    rows += [f"{part.merchant_uid}\t5,000\t\tTorn seam", "nobody\t1\t\t"]

    preview = send(staff, "\n".join(rows)).text

    assert re.findall(r'data-line="(\d+)" data-code="(\w+)"', preview) == [("4", "unknown_order")]
    for words in ("nobody", "front row", "₩15,000", "Refund ₩15,000 for 2 orders", "Recall", "Reason: Torn seam"):
        assert words in preview
    batch = RefundBatch.objects.get()
    for typed, code in (("", "total_required"), ("15.000", "invalid_amount"), ("15,001", "total_differs")):
        answer = press(staff, batch, "start/", reason="Recall", total_KRW=typed)
        assert f'data-code="{code}" data-field="total_KRW"' in answer.text
    assert not RefundRecord.objects.exists()

    report = press(staff, batch, "start/", reason="Concert cancelled", total_KRW="１５,000 won").text

    assert states(report) == {whole.merchant_uid: "refunded", part.merchant_uid: "refunded", "nobody": "problem"}
    assert "2 of 2 requested: 2 refunded" in report
    assert set(RefundRecord.objects.values_list("reason", "amount")) == {
        ("Concert cancelled", Decimal(10_000)),
        ("Torn seam", Decimal(5_000)),
    }
    assert "Reason: Torn seam" in report
    csv = b"".join(staff.get(url_of(batch, "report/csv/")).streaming_content).decode()
    assert re.findall(r"^(?:\d+,)([\w-]+),", csv, re.MULTILINE) == [whole.merchant_uid, part.merchant_uid, "nobody"]
    assert states(staff.get(url_of(batch), {"state": "problem"}).text) == {"nobody": "problem"}


def test_a_check_that_broke_off_is_repeated_from_its_page(staff: Client, sandbox: SandboxServer) -> None:
    send(staff, f"order\n{paid_at_sandbox(sandbox).merchant_uid}\nnobody")
    batch = RefundBatch.objects.get()
    RefundBatch.objects.update(status="draft", checked_at=None)  # as a killed server leaves it
    batch.items.update(expected_balance=None)

    assert "not_checked" in codes(staff.get(url_of(batch)).text)
    assert "Refund ₩10,000 for 1 order" in press(staff, batch, "check/").text


def test_the_same_file_again_leads_to_its_bulk_refund(staff: Client) -> None:
    text = f"주문번호\n{make_payment().merchant_uid}\n".encode("cp949")
    send(staff, SimpleUploadedFile("recall.csv", text))

    again = staff.post(NEW, {"token": TOKEN[::-1].replace("-", "")[:32], "file": SimpleUploadedFile("a.csv", text)})

    assert again["Location"] == url_of(RefundBatch.objects.get())
    assert "recall.csv" in staff.get(LIST).text


@pytest.mark.parametrize(
    ("sheet", "code", "field"),
    [
        ({}, "no_sheet", "file"),
        ({"text": "order\n1", "file": SimpleUploadedFile("a.csv", b"order\n1")}, "two_sheets", "file"),
        ({"text": "colour\tsize\tshape\nred\t1\tround"}, "no_heading", "text"),
        ({"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7")}, "not_a_sheet", "file"),
        ({"text": "order\n1", "reason": "x" * 300}, "invalid_text", "reason"),
    ],
)
def test_what_cannot_be_read_is_explained_at_its_input(
    staff: Client, sheet: dict[str, Any], code: str, field: str
) -> None:
    answer: Any = staff.post(NEW, {"token": TOKEN, "reason": "", **sheet})

    assert f'data-code="{code}" data-field="{field}"' in answer.text
    assert not RefundBatch.objects.exists()


def test_only_this_page_takes_large_forms_and_files_and_only_from_staff_who_refund(client: Client, user: User) -> None:
    large = {"token": TOKEN, "text": "order\n" + "a-number-of-an-order\n" * 40_000}  # 840 kB
    assert sign_in(client, make_staff("view_payment", name="viewer")).post(NEW, large).status_code == 413
    sign_in(client, user)

    assert 'data-code="too_many_rows"' in client.post(NEW, large).text
    assert client.post(f"{LIST}{TOKEN}/check/", large).status_code == 413
    assert client.post(PAYMENTS, {"file": SimpleUploadedFile("a.csv", b"order")}).status_code == 400


def test_templates_can_be_downloaded(staff: Client) -> None:
    assert staff.get(f"{LIST}template/csv/").content.startswith(b"\xef\xbb\xbf")
    assert staff.get(f"{LIST}template/xlsx/").content.startswith(b"PK")
    assert staff.get(f"{LIST}template/exe/").status_code == 404


def test_all_that_match_a_filter_become_a_bulk_refund_whose_sum_is_shown_before(staff: Client) -> None:
    payments = [make_payment() for _number in range(51)]
    make_payment(pay_method="trans")
    make_payment(pg_provider="tosspayments", status="failed")
    query = "?method=card"

    assert staff.get(f"{PAYMENTS}refund-total/{query}").json() == {"text": "51 refundable: ₩510,000"}
    pressed = {"action": "refund_orders", "select_across": "1", "index": "0", "_selected_action": payments[0].pk}
    preview: Any = staff.post(f"{PAYMENTS}{query}", pressed, follow=True)

    assert "Refund ₩510,000 for 51 orders" in preview.text
    assert 'data-problem="payment_failed"' in preview.text
    batch = RefundBatch.objects.get()
    assert (batch.origin, batch.title, batch.items.count()) == ("filter", "Method: Card", 52)


def test_warnings_are_ticked_or_left_out_and_orders_can_be_left_out(staff: Client) -> None:
    plain, other = make_payment(), make_payment()
    paypal = make_payment(pg_provider="paypal_v2", currency="USD", amount=Decimal("12.50"))
    send(staff, "\n".join(["order", *(each.merchant_uid for each in (plain, other, paypal))]))
    batch = RefundBatch.objects.get()
    (warned,) = batch.items.filter(payment=paypal)
    code = warned.warnings[0]["code"]

    refused = press(staff, batch, "start/", reason="Recall", total_KRW="20000", total_USD="12.5").text
    assert f'data-code="warnings_not_accepted" data-field="accept_{code}"' in refused
    press(staff, batch, "leave-out/", warning=code)
    after = press(staff, batch, "leave-out/", item=[batch.items.get(payment=other).pk]).text

    assert "Refund ₩10,000 for 1 order" in after
    assert set(batch.items.filter(excluded=True).values_list("error_code", flat=True)) == {"left_out"}


def test_all_or_nothing_cannot_be_started_with_a_problem(staff: Client) -> None:
    text = f"order\n{make_payment().merchant_uid}\nnobody"
    assert "batch_has_problems" in codes(send(staff, text, all_or_nothing="on").text)
    batch = RefundBatch.objects.get()

    press(staff, batch, "start/", reason="Recall", total_KRW="10000")

    batch.refresh_from_db()
    assert batch.status == "checked"


def test_a_large_bulk_refund_needs_a_fresh_code(staff: Client, user: User, settings: Settings) -> None:
    settings.BULK_CONFIRM_ABOVE = 5_000
    device, (backup, *_more) = with_device(user)
    send_password(staff, ADMIN, "staff", PASSWORD)
    staff.post(f"{ADMIN}code/", {"code": code_of(device)})
    send(staff, f"order\n{make_payment().merchant_uid}")
    batch = RefundBatch.objects.get()

    for code, error in (("", "second_factor_required"), ("000000", "wrong_code")):
        answer = press(staff, batch, "start/", reason="Recall", total_KRW="10000", code=code)
        assert f'data-code="{error}" data-field="code"' in answer.text
    device.refresh_from_db()
    device.throttle_reset()
    press(staff, batch, "start/", reason="Recall", total_KRW="10000", code=backup)

    batch.refresh_from_db()
    assert batch.status == "running"


def test_a_running_bulk_refund_is_paused_resumed_and_stopped(staff: Client, user: User) -> None:
    batch = started(staff, user, make_payment(), make_payment())

    paused = press(staff, batch, "pause/").text
    assert 'data-code="paused"' in paused
    assert "staff paused it." in paused
    assert "data-follow" in press(staff, batch, "resume/").text
    assert "2 orders will not be refunded" in staff.get(url_of(batch, "stop/")).text
    batch.refresh_from_db()
    assert batch.status == "running"
    stopped = press(staff, batch, "stop/").text

    assert set(states(stopped).values()) == {"skipped"}
    for words in ("Bulk refund paused", "Bulk refund resumed", "Bulk refund stopped", "2 orders were not refunded"):
        assert words in stopped
    assert "batch_state" not in codes(stopped)
    assert not RefundRecord.objects.exists()


def test_refused_orders_are_retried_in_a_new_bulk_refund(staff: Client, user: User, sandbox: SandboxServer) -> None:
    good, bad = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    batch = started(staff, user, bad, good)
    sandbox.fault("cancel", "refuse", times=1, message="한도 초과")
    run(batch_id=batch.pk)

    retry = press(staff, batch, "retry/").text

    assert "Refund ₩10,000 for 1 order" in retry
    assert "Go to the retry" in staff.get(url_of(batch)).text
    assert "<small>1 failed</small>" in staff.get(LIST).text


def test_a_viewer_watches_and_changes_nothing(client: Client, staff: Client, user: User) -> None:
    batch = started(staff, user, make_payment(currency="USD", amount=Decimal("12.50")))
    viewer = sign_in(Client(), make_staff("view_payment", name="viewer"))

    page = viewer.get(url_of(batch)).text

    assert "0 of 1 requested" in page
    assert "$0.00" in page
    assert "₩" not in page
    assert f"{batch.token}/pause/" not in page
    for action in ("check", "leave-out", "start", "pause", "resume", "stop", "retry"):
        assert viewer.post(url_of(batch, f"{action}/")).status_code == 403
    assert viewer.get(url_of(batch, "problems/csv/")).status_code == 403
    assert staff.get(url_of(batch, "pause/")).status_code == 405


@pytest.mark.parametrize("code", ["account_holder_differs", "account_not_confirmed", "balance_changed"])
def test_only_an_order_with_a_doubtful_account_leads_those_who_refund_to_its_confirmation(
    staff: Client, user: User, code: str
) -> None:
    batch = started(staff, user, make_payment())
    batch.items.update(error_code=code)
    viewer = sign_in(Client(), make_staff("view_payment", name="viewer"))
    to_confirm = rf'<tr data-order="[^"]*" data-state="skipped" data-code="{code}">.*href="(/admin/[^"]*/refund/[^"]*)"'

    link = re.search(to_confirm, staff.get(url_of(batch)).text, re.DOTALL)

    assert (link is not None) is code.startswith("account_")
    assert not re.search(to_confirm, viewer.get(url_of(batch)).text, re.DOTALL)
    if link is not None:
        assert f'href="{url_of(batch)}"' in staff.get(unescape(link[1]), follow=True).text
