"""The head of the API's OpenAPI description and how it is generated; the operations: `refunds/api/openapi/`."""

from typing import Any

DESCRIPTION = """\
Refunds i'mport (PortOne V1) payments and tells what became of them.

Addresses work with and without a trailing slash. Bodies are JSON objects of at most 64 KiB. Amounts are JSON numbers
in major units of the payment's currency (KRW 10000, USD 12.3). Messages come in Korean or English by
`Accept-Language`; `code` is stable and made for programs.

A buyer sees and refunds their own orders; another's order answers 404. Staff with the permission *Can refund
payments* refund any.
"""

SETTINGS: dict[str, Any] = {
    "TITLE": "Refund desk",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "TAGS": [
        {"name": "refunds", "description": "Give money back, and see what became of it."},
        {"name": "payments", "description": "What was paid and what is left of it."},
        {"name": "events", "description": "What the storefront is told when a refund ends."},
    ],
    "WEBHOOKS": [
        "webhooks.openapi.refund_succeeded",
        "webhooks.openapi.refund_failed",
        "webhooks.openapi.ping",
    ],
    # Reading it needs no account, so it brings no session along.
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["refunds.api.openapi.operations.without_slashes"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "refunds.api.openapi.operations.refuse_unknown_fields",
        "refunds.api.openapi.operations.link_answers",
    ],
    "ENUM_NAME_OVERRIDES": {
        "PaymentStatus": "payments.models.PaymentStatus.values",
        "PendingCode": ["pending"],
        "RefundStatus": "refunds.models.RefundStatus.values",
        "RefundSource": "refunds.models.RefundSource.values",
    },
    # The choices' labels are translated, the description is not.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
