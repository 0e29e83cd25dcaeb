"""Read payments of i'mport in every way there is, and count the calls. Runs in a process with Django set up."""

import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from payments.intake.catch_up import catch_up
from payments.intake.inbox import add_notification, process_waiting
from payments.models import MirrorMark, Notification, Payment
from refunds.reconciliation.drift import compare_period
from refunds.reconciliation.reconcile import reconcile
from tests.sandbox_control import SandboxControl

DAYS = 3  # of which the payments are; the periodic mirror looks back so far
LATENCY = 0.05  # seconds
CHUNK = 500


def read(*, payments: int, one_by_one: int, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Let i'mport have so many payments; read them in each way, and fewer where each is booked by itself.

    Return by way of reading how many were read per second, and the calls per 1,000.
    """
    sandbox = SandboxControl(settings.IAMPORT_API_URL)
    now = int(time.time())
    shown = [{"paid_at": now - n * DAYS * 86_400 // payments, "amount": 10_000} for n in range(payments)]
    imp_uids: list[str] = []
    for first in range(0, payments, CHUNK):
        imp_uids += [one["imp_uid"] for one in sandbox.create_payments(shown[first : first + CHUNK])]

    def notified() -> None:
        assert process_waiting(seconds=600).read == one_by_one

    def reconciled() -> None:
        wanted = Payment.objects.filter(imp_uid__in=imp_uids[:one_by_one])
        assert sum(1 for _result in reconcile(payments=wanted)) == one_by_one

    ways: dict[str, tuple[int, Callable[[], object], Callable[[], object]]] = {
        "sync_payments, all new": (payments, _forget, _sync),
        "sync_payments, nothing new": (payments, _nothing, _sync),
        "periodic mirror, all new": (payments, _forget, catch_up),
        "notifications": (one_by_one, lambda: _notify(imp_uids[:one_by_one]), notified),
        "reconcile, each payment": (one_by_one, _nothing, reconciled),
        "reconcile --all": (payments, _nothing, _compare),
    }
    rounds = [{name: _measured(sandbox, *way) for name, way in ways.items()} for _ in range(repeats)]
    sandbox.fault("*", "latency", seconds=LATENCY)
    rounds[-1]["sync_payments, all new, at 50 ms"] = _measured(sandbox, payments, _forget, _sync)
    sandbox.clear_faults()
    assert Payment.objects.count() == payments
    return {
        name: {key: [measured[name][key] for measured in rounds if name in measured] for key in ("rate", "calls")}
        for name in rounds[-1]
    }


def _measured(
    sandbox: SandboxControl, count: int, prepare: Callable[[], object], way: Callable[[], object]
) -> dict[str, float]:
    prepare()
    calls, started = sum(sandbox.stats().values()), time.perf_counter()
    way()
    rate = count / (time.perf_counter() - started)
    return {"rate": rate, "calls": (sum(sandbox.stats().values()) - calls) * 1000 / count}


def _nothing() -> None:
    """Prepare nothing."""


def _forget() -> None:
    Payment.objects.all().delete()
    MirrorMark.objects.all().delete()


def _notify(imp_uids: list[str]) -> None:
    Notification.objects.all().delete()
    for imp_uid in imp_uids:
        add_notification(imp_uid=imp_uid)


def _sync() -> None:
    start = timezone.localdate() - timedelta(days=DAYS + 1)
    call_command("sync_payments", f"--from={start}", "--json", stdout=StringIO(), stderr=StringIO())


def _compare() -> None:
    now: Any = timezone.now()
    report = compare_period(since=now - timedelta(days=DAYS + 1), until=now, check_only=True)
    assert not report.found, report.found
