"""Call the API with a token, as a shop's server does."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from access.models import ApiToken
from access.tokens.service import create_token
from tests.factories import make_staff


def make_token(**fields: Any) -> tuple[ApiToken, str]:
    """Create a token that may refund every payment, unless `fields` restrict it; return it and its secret."""
    user = fields.pop("user", None) or make_staff("refund_payment", name=f"shop-{ApiToken.objects.count()}")
    return create_token(**{"user": user, "name": "shop web server", **fields})


def get(secret: str, path: str, **headers: str) -> Any:
    return Client().get(path, headers={"Authorization": f"Token {secret}", **headers})


def cancel(secret: str, body: dict[str, Any], **headers: str) -> Any:
    return Client().post(
        "/payments/cancel",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Token {secret}", **headers},
    )
