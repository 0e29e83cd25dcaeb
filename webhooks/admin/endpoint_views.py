"""The admin's pages of endpoints. Not Django's own forms: those look names up while a transaction is open."""

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.admin.display import format_time
from webhooks.admin.display import delivery_lines, endpoint_badge, event_type_words, last_result
from webhooks.admin.forms import EndpointForm, RotationForm, name_is_taken
from webhooks.delivery.service import send_test
from webhooks.delivery.threads import send_soon
from webhooks.endpoints import add_endpoint, change_endpoint, rotate_secret, switch_endpoint
from webhooks.models import DeliveryStatus, Endpoint
from webhooks.permissions import may_add_endpoint, may_change_endpoint, may_view_deliveries, may_view_endpoints

SHOWN = 10


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Ask who is to be told; on POST add the endpoint and show its secret, this once."""
    if not may_add_endpoint(request.user):
        raise PermissionDenied
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = add_endpoint(**form.cleaned_data)
        except IntegrityError:  # somebody was quicker
            form.add_error("name", name_is_taken())
        else:
            _log(request, endpoint, _("Added: %(url)s") % {"url": endpoint.url}, ADDITION)
            return _secret_page(request, endpoint, secret)
    return _form_page(
        request, form, title=_("Add a webhook endpoint"), back=reverse("admin:webhooks_endpoint_changelist")
    )


@never_cache
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change name, address or events of an endpoint."""
    endpoint = _to_change(request, pk)
    form = EndpointForm(request.POST if request.method == "POST" else None, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        try:
            change_endpoint(endpoint, **form.cleaned_data)
        except IntegrityError:  # somebody was quicker
            form.add_error("name", name_is_taken())
        else:
            _log(request, endpoint, _("Changed: %(url)s") % {"url": endpoint.url})
            messages.success(request, _("Saved."), extra_tags="saved")
            return _back_to(endpoint)
    return _form_page(request, form, title=_("Edit the webhook endpoint"), back=_address(endpoint))


@never_cache
@require_safe
def show(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    """What is known of an endpoint, and what one may do with it."""
    if not may_view_endpoints(request.user):
        raise PermissionDenied
    now = timezone.now()
    old_until = endpoint.old_secret_until
    made_at = endpoint.secret_made_at.isoformat()
    context = {
        "title": endpoint.name,
        "endpoint": endpoint,
        "badge": endpoint_badge(endpoint),
        "wants": event_type_words(endpoint),
        "added": format_time(endpoint.created_at),
        "secret_made": format_time(endpoint.secret_made_at),
        "old_secret_until": format_time(old_until) if old_until and old_until > now else "",
        "waiting": endpoint.deliveries.filter(status=DeliveryStatus.WAITING).count(),
        "may_change": may_change_endpoint(request.user),
        "may_see_deliveries": may_view_deliveries(request.user),
        "deliveries": delivery_lines(endpoint, now, limit=SHOWN) if may_view_deliveries(request.user) else [],
        "rotation": RotationForm(initial={"overlap": "1", "made_at": made_at}),
    }
    return TemplateResponse(request, "admin/webhooks/endpoint.html", {**admin.site.each_context(request), **context})


@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch an endpoint on or off, as the button said."""
    endpoint = _to_change(request, pk)
    on = request.POST.get("to") == "on"
    if on != endpoint.enabled:
        switch_endpoint(endpoint, on=on)
        _log(request, endpoint, _("Switched on") if on else _("Switched off"))
    if on:
        send_soon([endpoint])
        messages.success(request, _("Switched on. It receives events from now on."), extra_tags="on")
    else:
        text = _("Switched off. Until it is switched on again, events are not queued. Queued ones are kept.")
        messages.success(request, text, extra_tags="off")
    return _back_to(endpoint)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test event now and say what the endpoint answered."""
    endpoint = _to_change(request, pk)
    _log(request, endpoint, _("Test event sent"))
    delivery = send_test(endpoint)
    if delivery.status == DeliveryStatus.DELIVERED:
        text = _("The test event was accepted. %(result)s")
        messages.success(request, text % {"result": last_result(delivery)}, extra_tags="test_delivered")
    else:
        text = _("The test event was not accepted. %(result)s")
        messages.error(request, text % {"result": last_result(delivery)}, extra_tags="test_failed")
    return _back_to(endpoint)


@never_cache
@require_POST
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new secret and show it, this once."""
    endpoint = _to_change(request, pk)
    form = RotationForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose how long the old secret stays valid."), extra_tags="invalid_choice")
        return _back_to(endpoint)
    # Loading the answer again, or a second click, must not replace what has just been copied.
    is_current = form.cleaned_data["made_at"] == endpoint.secret_made_at.isoformat()
    secret = rotate_secret(endpoint, overlap=form.days) if is_current else None
    if secret is None:
        text = _("The secret was replaced after you opened this page. If nobody copied it, create another one.")
        messages.warning(request, text, extra_tags="replaced_already")
        return _back_to(endpoint)
    _log(request, endpoint, _("New secret created"))
    return _secret_page(request, endpoint, secret)


def _to_change(request: HttpRequest, pk: int) -> Endpoint:
    if not may_change_endpoint(request.user):
        raise PermissionDenied
    return get_object_or_404(Endpoint, pk=pk)


def _address(endpoint: Endpoint) -> str:
    return reverse("admin:webhooks_endpoint_change", args=[endpoint.pk])


def _back_to(endpoint: Endpoint) -> HttpResponse:
    return HttpResponseRedirect(_address(endpoint))


def _form_page(request: HttpRequest, form: EndpointForm, *, title: str, back: str) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "form": form, "back": back}
    return TemplateResponse(request, "admin/webhooks/endpoint_form.html", context)


def _secret_page(request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    context = {"title": _("Secret of %(name)s") % {"name": endpoint.name}, "endpoint": endpoint, "secret": secret}
    return TemplateResponse(request, "admin/webhooks/secret.html", {**admin.site.each_context(request), **context})


def _log(request: HttpRequest, endpoint: Endpoint, message: str, flag: int = CHANGE) -> None:
    """Who did it, in the admin's history; never a secret."""
    if isinstance(request.user, User):
        LogEntry.objects.log_actions(request.user.pk, [endpoint], flag, change_message=message, single_object=True)
