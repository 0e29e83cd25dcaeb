"""List every URL of the site from the URL configuration, so that no new one can be missed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.contrib.admindocs.views import simplify_regex
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from monitoring.middleware import PROBES

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_ADMIN_MODEL = re.compile(r"/admin/(\w+)/(\w+)/")


@dataclass(frozen=True)
class Endpoint:
    """One URL pattern. `path` is its readable form, such as `/payments/<number>/refunds/`."""

    path: str
    view: Callable[..., Any] = field(compare=False, repr=False)

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def model(self) -> type[Model] | None:
        """Return the model of an admin page, derived from its URL."""
        found = _ADMIN_MODEL.match(self.path)
        try:
            return apps.get_model(*found.groups()) if found else None
        except LookupError:
            return None

    @property
    def model_admin(self) -> ModelAdmin[Any] | None:
        admin: ModelAdmin[Any] | None = getattr(self.view, "model_admin", None)
        return admin

    def at(self, values: Mapping[str, object]) -> str:
        """Return the URL with these values for its parameters."""
        return _PARAMETER.sub(lambda found: str(values[found[1]]), self.path)


def endpoints() -> list[Endpoint]:
    """Return all endpoints, each once, in the order of the URL configuration."""
    found: dict[str, Endpoint] = {}
    for urlconf in (None, PROBES):
        for endpoint in _walk(get_resolver(urlconf).url_patterns, ""):
            found.setdefault(endpoint.path, endpoint)  # the first match serves the URL
    return list(found.values())


def _walk(patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[Endpoint]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield Endpoint(simplify_regex(route), pattern.callback)
