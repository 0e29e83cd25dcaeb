"""Dates as people in Korea write them, at every place that takes one: what cannot be read is never "all"."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client

from core.dates import read_day
from refunds.models import ReconciliationReport
from tests.admin_pages import codes, sign_in
from tests.factories import make_payment, make_user
from tests.sandbox_server import SandboxServer

READABLE = (
    "2030-01-02",
    "2030.01.02",
    "2030. 1. 2.",
    "2030. 1. 2",
    "2030.1.2.",
    "2030/01/02",
    "2030/1/2",
    "20300102",
    "2030년 1월 2일",
    " ２０３０－０１－０２ ",
)
UNREADABLE = (
    "2030-13-01",
    "2030.02.30",
    "02.01.2030",
    "1/2/2030",
    "30-01-02",
    "2030-01/02",
    "2030-01",
    "203001",
    "soon",
)
PAYMENTS, REPORTS = "/admin/payments/payment/", "/admin/refunds/reconciliationreport/"
DATES_IN_LISTS = (
    (PAYMENTS, "paid_at"),
    ("/admin/refunds/refundrecord/", "requested_at"),
    ("/admin/refunds/refundrecord/", "cancelled_at"),
    (REPORTS, "started_at"),
)


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_user("chief", is_staff=True, is_superuser=True))


@pytest.fixture
def two_payments() -> None:
    for name, day in (("1st", 1), ("2nd", 2)):
        make_payment(merchant_uid=name, paid_at=datetime(2030, 1, day, 3, tzinfo=UTC))


@pytest.mark.parametrize("text", READABLE)
def test_a_date_is_read_in_any_common_spelling(text: str) -> None:
    assert read_day(text) == date(2030, 1, 2)


@pytest.mark.parametrize("text", [*UNREADABLE, "", "2030-01-02T03:00", "0000-01-01"])
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        read_day(text)


@pytest.mark.django_db
@pytest.mark.usefixtures("two_payments")
@pytest.mark.parametrize("text", READABLE)
def test_lists_exports_and_the_api_read_it(staff: Client, text: str) -> None:
    answer: Any = staff.get(PAYMENTS, {"paid_at_from": text})
    assert [payment.merchant_uid for payment in answer.context["cl"].result_list] == ["2nd"]
    export: Any = staff.post(f"{PAYMENTS}export/?paid_at_from={text}", {"format": "csv"})
    rows = b"".join(export.streaming_content).decode()
    assert ("2nd" in rows, "1st" in rows) == (True, False)
    listed = staff.get("/payments", {"from": text}).json()["results"]
    assert [payment["merchant_uid"] for payment in listed] == ["2nd"]


@pytest.mark.django_db
@pytest.mark.usefixtures("two_payments")
@pytest.mark.parametrize("end", ["from", "to"])
@pytest.mark.parametrize("text", UNREADABLE)
def test_a_list_and_its_export_show_nothing_for_a_date_that_cannot_be_read(staff: Client, text: str, end: str) -> None:
    query = {f"paid_at_{end}": text}
    answer: Any = staff.get(PAYMENTS, query)
    assert list(answer.context["cl"].result_list) == []
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [
        f"“{text}” is not a date. Write it like 2026-11-01."
    ]
    export = f"{PAYMENTS}export/?paid_at_{end}={text}"
    for page in (staff.get(export), staff.post(export, {"format": "csv"})):
        assert (page.status_code, "nothing_to_export" in codes(page.text)) == (400, True)
    assert staff.get("/payments", {end: text}).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "field"), DATES_IN_LISTS)
def test_every_date_filter_says_so(staff: Client, path: str, field: str) -> None:
    day = datetime(2030, 1, 1, tzinfo=UTC)
    ReconciliationReport.objects.create(since=day, until=day, started_at=day)
    answer: Any = staff.get(path, {f"{field}_from": "2030-13-01"})
    assert list(answer.context["cl"].result_list) == []
    assert "2030-13-01” is not a date" in answer.text


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["2020.01.02", "2020. 1. 2.", "2020/01/02", "20200102"])
def test_forms_and_commands_read_it(staff: Client, sandbox: SandboxServer, text: str) -> None:
    compared = staff.post(f"{REPORTS}compare/", {"since": text, "until": text, "mode": "check"})
    assert compared.status_code == 302
    call_command("sync_payments", "--from", text, "--to", text)
    call_command("reconcile", "--all", "--since", text, "--until", text)
    assert ReconciliationReport.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["2030-13-01", "02.01.2030", "9999-12-31", "0001-01-01T00:00+09:00"])
@pytest.mark.parametrize("command", [("sync_payments", "--from"), ("reconcile", "--all", "--since")])
def test_commands_refuse_what_they_cannot_read(command: tuple[str, ...], text: str) -> None:
    with pytest.raises(CommandError, match="is not a date"):
        call_command(*command, text)


@pytest.mark.django_db
@pytest.mark.parametrize("text", UNREADABLE)
def test_forms_refuse_what_they_cannot_read(staff: Client, text: str) -> None:
    page = staff.post(f"{REPORTS}compare/", {"since": text, "until": "2020-01-01", "mode": "check"})
    assert codes(page.text) == ["invalid"]
