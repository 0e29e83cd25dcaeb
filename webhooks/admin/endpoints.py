"""The list of endpoints; their pages are `webhooks.admin.endpoint_views`."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.display import badge, format_time, two_lines
from core.admin.lists import ReadOnlyAdmin
from webhooks.admin.display import endpoint_badge, event_types
from webhooks.admin.endpoint_views import add, edit, rotate, show, switch, test
from webhooks.models import DeliveryStatus, Endpoint
from webhooks.permissions import may_add_endpoint, may_change_endpoint, may_view_endpoints


class EndpointAdmin(ReadOnlyAdmin):
    """Endpoints are switched off, never deleted: a settlement may be creating an event for one."""

    list_display = ("endpoint", endpoint_badge, event_types, "waiting", "given_up", "delivered")
    actions = None
    may_view = staticmethod(may_view_endpoints)

    class Media:
        css = {"all": ("webhooks/admin.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_add_endpoint(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Endpoint | None = None) -> bool:
        return may_change_endpoint(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        endpoints: QuerySet[Endpoint] = super().get_queryset(request)
        waiting = Q(deliveries__status=DeliveryStatus.WAITING)
        given_up = Q(deliveries__status=DeliveryStatus.GIVEN_UP, deliveries__event__refund__isnull=False)
        delivered = Q(deliveries__status=DeliveryStatus.DELIVERED)
        return endpoints.annotate(
            waiting_count=Count("deliveries", filter=waiting),
            given_up_count=Count("deliveries", filter=given_up),
            delivered_at=Max("deliveries__finished_at", filter=delivered),
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/edit/", wrap(edit), name="webhooks_endpoint_edit"),
            path("<int:pk>/switch/", wrap(switch), name="webhooks_endpoint_switch"),
            path("<int:pk>/test/", wrap(test), name="webhooks_endpoint_test"),
            path("<int:pk>/secret/", wrap(rotate), name="webhooks_endpoint_secret"),
        ]
        return [*own, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return add(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        endpoint = self.get_object(request, object_id)
        if endpoint is None:
            raise Http404
        return show(request, endpoint)

    @admin.display(description=_("webhook endpoint"))
    def endpoint(self, endpoint: Endpoint) -> SafeString:
        # Only the host: the path may hold a secret of the storefront.
        return two_lines(endpoint.name, urlsplit(endpoint.url).netloc)

    @admin.display(description=_("waiting"))
    def waiting(self, endpoint: Endpoint) -> int:
        return endpoint.waiting_count  # type: ignore[attr-defined, no-any-return]

    @admin.display(description=_("given up"))
    def given_up(self, endpoint: Endpoint) -> SafeString | int:
        count: int = endpoint.given_up_count  # type: ignore[attr-defined]
        return badge("red", str(count)) if count else 0

    @admin.display(description=_("last delivered"))
    def delivered(self, endpoint: Endpoint) -> str:
        return format_time(endpoint.delivered_at)  # type: ignore[attr-defined]
