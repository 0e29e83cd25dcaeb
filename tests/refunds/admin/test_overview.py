"""The figures of the overview: each equals a naive sum over the rows, and its list has exactly these rows."""

import csv
import random
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from statistics import median
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from access.tokens.service import create_token
from core.dates import SEOUL
from core.money import format_money
from payments.labels import PAY_METHODS
from payments.models import Payment
from refunds.admin.overview.breakdown import Line
from refunds.admin.overview.figures import figures_of
from refunds.admin.overview.period import Choice, Period, preset
from refunds.models import RefundReason, RefundRecord, RefusalClass
from tests.admin_pages import sign_in
from tests.factories import make_payment, make_refund, make_staff, make_user
from tests.unrendered import pages_unrendered

pytestmark = pytest.mark.django_db

HOME = "/admin/"
SEEDS = (1, 2)
DAYS = 12
Rows = list[RefundRecord]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "view_payment", "view_reconciliationreport"))


def period() -> Period:
    today = timezone.localdate()
    return Period(today - timedelta(days=DAYS - 1), today - timedelta(days=2))


def random_time(chance: random.Random) -> datetime:
    """Return a time in or near the period or the one before, often at an edge of a day in Korea."""
    day = period().before.first + timedelta(days=chance.randrange(-1, 2 * DAYS))
    at = datetime(day.year, day.month, day.day, tzinfo=SEOUL)
    return at + chance.choice((timedelta(0), timedelta(microseconds=-1), timedelta(seconds=chance.randrange(86_400))))


def random_rows(seed: int) -> None:
    chance = random.Random(seed)
    users = [make_staff("refund_payment", name=name) for name in ("kim", "lee")]
    buyer = make_user("buyer-1")
    tokens = [create_token(user=users[0], name=name)[0] for name in ("shop web", "ERP")]
    reasons = [
        *RefundReason.objects.all()[:3],
        RefundReason(code="gone", name_ko="없어짐", name_en="Gone", fault="shop"),
    ]
    for _number in range(120):
        currency = chance.choice(("KRW", "KRW", "KRW", "USD"))
        paid_at = chance.choice((None, random_time(chance), random_time(chance)))
        payment = make_payment(
            currency=currency,
            amount=Decimal(chance.randrange(10_000, 90_000)) if currency == "KRW" else Decimal("120.50"),
            status=chance.choice(("paid", "cancelled", "failed", "ready", "pending")),
            paid_at=paid_at,
            sandbox=chance.random() < 0.15,
            pay_method=chance.choice(("card", "vbank", "newpay", "")),
            pg_provider=chance.choice(("uplus", "tosspayments", "nice", "newpg")),
        )
        for _refund in range(chance.randrange(3)):
            source = chance.choice(("admin", "admin", "api", "command", "console"))
            by_token = source == "api" and chance.random() < 0.6
            asked, ended = sorted((random_time(chance), random_time(chance)))
            amount = (
                Decimal(chance.randrange(1, 9_000)) if currency == "KRW" else Decimal(chance.randrange(1, 999)) / 100
            )
            status = chance.choice(("succeeded", "succeeded", "failed"))
            refund = RefundRecord(
                source=source,
                requested_by=None
                if source in ("command", "console")
                else users[0]
                if by_token
                else chance.choice((*users, buyer)),
                api_token=chance.choice(tokens) if by_token else None,
                refusal_class=chance.choice(("", "period_over", "pg_down")) if status == "failed" else "",
            )
            refund.frozen_reason = chance.choice((None, *(reason.frozen for reason in reasons)))
            names = ("source", "requested_by", "api_token", "refusal_class", "reason_code", "fault")
            fields: dict[str, Any] = {
                name: getattr(refund, name) for name in (*names, "reason_name_ko", "reason_name_en")
            }
            if status == "succeeded":
                fields |= {"cancelled_amount": amount, "reversed_amount": chance.choice((0, 0, 0, amount))}
                fields["cancelled_at"] = chance.choice((ended, ended, None))
            make_refund(payment, status=status, amount=amount, requested_at=asked, settled_at=ended, **fields)


def within(at: datetime | None, span: Period) -> bool:
    return at is not None and span.first <= at.astimezone(SEOUL).date() <= span.last


def ended(span: Period, status: str) -> Rows:
    """Return the real refunds that ended so in the period, found row by row."""
    rows = RefundRecord.objects.select_related("payment", "api_token", "requested_by")
    return [
        row
        for row in rows
        if row.status == status and not row.payment.sandbox and within(row.cancelled_at or row.settled_at, span)
    ]


def money(rows: Iterable[RefundRecord], currency: str) -> Decimal:
    return sum(
        (
            row.cancelled_amount - row.reversed_amount
            for row in rows
            if row.payment.currency == currency and row.cancelled_amount
        ),
        Decimal(0),
    )


def paid(span: Period, currency: str) -> list[Payment]:
    return [
        payment
        for payment in Payment.objects.filter(sandbox=False, currency=currency).exclude(status__in=("failed", "ready"))
        if within(payment.paid_at, span)
    ]


def listed(client: Client, url: str) -> set[int]:
    """Return the rows of the list behind this link, of all its pages."""
    with pages_unrendered():
        answer: Any = client.get(url)
    assert answer.status_code == 200
    assert [str(message) for message in get_messages(answer.wsgi_request)] == []  # no filter was refused
    return set(answer.context_data["cl"].queryset.values_list("pk", flat=True))


def keys(rows: Iterable[Any]) -> set[int]:
    return {row.pk for row in rows}


def person(row: RefundRecord) -> str:
    if row.source == "admin":
        return row.requested_by.username if row.requested_by else "No account"
    if row.source == "api":
        return f"{row.api_token.name} (API token)" if row.api_token else "Storefront, signed-in accounts"
    return row.get_source_display()


BY: dict[str, Callable[[RefundRecord], str]] = {
    "refusal": lambda row: (
        RefusalClass(row.refusal_class).label if row.refusal_class else "Not sent, or not carried out"
    ),
    "reason": lambda row: row.reason_name_en or "No reason chosen",
    "fault": lambda row: row.get_fault_display() if row.fault else "Not stated",
    "method": lambda row: str(PAY_METHODS.get(row.payment.pay_method, "Other")),
    "pg": lambda row: {"nice": "NICE Payments", "newpg": "Other"}.get(row.payment.pg_provider, "Toss Payments"),
    "source": lambda row: row.get_source_display(),
    "person": person,
}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_number_equals_a_naive_sum_and_its_list(staff: Client, seed: int) -> None:
    random_rows(seed)
    span = period()
    answer: Any = staff.get(HOME, span.query)
    refunded, failed = ended(span, "succeeded"), ended(span, "failed")
    tiles = {tile.code: tile.figures for tile in answer.context["tiles"]}

    earlier = ended(span.before, "succeeded")
    for figure, currency in zip(tiles["refunded"], ("KRW", "USD"), strict=True):
        mine = [row for row in refunded if row.payment.currency == currency]
        assert figure.text == format_money(money(mine, currency), currency)
        assert figure.note == f"{len(mine)} refund{'s' * (len(mine) != 1)}"
        assert f"Before: {format_money(money(earlier, currency), currency)}" in figure.before
        assert listed(staff, figure.url) == keys(mine)
    for figure, currency in zip(tiles["rate"], ("KRW", "USD"), strict=True):
        mine_paid = paid(span, currency)
        total = sum((payment.amount for payment in mine_paid), Decimal(0))
        assert figure.text == f"{money(refunded, currency) * 100 / total:.1f}%"
        assert figure.note.startswith(f"of {format_money(total, currency)} paid ({len(mine_paid)} ")
        assert listed(staff, figure.url) == keys(mine_paid)
    assert tiles["failed"][0].text == str(len(failed))
    assert f"Before: {len(ended(span.before, 'failed'))}" in tiles["failed"][0].before
    assert listed(staff, tiles["failed"][0].url) == keys(failed)
    ours = [row for row in refunded if row.source != "console"]
    took = median(((row.cancelled_at or row.settled_at) - row.requested_at).total_seconds() for row in ours)
    measured = figures_of(span).took
    assert measured is not None
    assert measured.total_seconds() == pytest.approx(took)
    assert listed(staff, tiles["took"][0].url) == keys(ours)

    tables = {table.code: table.lines for table in answer.context["breakdowns"]}
    assert set(tables) == set(BY)
    for code, name_of in BY.items():
        assert_table(staff, tables[code], [] if code == "refusal" else refunded, failed, name_of)


def assert_table(
    staff: Client, lines: list[Line], refunded: Rows, failed: Rows, name_of: Callable[[RefundRecord], str]
) -> None:
    assert {line.name for line in lines} == {name_of(row) for row in (*refunded, *failed)}
    for line in lines:
        mine = [row for row in refunded if name_of(row) == line.name]
        lost = [row for row in failed if name_of(row) == line.name]
        assert (line.refunded, line.failed) == (len(mine), len(lost)), line.name
        wanted = [
            format_money(money(mine, code), code)
            for code in ("KRW", "USD")
            if code in {row.payment.currency for row in mine}
        ]
        assert line.totals == wanted
        if mine:
            assert listed(staff, line.refunded_url) == keys(mine), line
        if lost:
            assert listed(staff, line.failed_url) == keys(lost), line


@pytest.mark.parametrize("days", [10, 100, 400])
def test_each_bar_has_the_sum_and_the_list_of_its_days(staff: Client, days: int) -> None:
    random_rows(3)
    today = timezone.localdate()
    span = Period(today - timedelta(days=days - 1), today)
    answer: Any = staff.get(HOME, span.query)

    won, dollars = answer.context["charts"]

    assert (won.currency, dollars.currency) == ("KRW", "USD")
    assert (won.bars[0].first, won.bars[-1].last) == (span.first, span.last)
    assert all(one.last + timedelta(days=1) == other.first for one, other in zip(won.bars, won.bars[1:], strict=False))
    for bar in won.bars:
        mine = [row for row in ended(Period(bar.first, bar.last), "succeeded") if row.payment.currency == "KRW"]
        assert (bar.total, bar.count) == (format_money(money(mine, "KRW"), "KRW"), len(mine))
        if mine:
            assert listed(staff, bar.url) == keys(mine)
    assert f"Refunded per {'day' if days == 10 else 'week' if days == 100 else 'month'}" in answer.text


def test_the_file_has_the_numbers_of_the_page(staff: Client) -> None:
    random_rows(4)
    span = period()
    answer: Any = staff.get("/admin/refunds/refundrecord/figures/", span.query)
    rows = list(csv.DictReader(StringIO(answer.getvalue().decode("utf-8-sig"))))

    (won,) = (row for row in rows if row["Table"] == "All" and row["Currency"] == "KRW")
    refunded = [row for row in ended(span, "succeeded") if row.payment.currency == "KRW"]
    assert (won["Refunds"], won["Refunded, net"]) == (str(len(refunded)), str(int(money(refunded, "KRW"))))
    by_method = [row for row in rows if row["Table"] == "By method" and row["Currency"] == "KRW"]
    assert sum(int(row["Refunds"]) for row in by_method) == len(refunded)
    assert sum(int(row["Refunded, net"]) for row in by_method) == money(refunded, "KRW")


def test_persons_are_for_staff_who_may_see_reports_and_each_reads_their_language(client: Client, staff: Client) -> None:
    make_refund(source="admin", requested_by=User.objects.get(username="staff"))
    assert 'data-table="person"' in staff.get(HOME).text
    sign_in(client, make_staff("view_refundrecord", name="reader"))
    answer: Any = client.get(HOME)
    assert 'data-table="person"' not in answer.text
    assert 'data-table="source"' in answer.text
    assert "By person" not in client.get("/admin/refunds/refundrecord/figures/").getvalue().decode()  # type: ignore[attr-defined]
    assert [figure.url for tile in answer.context["tiles"] if tile.code == "rate" for figure in tile.figures] == [""]
    assert "By source" in answer.text
    client.cookies["django_language"] = "ko"
    assert "By source" not in client.get(HOME).text
    sign_in(client, make_staff("view_user", name="outsider"))
    assert client.get("/admin/refunds/refundrecord/figures/").status_code == 403


def test_a_new_refund_is_on_the_page_at_once_and_payments_within_a_minute(staff: Client) -> None:
    def shown() -> list[list[str]]:
        answer: Any = staff.get(HOME)
        return [[figure.text for figure in tile.figures] for tile in answer.context["tiles"]][:2]

    payment = make_payment(amount=Decimal(10_000))
    assert shown() == [["₩0"], ["0.0%"]]
    make_refund(payment, amount=Decimal(1_000))
    make_payment(amount=Decimal(10_000))
    assert shown() == [["₩1,000"], ["10.0%"]]
    cache.clear()
    assert shown() == [["₩1,000"], ["5.0%"]]


def test_the_period_is_in_the_address_and_kept(staff: Client) -> None:
    def chosen(**query: str) -> tuple[Period, bool]:
        answer: Any = staff.get(HOME, query)
        assert answer.status_code == 200
        return answer.context["period"], 'role="alert"' in answer.text or "rd-notice" in answer.text

    assert chosen()[0] == preset(Choice.DAYS_30)
    assert chosen(period="last_month")[0] == preset(Choice.LAST_MONTH)
    assert chosen()[0] == preset(Choice.LAST_MONTH)
    own = {"from": "2026-01-05", "to": "2026.02.03"}
    assert chosen(**own)[0] == Period(date(2026, 1, 5), date(2026, 2, 3))
    for wrong in (
        {"period": "nonsense"},
        {"period": "own"},
        {"period": "own", "from": "2026-02-01", "to": "2026-01-01"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"from": "2000-01-01", "to": "2026-01-01"},
        {"from": "2026-01-01", "to": "9999-12-31"},
        {"from": "x", "to": "2026-01-01"},
    ):
        assert chosen(**wrong)[0] == Period(date(2026, 1, 5), date(2026, 2, 3)), wrong


@pytest.mark.parametrize(
    ("span", "before"),
    [
        (Period(date(2026, 3, 31), date(2026, 3, 31), Choice.TODAY), Period(date(2026, 3, 30), date(2026, 3, 30))),
        (Period(date(2026, 3, 1), date(2026, 3, 31), Choice.MONTH), Period(date(2026, 2, 1), date(2026, 2, 28))),
        (Period(date(2026, 3, 1), date(2026, 3, 9), Choice.MONTH), Period(date(2026, 2, 1), date(2026, 2, 9))),
        (Period(date(2026, 2, 1), date(2026, 2, 28), Choice.LAST_MONTH), Period(date(2026, 1, 1), date(2026, 1, 31))),
        (Period(date(2026, 3, 10), date(2026, 3, 19)), Period(date(2026, 2, 28), date(2026, 3, 9))),
    ],
)
def test_the_period_before(span: Period, before: Period) -> None:
    assert span.before == before
