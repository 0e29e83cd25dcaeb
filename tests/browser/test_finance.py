"""Finance closes a week and a month in a real browser: compare, read the totals, repair one payment, export, close."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.utils import timezone
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from core.dates import add_months, parse_moment
from refunds.management.commands.demo import create_accounts
from tests.browser.images import keep_image
from tests.factories import demo_payment, make_payment, make_refund, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("eager_worker"),
]


@pytest.fixture
def desk(page: Page, live_server: LiveServer) -> Page:
    create_accounts()
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", "staff-demo")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    return page


def tile(desk: Page, code: str) -> Locator:
    return desk.locator(f"[data-card={code}]")


def saved(desk: Page, button: Locator, folder: Path) -> Path:
    with desk.expect_download() as download:
        button.click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_finance_compares_repairs_and_exports(desk: Page, sandbox: SandboxServer, tmp_path: Path) -> None:
    missed, other, waiting = (paid_at_sandbox(sandbox, **demo_payment(number)) for number in (1001, 2018, 2025))
    sandbox.console_cancel(missed.imp_uid, 4_000, "부분 반품")
    sandbox.console_cancel(other.imp_uid, 19_000, "부분 반품")
    make_refund(waiting, status="pending", amount=waiting.amount, checksum=waiting.amount)

    compare(desk)
    read_and_repair(desk, missed.imp_uid)
    file = saved(desk, desk.get_by_role("link", name="CSV"), tmp_path)
    rows = {row["주문번호"]: row for row in csv.DictReader(StringIO(file.read_text("utf-8-sig")))}
    assert {number: (row["차액"], row["상태"]) for number, row in rows.items()} == {
        missed.merchant_uid: ("0", "수정 완료"),
        other.merchant_uid: ("19000", "미해결"),
        waiting.merchant_uid: ("0", "PG사 처리 대기"),
    }

    desk.goto(desk.url.partition("/admin/")[0] + "/admin/")
    expect(tile(desk, "drift")).to_contain_text("미해결 1건")
    export(desk, tmp_path)


def compare(desk: Page) -> None:
    desk.reload()
    expect(tile(desk, "pending")).to_contain_text("1")
    tile(desk, "drift").click()
    desk.get_by_role("button", name="지금 대조").click()
    desk.wait_for_url("**/change/")


def read_and_repair(desk: Page, imp_uid: str) -> None:
    """Read the totals; repair this payment alone with its one button."""
    sums = desk.locator("#sums dd")
    expect(sums).to_have_text(["₩0", "₩23,000", "+₩23,000"])
    rows = desk.locator("#discrepancies tbody tr")
    expect(rows).to_have_count(2)
    expect(desk.locator("#waiting")).to_contain_text("PG사 처리 대기")

    row = desk.locator(f"[data-payment={imp_uid}]")
    expect(row).to_contain_text("₩4,000")
    row.get_by_role("button").click()

    expect(row).to_have_attribute("data-state", "repaired")
    expect(row.get_by_role("button")).to_have_count(0)
    expect(sums).to_have_text(["₩4,000", "₩23,000", "+₩19,000"])
    expect(desk.locator("[data-state=unresolved]")).to_have_count(1)
    keep_image(desk, "reconciliation", height=810)


def export(desk: Page, folder: Path) -> None:
    """Export what was refunded in the last days from its tile."""
    desk.locator("[data-tile=refunded]").get_by_role("link").first.click()
    desk.get_by_role("link", name="내보내기").click()
    expect(desk.locator("body")).to_contain_text("1건")
    file = saved(desk, desk.get_by_role("button", name="다운로드"), folder)
    book = load_workbook(file)
    heading, total = book["합계"].iter_rows(values_only=True)
    found = dict(zip(heading, total, strict=True))
    assert (found["통화"], found["공급가액"], found["부가세"]) == ("KRW", 3_636, 364)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ko", ("월 마감", "이 달 마감하기", "마감 가능", "마감")),
        ("en", ("Monthly statements", "Close the month", "Ready to close", "Closed")),
    ],
)
def test_finance_closes_a_month(desk: Page, live_server: LiveServer, language: str, words: tuple[str, ...]) -> None:
    title, button, ready, closed = words
    desk.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    before = parse_moment(add_months(timezone.localdate().replace(day=1), -1)) + timedelta(days=3)
    order = demo_payment(1001)
    payment = make_payment(amount=Decimal(110_000), paid_at=before, name=order["name"], buyer_name=order["buyer_name"])
    make_refund(payment, amount=Decimal(22_000), requested_at=before, settled_at=before + timedelta(days=1))
    desk.goto(f"{live_server.url}/admin/")
    desk.get_by_role("link", name=title).click()
    row = desk.locator("#months tr[data-state=next]")
    expect(row).to_contain_text(ready)
    row.get_by_role("link").click()

    expect(desk.locator("#lines tfoot")).to_contain_text("₩88,000")
    desk.get_by_role("button", name=button).click()
    expect(desk.locator("[data-code=month_differs]").first).to_be_visible()
    expect(desk.locator("[data-state=closed]")).to_have_count(0)
    desk.get_by_role("checkbox").check()
    desk.locator("[name=note]").fill("5월 장부")
    desk.get_by_role("button", name=button).click()
    expect(desk.locator("[data-state=closed]")).to_have_text(closed)
    expect(desk.locator("body")).to_contain_text("5월 장부")
    expect(desk.locator("#close")).to_have_count(0)

    # What is found later belongs to the next month, and is named there.
    make_refund(payment, amount=Decimal(1_100), settled_at=timezone.now(), cancelled_at=before)
    desk.goto(f"{live_server.url}/admin/refunds/statementmonth/{timezone.localdate():%Y-%m}/")
    expect(desk.locator("#earlier")).to_contain_text(payment.merchant_uid)
    expect(desk.locator("#earlier")).to_contain_text("₩1,100")
