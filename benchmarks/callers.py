"""One refund, made by the service, by the official client and by a bare call. Runs in a process with Django set up."""

import time
from collections.abc import Callable

import requests
from django.conf import settings

from benchmarks.orders import store
from benchmarks.stub import AMOUNT, order
from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundSource, RefundStatus
from refunds.services.refund import request_refund
from tests.published_clients import published

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


def by_client() -> Caller:
    """Return a refund by `iamport-rest-client`, as its README shows, with one client object for all calls."""
    client = published("iamport").Iamport(
        imp_key=settings.IAMPORT_IMP_KEY, imp_secret=settings.IAMPORT_IMP_SECRET, imp_url=f"{settings.IAMPORT_API_URL}/"
    )

    def refund(payment: Payment) -> None:
        client.cancel(REASON, imp_uid=payment.imp_uid)

    return refund


def bare() -> Caller:
    """Return a refund by one POST over a kept-alive connection, with a token fetched beforehand."""
    session = requests.Session()
    keys = {"imp_key": settings.IAMPORT_IMP_KEY, "imp_secret": settings.IAMPORT_IMP_SECRET}
    answer = session.post(f"{settings.IAMPORT_API_URL}/users/getToken", json=keys, timeout=60)
    token = answer.json()["response"]["access_token"]

    def refund(payment: Payment) -> None:
        answer = session.post(
            f"{settings.IAMPORT_API_URL}/payments/cancel",
            json={"imp_uid": payment.imp_uid, "reason": REASON},
            headers={"Authorization": token},
            timeout=60,
        )
        assert answer.json()["code"] == 0

    return refund


def compare(*, first: int, count: int) -> dict[str, list[float]]:
    """Refund so many of the stub's orders with each, in turn, from order `first` on. Return the times in ms by caller.

    `cpu` is the time that the service had a processor in this process.
    """
    callers: dict[str, Caller] = {"ours": by_service, "client": by_client(), "bare": bare()}
    rounds = [_round(callers, first + number * len(callers)) for number in range(WARM_UP + count)][WARM_UP:]
    return {name: [times[name] for times in rounds] for name in rounds[0]}


def _round(callers: dict[str, Caller], first: int) -> dict[str, float]:
    """Let each refund one order; return their times, and the CPU time of the service, in ms."""
    orders = [order(number) for number in range(first, first + len(callers))]
    store(orders=[[one.imp_uid, one.merchant_uid] for one in orders], amount=AMOUNT)
    payments = {payment.imp_uid: payment for payment in Payment.objects.filter(imp_uid__in=[o.imp_uid for o in orders])}
    times = {}
    for (name, refund), one in zip(callers.items(), orders, strict=True):
        payment = payments[one.imp_uid]
        started, cpu = time.perf_counter(), time.process_time()
        refund(payment)
        times[name] = (time.perf_counter() - started) * 1000
        if name == "ours":
            times["cpu"] = (time.process_time() - cpu) * 1000
    return times
