"""Pages of our own in the admin: who may open them, and how they are rendered."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from core.permissions import AnyUser

P = ParamSpec("P")
Answer = TypeVar("Answer", bound=HttpResponseBase)


class StaffRequest(HttpRequest):
    """A request that `staff_may` has let through: its user is signed in. For type checkers only."""

    user: User


def staff_may(
    predicate: Callable[[AnyUser], bool],
) -> Callable[[Callable[Concatenate[StaffRequest, P], Answer]], Callable[Concatenate[HttpRequest, P], Answer]]:
    """Return a decorator that answers 403 unless `predicate` is true for the signed-in user."""

    def decorate(
        view: Callable[Concatenate[StaffRequest, P], Answer],
    ) -> Callable[Concatenate[HttpRequest, P], Answer]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            if not isinstance(request.user, User) or not predicate(request.user):
                raise PermissionDenied
            return view(cast(StaffRequest, request), *args, **kwargs)

        return guarded

    return decorate


def admin_page(request: HttpRequest, template: str, title: str, /, **context: Any) -> TemplateResponse:
    """Render `template` inside the admin's frame, with this title."""
    return TemplateResponse(request, template, {**admin.site.each_context(request), "title": title, **context})
