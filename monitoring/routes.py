"""Describe a request without personal data: its route instead of its path, its method and its account's ids."""

import re
from functools import lru_cache

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

UNKNOWN = "-"  # no route matches
STATIC = "static"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


def route_of(request: HttpRequest) -> str:
    """Return the route, such as `payments/<number>/refunds`: it has no order number, and the set of routes is small."""
    if request.resolver_match is not None:
        return _readable(request.resolver_match.route)
    probe = getattr(request, "probe", None)
    if isinstance(probe, str):
        return probe
    return STATIC if request.path.startswith(f"/{str(settings.STATIC_URL).strip('/')}/") else UNKNOWN


@lru_cache(maxsize=1024)
def _readable(route: str) -> str:
    """Write the groups of a regular expression as `<name>`, like Django's other routes, and drop its anchors."""
    text = _GROUP.sub(r"<\1>", route).replace("^", "").removesuffix("$").removesuffix("/?")
    return text or "/"


def method_of(request: HttpRequest) -> str:
    """Return the HTTP method, or OTHER for an unknown one, so that clients cannot create metric labels."""
    return request.method if request.method in METHODS else "OTHER"


def account_of(request: HttpRequest) -> dict[str, int | None]:
    """Return the ids of the request's user and API token as far as they are loaded already; run no query."""
    token = getattr(request, "auth", None)
    if token is not None:
        return {"user_id": token.user_id, "token_id": token.pk}
    # Read the session's loaded data only: a look-up of a key could query the database.
    loaded = vars(getattr(request, "session", None) or object).get("_session_cache") or {}
    user_id = str(loaded.get(SESSION_KEY, ""))
    return {"user_id": int(user_id) if user_id.isdecimal() else None}
