"""One refund, made by the service, by the official client and by a bare call. Runs in a process with Django set up."""

import time
from collections.abc import Callable, Iterator

import requests
from django.conf import settings

from benchmarks.orders import paid_orders
from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundSource, RefundStatus
from refunds.services.refund import request_refund
from tests.published_clients import published
from tests.sandbox_control import SandboxControl

REASON = "취소하는 이유"
WARM_UP = 3  # refunds of each before anything is timed
Caller = Callable[[Payment], None]


def by_service(payment: Payment) -> None:
    """Refund as commands do: reserve in the ledger, call, settle."""
    record = request_refund(
        payment=payment,
        request=RefundRequest(reason=REASON),
        actor=Actor("benchmark"),
        source=RefundSource.COMMAND,
    )
    assert record.status == RefundStatus.SUCCEEDED


def by_client(sandbox: SandboxControl) -> Caller:
    """Return a refund by `iamport-rest-client`, as its README shows, with one client object for all calls."""
    client = published("iamport").Iamport(
        imp_key=sandbox.imp_key, imp_secret=sandbox.imp_secret, imp_url=f"{sandbox.url}/"
    )

    def refund(payment: Payment) -> None:
        client.cancel(REASON, imp_uid=payment.imp_uid)

    return refund


def bare(sandbox: SandboxControl) -> Caller:
    """Return a refund by one POST over a kept-alive connection, with a token fetched beforehand."""
    session, token = requests.Session(), sandbox.token()

    def refund(payment: Payment) -> None:
        answer = session.post(
            f"{sandbox.url}/payments/cancel",
            json={"imp_uid": payment.imp_uid, "reason": REASON},
            headers={"Authorization": token},
            timeout=60,
        )
        assert answer.json()["code"] == 0

    return refund


def compare(*, samples: dict[str, int]) -> dict[str, dict[str, list[float]]]:
    """Refund so many orders with each, in turn, at each latency (ms). Return the times by latency and caller, in ms.

    `cpu` is the time that the service had a processor in this process.
    """
    sandbox = SandboxControl(settings.IAMPORT_API_URL)
    callers: dict[str, Caller] = {"ours": by_service, "client": by_client(sandbox), "bare": bare(sandbox)}
    results: dict[str, dict[str, list[float]]] = {}
    for latency, count in samples.items():
        orders = iter(paid_orders(sandbox, len(callers) * (count + WARM_UP)))
        sandbox.clear_faults()
        if latency != "0":
            sandbox.fault("*", "latency", seconds=float(latency) / 1000)
        rounds = [_round(callers, orders) for _ in range(count + WARM_UP)][WARM_UP:]
        sandbox.clear_faults()
        results[latency] = {name: [times[name] for times in rounds] for name in rounds[0]}
    return results


def _round(callers: dict[str, Caller], orders: Iterator[Payment]) -> dict[str, float]:
    """Let each refund one order; return their times, and the CPU time of the service, in ms."""
    times = {}
    for name, refund in callers.items():
        order = next(orders)
        started, cpu = time.perf_counter(), time.process_time()
        refund(order)
        times[name] = (time.perf_counter() - started) * 1000
        if name == "ours":
            times["cpu"] = (time.process_time() - cpu) * 1000
    return times
