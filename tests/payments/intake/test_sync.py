"""`manage.py sync_payments`: our mirror of i'mport's payments."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import override

from payments.gateway import GatewayPayment, PaymentPage, get_gateway
from payments.intake.mirror import mirror_payment
from payments.intake.sync import sync_by_date
from payments.models import Payment
from refunds.models import RefundRecord
from tests.factories import make_user
from tests.fakes import InstantGateway
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

DAY = 86_400


def sync(*args: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    code = 0
    try:
        call_command("sync_payments", *args, "--json", stdout=out, stderr=StringIO())
    except CommandError as exc:
        return exc.returncode, {"error": str(exc)}
    except SystemExit as exc:
        code = int(exc.code or 0)
    return code, json.loads(out.getvalue())


def test_payments_are_mirrored_by_id_a_hundred_per_call(sandbox: SandboxServer) -> None:
    uids = [p["imp_uid"] for p in sandbox.create_payments([{"merchant_uid": f"o-{n}"} for n in range(150)])]
    code, document = sync(*uids)
    assert (code, document["created"], Payment.objects.count()) == (0, 150, 150)
    answered = [call for call in sandbox.log("payments") if call["code"] == 0]
    assert len(answered) == 2


def test_a_second_sync_changes_nothing(sandbox: SandboxServer) -> None:
    uid = sandbox.create_payment(buyer_name="홍길동")["imp_uid"]
    sync(uid)
    before = Payment.objects.values().get()
    code, document = sync(uid)
    assert (code, document["created"], document["updated"]) == (0, 0, 0)
    assert Payment.objects.values().get() == before


def test_cancels_found_at_imort_become_refund_records(sandbox: SandboxServer) -> None:
    uid = sandbox.create_payment(amount=10_000)["imp_uid"]
    sandbox.console_cancel(uid, 3_000, "before we knew it")
    sync(uid)
    assert Payment.objects.get().cancel_amount == 3_000
    sandbox.console_cancel(uid, 2_000, "after")
    sync(uid)
    assert Payment.objects.get().cancel_amount == 5_000
    assert RefundRecord.objects.count() == 2


def test_an_older_reading_does_not_turn_the_status_back(sandbox: SandboxServer) -> None:
    uid = sandbox.create_payment(amount=10_000)["imp_uid"]
    older = get_gateway().payment(uid)
    sandbox.console_cancel(uid, 3_000, "x")
    sync(uid)
    mirror_payment(older)
    payment = Payment.objects.get()
    assert (payment.status, payment.cancel_amount) == ("cancelled", 3_000)


def test_what_the_shop_knows_of_a_payment_survives_a_sync(sandbox: SandboxServer) -> None:
    uid = sandbox.create_payment()["imp_uid"]
    sync(uid)
    Payment.objects.update(user=make_user(), tax_free=Decimal(3_000), vat_amount=Decimal(0))
    sandbox.console_cancel(uid, 1, "x")
    sync(uid)
    payment = Payment.objects.get()
    assert payment.user is not None
    assert (payment.tax_free, payment.vat_amount) == (3_000, 0)


def test_a_payment_of_a_test_channel_is_found_by_its_id(sandbox: SandboxServer) -> None:
    uid = sandbox.create_payment(sandbox=True)["imp_uid"]
    assert sync(uid)[0] == 0


def test_unknown_ids_are_named_and_the_others_mirrored(sandbox: SandboxServer) -> None:
    uid = sandbox.create_payment()["imp_uid"]
    code, document = sync(uid, "imp_nobody")
    assert (code, document["missing"], Payment.objects.count()) == (1, ["imp_nobody"], 1)


def test_a_range_of_dates_is_read_in_windows_and_pages(sandbox: SandboxServer) -> None:
    now = int(timezone.now().timestamp())
    sandbox.create_payments([{"merchant_uid": f"o-{n}", "paid_at": now - n * DAY} for n in range(0, 200, 10)])
    start = timezone.localtime() - timedelta(days=205)
    code, _document = sync("--from", f"{start:%Y-%m-%d}")
    assert (code, Payment.objects.count()) == (0, 20)


def test_only_one_status_can_be_asked_for(sandbox: SandboxServer) -> None:
    sandbox.create_payment(status="failed")
    sandbox.create_payment()
    sync("--status", "paid")
    assert [payment.status for payment in Payment.objects.all()] == ["paid"]


def test_a_broken_off_sync_says_where_to_resume(sandbox: SandboxServer) -> None:
    sandbox.create_payment()
    sandbox.fault("status", "http_500")
    code, document = sync("--from", "2026-01-01", "--to", "2026-11-01")
    assert code == 1
    assert document["error"]
    assert document["resume"] == "--from 2026-01-01"


@pytest.mark.parametrize(
    "args",
    [
        ("--from", "2026-13-01"),
        ("--from", "yesterday"),
        ("--from", "2026-02-01", "--to", "2026-01-01"),
        ("imp_1", "--from", "2026-01-01"),
        ("--status", "refunded"),
        ("",),
    ],
)
def test_bad_options_are_usage_errors(sandbox: SandboxServer, args: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("sync_payments", *args)


def test_a_period_that_starts_in_the_future_is_named(sandbox: SandboxServer) -> None:
    with override("en"), pytest.raises(CommandError, match="--from is in the future"):
        call_command("sync_payments", "--from", "2999-01-01")
    with override("en"), pytest.raises(CommandError, match="--since is in the future"):
        call_command("reconcile", "--all", "--since", "2999-01-01")


def test_a_wrong_key_is_a_configuration_error(sandbox: SandboxServer, settings: Any) -> None:
    settings.IAMPORT_IMP_SECRET = "wrong"
    assert sync()[0] == 2


class OnePage(InstantGateway):
    """A gateway whose listing is these payments."""

    def __init__(self, *shown: GatewayPayment, unreadable: tuple[str, ...] = ()) -> None:
        super().__init__(Payment(amount=0))
        self.shown, self.unreadable = shown, unreadable

    def payments_between(self, start: datetime, end: datetime, **_options: Any) -> Iterator[PaymentPage]:
        yield PaymentPage(self.shown, start, total=len(self.shown), unreadable=self.unreadable)


def good(number: int, **fields: Any) -> GatewayPayment:
    plain: dict[str, Any] = {"status": "paid", "amount": Decimal(1_000), "cancel_amount": Decimal(0)}
    return GatewayPayment(imp_uid=f"imp_{number}", merchant_uid=f"o-{number}", **{**plain, **fields})


# PostgreSQL refuses the first three by their columns, which SQLite does not check; both refuse the others by rules.
BEYOND_COLUMNS = [
    {"imp_uid": "imp_" + "1" * 30},
    {"imp_uid": "imp_" + "2" * 200},
    {"amount": Decimal(12_345_678_901_234)},
]
AGAINST_RULES = [{"imp_uid": ""}, {"amount": Decimal(-1)}, {"status": ""}]


@pytest.mark.parametrize("odd", [*BEYOND_COLUMNS, *AGAINST_RULES])
@pytest.mark.parametrize("cancelled", [0, 100])
def test_one_payment_that_cannot_be_stored_stops_no_other(odd: dict[str, Any], cancelled: int) -> None:
    if odd in BEYOND_COLUMNS and connection.vendor == "sqlite":
        pytest.skip("SQLite does not limit its columns")
    bad = replace(good(9), cancel_amount=Decimal(cancelled), **odd)
    shown = [good(1), good(2), bad, good(3), good(4)]

    (step,) = sync_by_date(timezone.now(), timezone.now(), gateway=OnePage(*shown))

    assert (step.read, step.created, step.unbookable) == (5, 4, (bad.imp_uid,))
    assert set(Payment.objects.values_list("imp_uid", flat=True)) == {f"imp_{number}" for number in range(1, 5)}
    (again,) = sync_by_date(timezone.now(), timezone.now(), gateway=OnePage(*shown))
    assert (again.created, again.unbookable) == (0, (bad.imp_uid,))


def test_what_could_not_be_stored_is_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = OnePage(good(1), good(2, amount=Decimal(-1)), unreadable=("imp_large",))
    monkeypatch.setattr("payments.intake.sync.get_gateway", lambda: gateway)
    err = StringIO()

    with override("en"), pytest.raises(SystemExit) as ended:
        call_command("sync_payments", stdout=StringIO(), stderr=err)

    assert ended.value.code == 1
    assert "2 could not be stored (see the log): imp_2, imp_large" in err.getvalue()
    assert [payment.imp_uid for payment in Payment.objects.all()] == ["imp_1"]


@pytest.mark.parametrize("gone", [OperationalError, InterfaceError])
def test_a_database_that_is_gone_ends_the_sync(monkeypatch: pytest.MonkeyPatch, gone: type[Exception]) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise gone("server closed the connection")

    monkeypatch.setattr(Payment.objects, "bulk_create", fail)
    with pytest.raises(gone):
        list(sync_by_date(timezone.now(), timezone.now(), gateway=OnePage(good(1))))
