"""Deployment checks of the API's rate limits (`manage.py check --deploy`)."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(deploy=True)
def request_counts_are_shared(**_options: Any) -> list[checks.CheckMessage]:
    """Report that without CACHE_URL each process applies the rate limits separately."""
    if not settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        return []
    return [
        checks.Info(
            "CACHE_URL is not set: every process counts the requests of the API by itself.",
            hint="Four web processes accept up to four times the API_RATE_ limits. Name a Redis to share the counts.",
            id="access.I001",
        )
    ]
