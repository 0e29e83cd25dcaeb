"""The settings of drf-spectacular: the description's head and hooks. The operations are in `refunds/api/openapi/`."""

from typing import Any

DESCRIPTION = """\
Refund i'mport (PortOne V1) payments and track the refunds.

URLs work with and without a trailing slash. Bodies are JSON objects of at most 64 KiB. Amounts are JSON numbers
in major units of the payment's currency (KRW 10000, USD 12.3). Messages come in Korean or English by
`Accept-Language`; `code` is stable and meant for programs.

A buyer can read and refund their own orders; another buyer's order answers 404. Staff with the permission *Can
refund payments* can refund any order.
"""

SETTINGS: dict[str, Any] = {
    "TITLE": "Refund desk",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "TAGS": [
        {"name": "refunds", "description": "Refund payments and track the refunds."},
        {"name": "payments", "description": "Read payments and what is left to refund."},
        {"name": "events", "description": "Webhooks to the storefront when a refund ends."},
    ],
    "WEBHOOKS": [
        "webhooks.openapi.refund_succeeded",
        "webhooks.openapi.refund_failed",
        "webhooks.openapi.refund_reversed",
        "webhooks.openapi.ping",
    ],
    # A program cannot read the cookie of a session, nor a browser set it: those need no box to fill in.
    "AUTHENTICATION_WHITELIST": ["access.api.token_authentication.TokenAuthentication"],
    # Reading it needs no account and no session.
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
    # Labels of choices are translated, the description is not.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
