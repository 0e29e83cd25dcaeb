"""The settings of drf-spectacular: the description's head and hooks. The operations are in `refunds/api/openapi/`."""

from typing import Any

DESCRIPTION = """\
Refund i'mport (PortOne V1) payments and track the refunds.

### Guide

1. **Get a token**: create one under [API tokens](/admin/access/apitoken/) in the [admin](/admin/), or with
   `manage.py api_token USERNAME`. Send it with each request: `Authorization: Bearer rd_…`. Here, press *Authorize* and
   enter it.
2. **Refund** with a key of your own for each refund:

   ```sh
   curl "$URL/payments/cancel" -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: return-17" \\
     -H "Content-Type: application/json" \\
     -d '{"merchant_uid": "ORDER-1", "cancel_request_amount": 4000, "reason": "size"}'
   ```
3. **No answer?** Send exactly the same again, with the same key. Nothing is refunded twice.
4. **Branch on the HTTP status:**

   | HTTP | what your program does |
   | --- | --- |
   | 200 | tell the buyer |
   | 202, 504 | poll `GET /refunds/{number}` until it has `succeeded` or `failed`; do not refund elsewhere |
   | any with `retryable` true | wait `Retry-After` seconds, then send the same with the same key |
   | 409 `confirmation_required` | let the buyer check the account, then send the same with `confirm` |
   | 400, 404, 422 | show `message` |
   | 401, 403 | contact the operator |

`docs/api.md` in the project explains every field and error; `docs/api-examples.md` has whole programs in Python and
JavaScript.

### Conventions

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
        {"name": "approvals", "description": "Track the refunds that a second person decides."},
        {"name": "statements", "description": "Read what was paid, refunded and reversed in a month."},
        {"name": "events", "description": "Webhooks to the storefront when a refund ends, or waits for approval."},
    ],
    "WEBHOOKS": [
        "webhooks.openapi.refund_succeeded",
        "webhooks.openapi.refund_failed",
        "webhooks.openapi.refund_reversed",
        "webhooks.openapi.refund_requested",
        "webhooks.openapi.refund_approved",
        "webhooks.openapi.refund_rejected",
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
