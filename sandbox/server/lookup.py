"""Find payments as i'mport's read endpoints do."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from sandbox.server import clock
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, ApiRefusal
from sandbox.server.models import Payment
from sandbox.server.params import Params
from sandbox.server.wire import read_json

NOT_FOUND = "존재하지 않는 결제정보입니다."
MAX_WINDOW_SECONDS = 90 * 24 * 60 * 60
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 1000
MAX_BATCH = 100
SORT_FIELDS = {"started": "started_at", "paid": "paid_at", "updated": "status_at"}
ALL_STATUSES = "all"


def visible(params: Params) -> QuerySet[Payment]:
    """Leave out payments of a test channel unless the request includes them."""
    found = Payment.objects.prefetch_related("cancellations")
    return found if params.flag("include_sandbox") else found.filter(test_channel=False)


def by_imp_uid(params: Params, imp_uid: str) -> Payment:
    """Return one payment, or refuse with 404."""
    payment = visible(params).filter(imp_uid=imp_uid).first()
    if payment is None:
        raise ApiRefusal(FAILED, NOT_FOUND, 404)
    return payment


def batch(params: Params) -> tuple[list[Payment], bool]:
    """Return the payments named by imp_uid[] and merchant_uid[], and whether all were found."""
    imp_uids, merchant_uids = params.items("imp_uid"), params.items("merchant_uid")
    if not imp_uids and not merchant_uids:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "imp_uid[] 또는 merchant_uid[]가 필요합니다.")
    if len(imp_uids) + len(merchant_uids) > MAX_BATCH:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"한 번에 {MAX_BATCH}건까지 조회할 수 있습니다.")
    found = list(visible(params).filter(imp_uid__in=imp_uids))
    known = {payment.pk for payment in found}
    named = visible(params).filter(merchant_uid__in=merchant_uids).order_by("pk")
    by_merchant = [payment for payment in named if payment.pk not in known]
    seen_orders = {payment.merchant_uid for payment in named}
    complete = len(found) == len(set(imp_uids)) and set(merchant_uids) <= seen_orders
    return found + by_merchant, complete


def by_merchant_uid(params: Params, merchant_uid: str, status: str) -> QuerySet[Payment]:
    """Return every payment of an order, newest first unless sorted otherwise."""
    return _sorted(_with_status(visible(params).filter(merchant_uid=merchant_uid), status), params)


def by_status(params: Params, status: str) -> QuerySet[Payment]:
    """Return payments by the time of their final status, at most 90 days of them."""
    until = params.integer("to", clock.now())
    since = params.integer("from", until - MAX_WINDOW_SECONDS)
    if since > until:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "조회 시작시각이 종료시각보다 늦습니다.")
    if until - since > MAX_WINDOW_SECONDS:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "조회기간은 최대 90일까지 지정할 수 있습니다.")
    found = visible(params).filter(status_at__gte=since, status_at__lte=until)
    return _sorted(_with_status(found, status), params)


def page(found: QuerySet[Payment], params: Params) -> dict[str, Any]:
    """Return one page as {total, previous, next, list}; 0 means no such page."""
    number = max(params.integer("page", 1), 1)
    size = params.integer("limit", DEFAULT_PAGE_SIZE)
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"limit은 1 이상 {MAX_PAGE_SIZE} 이하여야 합니다.")
    total = found.count()
    start = (number - 1) * size
    return {
        "total": total,
        "previous": number - 1,
        "next": number + 1 if start + size < total else 0,
        "list": [read_json(payment) for payment in found[start : start + size]],
    }


def _with_status(found: QuerySet[Payment], status: str) -> QuerySet[Payment]:
    if status in {"", ALL_STATUSES}:
        return found
    if status not in Payment.Status.values:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"알 수 없는 결제상태입니다. [{status}]")
    return found.filter(status=status)


def _sorted(found: QuerySet[Payment], params: Params) -> QuerySet[Payment]:
    sorting = params.text("sorting") or "-started"
    sign = "-" if sorting.startswith("-") else ""
    field = SORT_FIELDS.get(sorting.removeprefix("-"))
    if field is None:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"알 수 없는 정렬방식입니다. [{sorting}]")
    return found.order_by(f"{sign}{field}", f"{sign}pk")
