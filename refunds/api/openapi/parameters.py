"""The parameters and headers of the API in its OpenAPI description."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from refunds.api.lists.filters import ListForm
from refunds.api.lists.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from refunds.api.responses import REPLAYED

_KEY = r'^([!#-~][!-~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$'


_PAGE: dict[str, Any] = {
    "page_size": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    "cursor": {"type": "string", "pattern": "^[A-Za-z0-9_:-]{1,200}$"},
}


def list_parameters(form: type[ListForm]) -> list[OpenApiParameter]:
    """The parameters of a list: its filters and its page.

    Without examples: Swagger UI fills them in, and "Try it out" would set every filter at once.
    """
    fields: dict[str, Any] = form(QueryDict()).fields
    return [
        OpenApiParameter(name, _PAGE.get(name) or field.schema, OpenApiParameter.QUERY, description=field.help_text)
        for name, field in fields.items()
    ]


PAYMENT_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "minLength": 1},
    OpenApiParameter.PATH,
    description="The `merchant_uid` of the order; an `imp_uid` works too.",
)
REFUND_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "pattern": "^[0-9A-Za-z]{1,20}$"},
    OpenApiParameter.PATH,
    description="The refund's `number` or `id`.",
)
APPROVAL_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "pattern": "^[0-9A-Za-z]{1,20}$"},
    OpenApiParameter.PATH,
    description="The request's `number`.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": _KEY},
    OpenApiParameter.HEADER,
    description="Repeat it when no answer came: the same key with the same body never refunds twice, and gets the "
    "first answer again. With and without quotes it is the same key. Keys belong to the account and expire 30 days "
    "after the refund was settled. A request that a rule refused made no refund, so its key is free. A UUID is a good "
    "key.",
)


def _header(name: str, schema: Any, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, response=list(statuses))


RETRY_AFTER = "Seconds to wait before trying again."
HEADERS_OF_ALL = [
    _header("WWW-Authenticate", {"type": "string"}, "How to authenticate.", 401),
    _header("Allow", {"type": "string"}, "The methods that this URL takes.", 405),
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
        "The request is a repeat: this is the state of the refund that the first one with this `Idempotency-Key` made.",
        *(200, 202, 422, 503, 504),
    ),
]
