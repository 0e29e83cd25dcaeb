"""The periodic mirror: no payment depends on one notification."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.claims import silent_since
from payments.gateway import GatewayError
from payments.intake.catch_up import LOOK_BACK, OVERLAP, catch_up
from payments.intake.sync import SyncProgress, sync_by_date
from payments.intake.tasks import mirror
from payments.models import MirrorMark, Notification, Payment
from refunds.models import RefundRecord
from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def paid(sandbox: SandboxServer, ago: timedelta, **fields: Any) -> str:
    """Create a payment at i'mport alone, paid this long ago; nobody notifies us."""
    at = int((timezone.now() - ago).timestamp())
    return str(sandbox.create_payment(paid_at=at, **fields)["imp_uid"])


def mark(ago: timedelta, **fields: Any) -> datetime:
    """Set how far an earlier run has read."""
    until = timezone.now() - ago
    MirrorMark.objects.update_or_create(pk=MirrorMark.ONLY, defaults={"mirrored_until": until, **fields})
    return until


def mirrored() -> set[str]:
    return set(Payment.objects.values_list("imp_uid", flat=True))


def reconcile() -> tuple[int, list[dict[str, Any]]]:
    out, code = StringIO(), 0
    try:
        call_command("reconcile", "--json", stdout=out, stderr=StringIO())
    except SystemExit as exc:
        code = int(exc.code or 0)
    return code, json.loads(out.getvalue())["results"]


@pytest.mark.parametrize("way", [reconcile, mirror], ids=["cron", "worker"])
def test_payments_without_any_notification_arrive(sandbox: SandboxServer, way: Callable[[], object]) -> None:
    card = paid(sandbox, 2 * HOUR)
    account = sandbox.create_payment(pay_method="vbank", status="ready")["imp_uid"]
    refunded = paid(sandbox, HOUR, amount=10_000)
    sandbox.console_cancel(refunded, 4_000)

    way()
    assert mirrored() == {card, account, refunded}
    assert RefundRecord.objects.get().cancelled_amount == 4_000

    sandbox.pay(account)
    sandbox.console_cancel(card, 1_000)
    way()
    assert Payment.objects.get(imp_uid=account).status == "paid"
    assert Payment.objects.get(imp_uid=card).cancel_amount == 1_000


def test_days_of_downtime_are_made_up_from_where_the_last_run_stopped(sandbox: SandboxServer) -> None:
    mark(8 * DAY)
    before = paid(sandbox, 9 * DAY)
    missed = {paid(sandbox, ago) for ago in (8 * DAY + OVERLAP / 2, 7 * DAY, 4 * DAY, HOUR, MINUTE)}

    assert catch_up().created == 5

    assert mirrored() == missed
    assert before not in mirrored()
    assert MirrorMark.objects.get().mirrored_until > timezone.now() - MINUTE  # type: ignore[operator]


def test_a_run_that_is_broken_off_resumes_after_its_last_full_window(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = mark(5 * DAY)
    early, late = paid(sandbox, 5 * DAY), paid(sandbox, 10 * MINUTE)

    def break_off_after_one(*args: Any, **options: Any) -> Iterator[SyncProgress]:
        yield from sync_by_date(*args, **options)
        sandbox.fault("status", "http_500", times=None)

    monkeypatch.setattr("payments.intake.catch_up.sync_by_date", break_off_after_one)
    with pytest.raises(GatewayError):
        catch_up()
    stopped = MirrorMark.objects.get()
    assert stopped.mirrored_until is not None
    assert began < stopped.mirrored_until < timezone.now() - 3 * DAY
    assert (mirrored(), stopped.claimed_at) == ({early}, None)

    sandbox.clear_faults()
    monkeypatch.undo()
    catch_up()
    assert mirrored() == {early, late}


def test_nothing_new_costs_one_call_and_no_write_of_payments(sandbox: SandboxServer) -> None:
    for ago in (MINUTE, 10 * MINUTE, 50 * MINUTE):
        paid(sandbox, ago)
    catch_up()
    before = Payment.objects.order_by("pk").values_list()
    rows, calls = list(before), sandbox.stats()["status"]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        done = catch_up()

    assert (done.read, done.created, done.updated) == (3, 0, 0)
    assert sandbox.stats()["status"] == calls + 1
    assert not [sql for sql in map(str, queries) if "payments_payment" in sql and "SELECT" not in sql]
    assert list(before.all()) == rows


def test_first_run_reads_the_last_days_and_not_the_whole_history(sandbox: SandboxServer) -> None:
    recent, _old = paid(sandbox, LOOK_BACK - HOUR), paid(sandbox, LOOK_BACK + HOUR)

    catch_up()

    assert mirrored() == {recent}


@pytest.mark.parametrize("ago", [-50 * MINUTE, 50 * MINUTE], ids=["clock ahead", "read late, or its page shifted"])
def test_the_overlap_finds_what_the_last_run_could_not_see(sandbox: SandboxServer, ago: timedelta) -> None:
    catch_up()
    uid = paid(sandbox, ago)

    assert catch_up().created == 1

    assert mirrored() == {uid}


def test_first_run_of_a_day_looks_back_for_payments_that_came_late(sandbox: SandboxServer) -> None:
    evening = timezone.localtime().replace(hour=23, minute=58)
    MirrorMark.objects.create(mirrored_until=evening)
    uid = paid(sandbox, timezone.now() - (evening - 2 * DAY))
    with time_machine.travel(evening + MINUTE, tick=False):
        catch_up()
        assert mirrored() == set()
    with time_machine.travel(evening + 3 * MINUTE, tick=False):
        catch_up()
    assert mirrored() == {uid}


@pytest.mark.parametrize(("held_for", "copied"), [(timedelta(0), 0), (timedelta(hours=1), 1)])
def test_one_process_copies_at_a_time_and_a_dead_one_is_replaced(
    sandbox: SandboxServer, held_for: timedelta, copied: int
) -> None:
    paid(sandbox, MINUTE)
    mark(MINUTE, claimed_at=silent_since() + timedelta(seconds=5) - held_for)

    assert catch_up().created == copied


def test_a_mark_in_the_future_does_not_stop_the_mirror(sandbox: SandboxServer) -> None:
    uid = paid(sandbox, MINUTE)
    mark(-3 * DAY)

    catch_up()

    assert mirrored() == {uid}


def test_unreachable_iamport_is_said_once_and_moves_nothing(sandbox: SandboxServer) -> None:
    until = mark(MINUTE)
    sandbox.fault("*", "http_500", times=None)

    code, results = reconcile()
    mirror()

    assert (code, [result["code"] for result in results]) == (1, ["gateway_unavailable"])
    assert MirrorMark.objects.get().mirrored_until == until


def test_a_flood_of_invented_notifications_delays_no_console_cancel(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.intake.inbox.WAITS_WHILE_UNKNOWN", [HOUR])  # however slow this machine is
    payment = paid_at_sandbox(sandbox)
    now = timezone.now()
    Notification.objects.bulk_create(
        Notification(imp_uid=f"imp_{number:012}", requested_at=now, next_attempt_at=now) for number in range(2_000)
    )
    sandbox.console_cancel(payment.imp_uid, 4_000)
    before = len(sandbox.log())

    code, results = reconcile()
    reconcile()  # reads none of them again

    assert (code, [result["code"] for result in results]) == (0, ["imported"])
    calls = [call["endpoint"] for call in sandbox.log()[before:]]
    assert calls.index("status") < calls.index("payments")
    assert calls.count("payments") == 2_000 / 100
