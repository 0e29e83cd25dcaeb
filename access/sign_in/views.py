"""Sign-in to the storefront and to the admin: the password, then a code if the user has a second factor.

The answers do not reveal which users exist: a wrong name, a wrong password, an inactive user and, in the admin, a
user who is not staff get the same answer. The code is asked for only after the right password.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.generic import FormView
from django_otp import login as verify_session

from access.lockout import attempts
from access.lockout.service import count_failure, lockout_response
from access.models import authenticator_of
from access.sign_in import password_reset
from access.sign_in.password_forms import OwnPasswordForm
from access.two_factor.forms import CodeForm
from access.two_factor.service import CodeRefused, check_code, lacks_required_device

_PENDING = "waiting_for_code"
# Time to find the phone and enter a code; afterwards the password is needed again.
PENDING_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Pending:
    """A user whose password was right, and where to redirect them."""

    user: User
    backend: str
    next: str


def remember(request: HttpRequest, user: User, next_url: str) -> None:
    """Store in the session that the password was right, without signing in."""
    request.session.cycle_key()
    request.session[_PENDING] = {
        "user": user.pk,
        "backend": user.backend,
        "next": next_url,
        "at": int(timezone.now().timestamp()),
        "hash": user.get_session_auth_hash(),
    }


def pending(request: HttpRequest) -> Pending | None:
    """Return who entered the right password lately; None if the user is inactive or the password changed since."""
    kept = request.session.get(_PENDING)
    if not kept or timezone.now().timestamp() - kept["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), kept["hash"]):
        return None
    return Pending(user, kept["backend"], kept["next"])


class SignIn(views.LoginView):
    """The storefront's page for username and password."""

    redirect_authenticated_user = True
    code_page = reverse_lazy("login-code")
    signing_in: User | None = None

    def get_default_redirect_url(self) -> str:
        """Lead staff to the admin: they have no orders here. A page that they came from comes first."""
        user = self.signing_in or self.request.user
        return reverse("admin:index") if user.is_staff else super().get_default_redirect_url()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        reset_url = reverse("password_reset") if password_reset.is_offered() else ""
        return super().get_context_data(contact=settings.SHOP_CONTACT, reset_url=reset_url, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = self.signing_in = form.get_user()
        if authenticator_of(user) is not None:
            remember(self.request, user, self.get_success_url())
            return HttpResponseRedirect(str(self.code_page))
        answer = super().form_valid(form)
        return HttpResponseRedirect(reverse("two-factor")) if lacks_required_device(user) else answer


class AdminSignIn(SignIn):
    """The admin's page for username and password; replaces `AdminSite.login`."""

    redirect_authenticated_user = False  # a signed-in buyer may also be staff with another username
    template_name = "admin/login.html"
    code_page = reverse_lazy("admin-login-code")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and admin.site.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> type[AuthenticationForm]:
        return admin.site.login_form or AdminAuthenticationForm

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if form.non_field_errors():
            form.fields["username"].widget.attrs |= {"aria-invalid": "true", "aria-describedby": "login-problem"}
        return super().form_invalid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"title": _("Sign in"), "app_path": self.request.get_full_path()}
        return super().get_context_data(**admin.site.each_context(self.request), **own, **kwargs)


class CodeStep(FormView):  # type: ignore[type-arg]  # generic to the type checker only
    """The storefront's page for the code, after the right password."""

    form_class = CodeForm
    template_name = "registration/code.html"
    first_step = "login"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = pending(request)
        if found is None:
            return HttpResponseRedirect(reverse(self.first_step))
        self.pending = found
        if attempts.is_locked_out(request, found.user.get_username()):
            return lockout_response(request, None, {"username": found.user.get_username()})
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "backup": "backup" in self.request.GET}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        places = {"first_step": reverse(self.first_step), "backup": "backup" in self.request.GET}
        return super().get_context_data(**places, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        user = self.pending.user
        try:
            device = check_code(user=user, code=form.cleaned_data["code"])
        except CodeRefused as exc:
            if exc.was_tried:
                count_failure(self.request, user.get_username())
            form.add_error("code", exc.message)
            return self.form_invalid(form)
        del self.request.session[_PENDING]
        login(self.request, user, backend=self.pending.backend)
        verify_session(self.request, device)
        # Django keeps the session key of the same user, but this session has gained rights.
        self.request.session.cycle_key()
        return HttpResponseRedirect(self.pending.next)


class AdminCodeStep(CodeStep):
    """The admin's page for the code."""

    template_name = "admin/access/code.html"
    first_step = "admin:login"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"title": _("Two-factor sign-in")}
        return super().get_context_data(**admin.site.each_context(self.request), **own, **kwargs)


class OwnPassword(views.PasswordChangeView):
    """The admin's page for a new password of one's own."""

    form_class = OwnPasswordForm
    template_name = "admin/access/own_password.html"
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        form.log_revoked(self.request.user)
        return answer


def password_change(request: HttpRequest) -> HttpResponseBase:
    """Show the admin's page for a new password; a wrong old one counts as a failed login."""
    username = request.user.get_username()
    if request.method == "POST" and not attempts.begin(request, username):
        return lockout_response(request, None, {"username": username})
    answer = OwnPassword.as_view()(request)
    form = getattr(answer, "context_data", {}).get("form")
    if form is not None and form.has_error("old_password", "password_incorrect"):
        count_failure(request, username)
    attempts.end(request)
    return answer
