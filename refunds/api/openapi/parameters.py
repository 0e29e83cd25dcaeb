"""Parameters and headers of the API, as its OpenAPI description shows them."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from payments.models import PaymentStatus
from refunds.api.body import VISIBLE_TEXT
from refunds.api.lists.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from refunds.api.responses import REPLAYED
from refunds.inputs import MAX_MERCHANT_UID_LENGTH
from refunds.models import RefundSource, RefundStatus

_KEY = r'^([!#-~][!-~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$'


# Without examples: Swagger UI fills them in, and a list would be tried out with every filter at once.
def _query(name: str, schema: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=description)


def _any_of(name: str, values: Iterable[str], description: str) -> OpenApiParameter:
    schema = {"type": "array", "items": {"type": "string", "enum": list(values)}, "minItems": 1}
    return OpenApiParameter(
        name, schema, OpenApiParameter.QUERY, description=f"{description} Repeat it for any of several.", explode=True
    )


def _time(name: str, description: str) -> OpenApiParameter:
    schema = {"oneOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
    return _query(name, schema, description)


_TEXT = {"type": "string", "minLength": 1, "pattern": VISIBLE_TEXT}
_COMMON = [
    _query("order", _TEXT | {"maxLength": MAX_MERCHANT_UID_LENGTH}, "Its `merchant_uid` or `imp_uid`."),
    _query("method", _TEXT | {"maxLength": 32}, "The payment's `pay_method`: `card`, `trans`, `vbank`, `phone`, …"),
    _query(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
        "How many of them in one answer.",
    ),
    _query(
        "cursor",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,200}$"},
        "Where to go on; as given in `next` and `previous`, which carry the filters too.",
    ),
]
_FROM = "a day in Seoul (`2026-11-01`), or a moment with its offset (`2026-11-01T09:30:00+09:00`; write `+` as `%2B`)."
_TO = "A day is included whole, a moment is not."
PAYMENT_FILTERS = [
    _any_of("status", PaymentStatus.values, "The payment's `status`."),
    _time("from", f"Paid (or first seen here, if it was not paid) since {_FROM}"),
    _time("to", f"Until this day or moment, see `from`. {_TO}"),
    *_COMMON,
]
REFUND_FILTERS = [
    _any_of("status", RefundStatus.values, "The refund's `status`."),
    _any_of("source", RefundSource.values, "Where it was asked for."),
    _time("from", f"Asked for since {_FROM}"),
    _time("to", f"Until this day or moment, see `from`. {_TO}"),
    *_COMMON,
]

PAYMENT_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "minLength": 1},
    OpenApiParameter.PATH,
    description="The `merchant_uid` of the order; an `imp_uid` is accepted too.",
)
REFUND_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "pattern": "^[0-9A-Za-z]{1,20}$"},
    OpenApiParameter.PATH,
    description="The refund's `number` or `id`.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": _KEY},
    OpenApiParameter.HEADER,
    description="Repeat it when no answer came: the same key with the same body never refunds twice, and gives the "
    "first answer again, word for word. With or without quotes it is the same key. Keys belong to the account and "
    "are kept until 30 days after the refund was settled. A request that a rule refused made no refund, so its key "
    "may be used again. An UUID is a good one.",
)


def _header(name: str, schema: Any, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, response=list(statuses))


RETRY_AFTER = "Seconds to wait before asking again."
HEADERS_OF_ALL = [
    _header("WWW-Authenticate", {"type": "string"}, "How to sign in.", 401),
    _header("Allow", {"type": "string"}, "The methods that are possible.", 405),
    _header("Retry-After", {"type": "integer", "minimum": 1}, RETRY_AFTER, 429, 503),
]
HEADERS_OF_CANCEL = [
    _header(
        "Retry-After",
        {"type": "integer", "minimum": 1},
        f"{RETRY_AFTER} Only with `refund_in_progress`.",
        409,
    ),
    _header(
        REPLAYED,
        {"type": "string", "enum": ["true"]},
        "The request is a repeat: this is what became of the first one with its `Idempotency-Key`.",
        *(200, 202, 422, 503, 504),
    ),
]
