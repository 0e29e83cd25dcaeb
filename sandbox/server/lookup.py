"""Find payments as i'mport's read endpoints do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from sandbox.server import clock
from sandbox.server.envelope import FAILED, REFUSED_BY_IAMPORT, ApiRefusal
from sandbox.server.models import Payment
from sandbox.server.params import Params
from sandbox.server.wire import read_json

Row = TypeVar("Row", bound=Model)

NOT_FOUND = "존재하지 않는 결제정보입니다."
MAX_WINDOW_SECONDS = 90 * 24 * 60 * 60
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 1000
MAX_BATCH = 100
SORT_FIELDS = {"started": "started_at", "paid": "paid_at", "updated": "updated_at"}
ALL_STATUSES = "all"
LISTED_STATUSES = {"ready", "paid", "cancelled", "failed"}  # `pending` has no list of its own


def visible(params: Params) -> QuerySet[Payment]:
    """Return the payments of the shop, or of the sub-merchant that the header Tier names."""
    return Payment.objects.prefetch_related("cancellations").filter(tier=params.tier)


def by_imp_uid(params: Params, imp_uid: str) -> Payment:
    """Return one payment, or refuse with 404."""
    payment = visible(params).filter(imp_uid=imp_uid).first()
    if payment is None:
        raise ApiRefusal(FAILED, NOT_FOUND, 404)
    return payment


def single(params: Params, imp_uid: str) -> Payment:
    """Return the payment of the single read, which alone hides test payments unless asked to include them."""
    payment = by_imp_uid(params, imp_uid)
    if payment.sandbox and not params.flag("include_sandbox"):
        raise ApiRefusal(FAILED, NOT_FOUND, 404)
    return payment


def batch(params: Params) -> tuple[list[Payment], bool]:
    """Return the payments named by imp_uid[] and merchant_uid[], and whether all were found."""
    imp_uids, merchant_uids = params.items("imp_uid"), params.items("merchant_uid")
    if not imp_uids and not merchant_uids:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "imp_uid[] 또는 merchant_uid[]가 필요합니다.", 400)
    if len(imp_uids) + len(merchant_uids) > MAX_BATCH:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"한 번에 {MAX_BATCH}건까지 조회할 수 있습니다.", 400)
    found = list(visible(params).filter(imp_uid__in=imp_uids))
    known = {payment.pk for payment in found}
    named = visible(params).filter(merchant_uid__in=merchant_uids).order_by("pk")
    by_merchant = [payment for payment in named if payment.pk not in known]
    if not found and not by_merchant:
        raise ApiRefusal(FAILED, NOT_FOUND, 404)
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
        raise ApiRefusal(REFUSED_BY_IAMPORT, "조회 시작시각이 종료시각보다 늦습니다.", 400)
    if until - since > MAX_WINDOW_SECONDS:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "조회기간은 최대 90일까지 지정할 수 있습니다.", 400)
    found = visible(params).filter(status_at__gte=since, status_at__lte=until)
    return _sorted(_with_status(found, status or "none"), params)


def status_page(params: Params, status: str) -> dict[str, Any]:
    """Return one page of a status list; a page beyond the data is refused."""
    shown = page(by_status(params, status), params, read_json)
    if shown["previous"] and not shown["list"]:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "유효하지 않은 page입니다.", 400)
    return shown


def page(found: QuerySet[Row], params: Params, to_json: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    """Return one page as {total, previous, next, list}; 0 means no such page."""
    number = max(params.integer("page", 1), 1)
    size = params.integer("limit", DEFAULT_PAGE_SIZE)
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"limit은 1 이상 {MAX_PAGE_SIZE} 이하여야 합니다.", 400)
    total = found.count()
    start = (number - 1) * size
    return {
        "total": total,
        "previous": number - 1,
        "next": number + 1 if start + size < total else 0,
        "list": [to_json(row) for row in found[start : start + size]],
    }


def _with_status(found: QuerySet[Payment], status: str) -> QuerySet[Payment]:
    if status in {"", ALL_STATUSES}:
        return found
    if status not in LISTED_STATUSES:
        raise ApiRefusal(REFUSED_BY_IAMPORT, "지원되지 않는 상태값입니다.", 400)
    return found.filter(status=status)


def _sorted(found: QuerySet[Payment], params: Params) -> QuerySet[Payment]:
    sorting = params.text("sorting") or "-started"
    sign = "-" if sorting.startswith("-") else ""
    field = SORT_FIELDS.get(sorting.removeprefix("-"))
    if field is None:
        raise ApiRefusal(REFUSED_BY_IAMPORT, f"알 수 없는 정렬방식입니다. [{sorting}]", 400)
    return found.order_by(f"{sign}{field}", f"{sign}pk")
