"""What was asked for, without whose: the route instead of the path, and who asked from where."""

import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

UNKNOWN = "-"  # no page of ours
STATIC = "static"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


@dataclass(frozen=True, slots=True)
class Asker:
    """The account and the API token that a request came with; None where there is none."""

    user_id: int | None = None
    token_id: int | None = None


def route_of(request: HttpRequest) -> str:
    """The route, such as `payments/<number>/refunds`: no order number is in it. There are only so many."""
    if request.resolver_match is not None:
        return _readable(request.resolver_match.route)
    probe = getattr(request, "probe", None)
    if isinstance(probe, str):
        return probe
    return STATIC if request.path.startswith(f"/{str(settings.STATIC_URL).strip('/')}/") else UNKNOWN


@lru_cache(maxsize=1024)
def _readable(route: str) -> str:
    """A regular expression's groups as Django writes its other routes, and without its anchors."""
    text = _GROUP.sub(r"<\1>", route).replace("^", "").removesuffix("$").removesuffix("/?")
    return text or "/"


def method_of(request: HttpRequest) -> str:
    """The method; anybody can make one up, so what is not a method is OTHER."""
    return request.method if request.method in METHODS else "OTHER"


def asker_of(request: HttpRequest) -> Asker:
    """Who asked, as far as the request was looked at: this asks no database."""
    token = getattr(request, "auth", None)
    if token is not None:
        return Asker(getattr(token, "user_id", None), getattr(token, "pk", None))
    # What the session has loaded already; asking it for a key could make it ask the database.
    loaded = vars(getattr(request, "session", None) or object).get("_session_cache") or {}
    user_id = str(loaded.get(SESSION_KEY, ""))
    return Asker(int(user_id) if user_id.isdecimal() else None)
