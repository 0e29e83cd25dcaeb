"""Staff refund a sheet in a real browser, in Korean: upload, preview, start, pause, resume, report, at two widths."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect
from pytest_django.live_server_helper import LiveServer

from payments.models import Payment
from refunds.batches.run import run
from refunds.management.commands.demo import create_accounts
from refunds.models import RefundBatch, RefundRecord
from tests.browser.images import keep_image
from tests.factories import ACCOUNT, demo_payment, make_payment, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ORDERS = (1001, 1003, 2001, 2018, 2024, 2026)  # of the demo, ₩420,000 in all; 1003 was paid to a virtual account
LISTED = 26  # one more than the payment list has on a page


@pytest.fixture(params=[1440, 390])
def desk(page: Page, live_server: LiveServer, request: pytest.FixtureRequest) -> Page:
    """Sign in in Korean, at a width of a desktop or of a phone."""
    create_accounts()
    page.set_viewport_size({"width": request.param, "height": 900})
    page.goto(f"{live_server.url}/admin/login/?next=/admin/refunds/refundbatch/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", "staff-demo")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/refundbatch/")
    return page


def sheet(*payments: Payment) -> FilePayload:
    """Return a Korean file as Excel saves it, with an unknown order in its last row."""
    account = ",".join(ACCOUNT[name] for name in ("refund_holder", "refund_bank", "refund_account"))
    rows = [f"{payment.merchant_uid},,{account if payment.pay_method == 'vbank' else ',,'}" for payment in payments]
    text = "\r\n".join(["주문번호,환불금액,예금주,은행,계좌번호", *rows, "maru-2909,1000,,,"])
    return {"name": "11월 반품.csv", "mimeType": "text/csv", "buffer": text.encode("cp949")}


def expect_to_fit(page: Page) -> None:
    assert page.evaluate("document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth + 1"), page.url


def test_a_sheet_is_uploaded_checked_started_paused_and_reported(desk: Page, sandbox: SandboxServer) -> None:
    orders = [paid_at_sandbox(sandbox, **demo_payment(number)) for number in ORDERS]

    upload(desk, *orders)
    start(desk)
    pause_and_resume(desk)

    # The page has followed by itself.
    expect(desk.locator("tr[data-state=refunded]")).to_have_count(len(ORDERS))
    expect(desk.locator("#heading")).to_have_text("환불 결과")
    desk.locator("[data-tab=problem]").click()
    expect(desk.locator("tr[data-state=refunded]")).to_have_count(0)
    expect(desk.locator("tr[data-state=problem]")).to_have_count(1)
    expect_to_fit(desk)
    with desk.expect_download() as download:
        desk.get_by_role("link", name="결과 보고서(CSV)").click()
    assert download.value.suggested_filename.startswith("일괄환불-결과")
    assert [sandbox.payment(order.imp_uid)["cancel_amount"] for order in orders] == [order.amount for order in orders]


def upload(desk: Page, *payments: Payment) -> None:
    desk.goto(f"{desk.url}new/")
    expect_to_fit(desk)
    desk.get_by_label("올릴 파일").set_input_files(sheet(*payments))
    reason = desk.get_by_label("상세 사유", exact=True)
    expect(reason).to_have_value("")  # not the file's name
    reason.fill("품절")
    desk.get_by_role("button", name="읽고 확인").click()

    expect(desk.locator("h1.rd-title")).to_have_text("일괄 환불 확인")
    expect(desk.locator("[data-code=unknown_order]")).to_contain_text("maru-2909")
    keep_image(desk, "bulk", height=810)
    expect_to_fit(desk)


def start(desk: Page) -> None:
    """Type a wrong total, press Enter, skip the warnings: nothing starts. Then do it right."""
    button = desk.get_by_role("button", name="주문 6건, ₩420,000 환불")
    total = desk.get_by_label("확인을 위해 합계를 입력해 주세요: ₩420,000")
    total.fill("420,001")
    button.click()
    expect(desk.locator("[data-code=total_differs]")).to_be_visible()
    unread = desk.locator("[data-code=warnings_not_accepted]")
    expect(unread).not_to_have_count(0)
    total.fill("420,000")
    total.press("Enter")  # checks again, and starts nothing
    assert not RefundBatch.objects.exclude(started_at=None).exists()
    for box in desk.get_by_label("내용을 확인했습니다. 환불합니다.").all():
        box.check()
    total.fill("420,000")
    button.click()

    expect(desk.locator("tr[data-state=waiting]")).to_have_count(len(ORDERS))


def pause_and_resume(desk: Page) -> None:
    desk.get_by_role("button", name="일시 중지").click()
    expect(desk.locator("[data-code=paused]")).to_contain_text("staff 님이 일시 중지했습니다.")
    expect_to_fit(desk)
    batch = RefundBatch.objects.get()
    run(batch_id=batch.pk)
    assert not RefundRecord.objects.exists()
    desk.get_by_role("button", name="다시 시작").click()
    expect(desk.locator("#heading")).to_have_text("환불 중…")
    run(batch_id=batch.pk)


@pytest.mark.parametrize("desk", [1440], indirect=True)
def test_a_selection_survives_paging_and_back_and_adds_up_before_the_click(desk: Page, live_server: LiveServer) -> None:
    for _number in range(LISTED):
        make_payment()
    make_payment(status="failed", paid_at=None)
    desk.goto(f"{live_server.url}/admin/payments/payment/")
    bar = desk.locator(".rd-selected")
    boxes = desk.locator("tr input.action-select")
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(bar).to_have_text("2건 선택됨 · 환불 가능 1건: ₩10,000")

    desk.locator("a[rel=next]").click()
    expect(desk).to_have_url(re.compile("p=2"))
    expect(bar).to_have_text("2건 선택됨 · 환불 가능 1건: ₩10,000")
    boxes.nth(1).check()
    desk.locator("button[value=refund_orders]").click()
    expect(desk).to_have_url(re.compile(r"/refund/\?ids=\d+,\d+,\d+&"))
    desk.go_back()
    expect(bar).to_have_text("3건 선택됨 · 환불 가능 2건: ₩20,000")
    desk.locator(".rd-clear").click()
    expect(bar).to_be_hidden()

    desk.locator("a[rel=prev]").click()
    expect(desk).to_have_url(re.compile("p=1"))
    expect(desk.locator("input.action-select:checked")).to_have_count(0)
    desk.locator("#action-toggle").check()
    desk.locator(".question a").click()
    expect(bar).to_have_text(f"{LISTED + 1}건 선택됨 · 환불 가능 {LISTED}건: ₩260,000")
