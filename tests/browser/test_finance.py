"""Finance closes a week in a real browser, in Korean: compare, read the totals, repair one payment, export."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from refunds.management.commands.demo import create_accounts
from tests.browser.images import keep_image
from tests.factories import demo_payment, make_refund, paid_at_sandbox
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
    tile(desk, "month").click()
    desk.get_by_role("link", name="내보내기").click()
    expect(desk.locator("body")).to_contain_text("1건")
    file = saved(desk, desk.get_by_role("button", name="다운로드"), folder)
    book = load_workbook(file)
    heading, total = book["합계"].iter_rows(values_only=True)
    found = dict(zip(heading, total, strict=True))
    assert (found["통화"], found["공급가액"], found["부가세"]) == ("KRW", 3_636, 364)
