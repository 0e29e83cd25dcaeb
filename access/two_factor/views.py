"""The pages on which staff set up their second factor, renew its backup codes, and turn it off."""

from typing import Any, cast

import segno
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_otp import login as verify_session

from access.lockout.service import count_failure
from access.models import Authenticator, authenticator_of
from access.two_factor.forms import ProofForm
from access.two_factor.service import (
    CodeRefused,
    app_address,
    backup_codes_left,
    begin_set_up,
    check_code,
    device_being_set_up,
    finish_set_up,
    is_required,
    mark_of,
    renew_backup_codes,
    turn_off,
)
from core.admin.pages import admin_page

_BEGUN = "two_factor_begun"
SET_UP_SECONDS = 15 * 60


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show whether it is on, with the buttons that apply."""
    device = authenticator_of(_user(request))
    facts = {"device": device, "required": is_required(), "left": backup_codes_left(device) if device else 0}
    return _page(request, "overview", _("Two-factor sign-in"), facts)


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Create a secret for a new phone. The old one works until the new one is confirmed."""
    begun = begin_set_up(_user(request))
    request.session[_BEGUN] = {"mark": mark_of(begun), "at": int(timezone.now().timestamp())}
    return HttpResponseRedirect(reverse("two-factor-set-up"))


@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the secret; on POST with a valid code, confirm the device and show the backup codes."""
    begun = _begun_here(request)
    if begun is None:
        if request.session.pop(_BEGUN, None):
            messages.warning(request, _("This setup has expired. Please start again."), extra_tags="set_up_over")
        return HttpResponseRedirect(reverse("two-factor"))
    form = ProofForm(request.POST or None)
    if _password_fits(request, form):
        try:
            device, codes = finish_set_up(begun=begun, code=form.cleaned_data["code"])
        except CodeRefused as exc:
            _refuse(request, form, exc)
        else:
            del request.session[_BEGUN]
            verify_session(request, device)
            request.session.cycle_key()
            return _codes_page(request, codes, is_new=True)
    return _page(request, "set_up", _("Set up two-factor sign-in"), {"form": form, **_secret_of(request, begun)})


@require_http_methods(["GET", "POST"])
def backup_codes(request: HttpRequest) -> HttpResponse:
    """Replace the backup codes."""
    device = authenticator_of(_user(request))
    if device is None:
        return HttpResponseRedirect(reverse("two-factor"))
    form = ProofForm(request.POST or None)
    if _proves(request, form):
        return _codes_page(request, renew_backup_codes(device), is_new=False)
    return _page(request, "renew", _("New backup codes"), {"form": form})


@require_http_methods(["GET", "POST"])
def off(request: HttpRequest) -> HttpResponse:
    """Turn the second factor off."""
    if authenticator_of(_user(request)) is None:
        return HttpResponseRedirect(reverse("two-factor"))
    form = ProofForm(request.POST or None)
    if _proves(request, form):
        turn_off(_user(request), by=_user(request))
        messages.success(request, _("Two-factor sign-in is off."), extra_tags="two_factor_off")
        return HttpResponseRedirect(reverse("two-factor"))
    return _page(request, "off", _("Turn off two-factor sign-in"), {"form": form, "required": is_required()})


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _begun_here(request: HttpRequest) -> Authenticator | None:
    """Return the device that this session began to set up. Other sessions of the user must not see its secret."""
    kept = request.session.get(_BEGUN)
    if not kept or timezone.now().timestamp() - kept["at"] > SET_UP_SECONDS:
        return None
    return device_being_set_up(_user(request), mark=kept["mark"])


def _password_fits(request: HttpRequest, form: ProofForm) -> bool:
    """Tell whether the form is complete with the right password. A wrong password counts as a failed login."""
    if not form.is_valid():
        return False
    name = _user(request).get_username()
    if authenticate(request, username=name, password=form.cleaned_data["password"]) is None:
        form.add_error("password", _("Wrong password."))
        return False
    return True


def _proves(request: HttpRequest, form: ProofForm) -> bool:
    """Tell whether the form has the right password and a valid, unused code."""
    if not _password_fits(request, form):
        return False
    try:
        check_code(user=_user(request), code=form.cleaned_data["code"])
    except CodeRefused as exc:
        _refuse(request, form, exc)
        return False
    return True


def _refuse(request: HttpRequest, form: ProofForm, refused: CodeRefused) -> None:
    if refused.was_tried:
        count_failure(request, _user(request).get_username())
    form.add_error("code", refused.message)


def _secret_of(request: HttpRequest, device: Authenticator) -> dict[str, object]:
    secret = device.secret
    address = app_address(device, issuer=f"Refund desk {request.get_host().replace(':', ' ')}")
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return {"qr_code": _drawn(address), "secret": groups}


def _drawn(text: str) -> SafeString:
    """Draw a QR code as SVG, here, so that the secret goes nowhere else."""
    return mark_safe(segno.make(text, error="m").svg_inline(scale=5, border=3))  # noqa: S308 - segno's own lines


def _codes_page(request: HttpRequest, codes: list[str], *, is_new: bool) -> HttpResponse:
    return _page(request, "codes", _("Your backup codes"), {"codes": codes, "is_new": is_new})


def _page(request: HttpRequest, name: str, title: str, facts: dict[str, Any]) -> HttpResponse:
    return admin_page(request, f"admin/access/two_factor_{name}.html", title, **facts)
