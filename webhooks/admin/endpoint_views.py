"""The pages of webhook endpoints. Not Django's own forms: those would resolve names inside a transaction."""

from django.contrib import messages
from django.contrib.admin.models import ADDITION
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.admin.display import format_time
from core.admin.log import log
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.queue import enqueue
from core.sentences import sentence as _
from webhooks.admin.display import delivery_lines, endpoint_badge, event_types, last_result
from webhooks.admin.forms import EndpointForm, RotationForm
from webhooks.delivery.service import send_test
from webhooks.endpoints import add_endpoint, rotate_secret, switch_endpoint
from webhooks.models import DeliveryStatus, Endpoint
from webhooks.permissions import may_add_endpoint, may_change_endpoint, may_view_deliveries, may_view_endpoints
from webhooks.tasks import deliver_to

SHOWN = 10


@never_cache
@require_http_methods(["GET", "POST"])
@staff_may(may_add_endpoint)
def add(request: StaffRequest) -> HttpResponse:
    """Show the form; on POST add the endpoint and show its secret, this once."""
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = add_endpoint(**form.cleaned_data)
        except IntegrityError:  # a double click added it meanwhile
            form.add_error("name", form.instance.unique_error_message(Endpoint, ("name",)))
        else:
            log(request.user, endpoint, text=_("Added: %(url)s") % {"url": endpoint.url}, flag=ADDITION)
            return _secret_page(request, endpoint, secret)
    return _form_page(
        request, form, title=_("Add a webhook endpoint"), back=reverse("admin:webhooks_endpoint_changelist")
    )


@never_cache
@require_http_methods(["GET", "POST"])
@staff_may(may_change_endpoint)
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change name, URL or events of an endpoint."""
    endpoint = get_object_or_404(Endpoint, pk=pk)
    form = EndpointForm(request.POST if request.method == "POST" else None, instance=endpoint)
    if request.method == "POST" and form.is_valid():
        endpoint.save(update_fields=form.Meta.fields)  # not what the worker writes meanwhile
        log(request.user, endpoint, text=_("Changed: %(url)s") % {"url": endpoint.url})
        messages.success(request, _("Saved."), extra_tags="saved")
        return _back_to(endpoint)
    return _form_page(request, form, title=_("Edit the webhook endpoint"), back=_address(endpoint))


@never_cache
@require_safe
@staff_may(may_view_endpoints)
def show(request: StaffRequest, endpoint: Endpoint) -> HttpResponse:
    """Show an endpoint, its latest deliveries and the buttons that this user may use."""
    now = timezone.now()
    old_until = endpoint.old_secret_until
    made_at = endpoint.secret_made_at.isoformat()
    facts = {
        "endpoint": endpoint,
        "badge": endpoint_badge(endpoint),
        "is_paused": endpoint.is_paused(now),
        "wants": event_types(endpoint),
        "added": format_time(endpoint.created_at),
        "secret_made": format_time(endpoint.secret_made_at),
        "old_secret_until": format_time(old_until) if old_until and old_until > now else "",
        "waiting": endpoint.deliveries.filter(status=DeliveryStatus.WAITING).count(),
        "may_change": may_change_endpoint(request.user),
        "may_see_deliveries": may_view_deliveries(request.user),
        "deliveries": delivery_lines(endpoint, now, limit=SHOWN) if may_view_deliveries(request.user) else [],
        "rotation": RotationForm(initial={"overlap": "1", "made_at": made_at}),
    }
    return admin_page(request, "admin/webhooks/endpoint.html", endpoint.name, **facts)


@require_POST
@staff_may(may_change_endpoint)
def switch(request: StaffRequest, pk: int) -> HttpResponse:
    """Switch an endpoint on or off, as the button says."""
    endpoint = get_object_or_404(Endpoint, pk=pk)
    on = request.POST.get("to") == "on"
    if on != endpoint.enabled:
        switch_endpoint(endpoint, on=on)
        log(request.user, endpoint, text=_("Switched on") if on else _("Switched off"))
    if on:
        enqueue(deliver_to, endpoint.pk)
        messages.success(request, _("Switched on. It receives events from now on."), extra_tags="on")
    else:
        text = _("Switched off. Until it is switched on again, events are not queued. Queued ones are kept.")
        messages.success(request, text, extra_tags="off")
    return _back_to(endpoint)


@require_POST
@staff_may(may_change_endpoint)
def test(request: StaffRequest, pk: int) -> HttpResponse:
    """Send a test event now and show the endpoint's answer."""
    endpoint = get_object_or_404(Endpoint, pk=pk)
    log(request.user, endpoint, text=_("Test event sent"))
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
@staff_may(may_change_endpoint)
def rotate(request: StaffRequest, pk: int) -> HttpResponse:
    """Make a new secret and show it, this once."""
    endpoint = get_object_or_404(Endpoint, pk=pk)
    form = RotationForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose how long the old secret stays valid."), extra_tags="invalid_choice")
        return _back_to(endpoint)
    # A reload or a second click must not replace the secret that has just been copied.
    is_current = form.cleaned_data["made_at"] == endpoint.secret_made_at.isoformat()
    secret = rotate_secret(endpoint, overlap=form.days) if is_current else None
    if secret is None:
        text = _("The secret was replaced after you opened this page. If nobody copied it, create another one.")
        messages.warning(request, text, extra_tags="replaced_already")
        return _back_to(endpoint)
    log(request.user, endpoint, text=_("New secret created"))
    return _secret_page(request, endpoint, secret)


def _address(endpoint: Endpoint) -> str:
    return reverse("admin:webhooks_endpoint_change", args=[endpoint.pk])


def _back_to(endpoint: Endpoint) -> HttpResponse:
    return HttpResponseRedirect(_address(endpoint))


def _form_page(request: HttpRequest, form: EndpointForm, *, title: str, back: str) -> HttpResponse:
    return admin_page(request, "admin/webhooks/endpoint_form.html", title, form=form, back=back)


def _secret_page(request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    title = _("Secret of %(name)s") % {"name": endpoint.name}
    return admin_page(request, "admin/webhooks/secret.html", title, endpoint=endpoint, secret=secret)
