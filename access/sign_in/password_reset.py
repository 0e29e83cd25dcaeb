"""A new password by e-mail: Django's own pages and mail, where the shop sends mail (EMAIL_URL); 404 elsewhere.

The answers do not reveal whose addresses are known. A second factor is asked for as ever.
"""

import hashlib
import logging
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import views
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from rest_framework.throttling import SimpleRateThrottle

from access.sign_in.password_forms import ForgottenPasswordForm
from core import mail
from core.cache import CACHE_ERRORS
from core.http.client_ip import address_group

logger = logging.getLogger(__name__)


class _MailLimit(SimpleRateThrottle):
    """Five mails an hour to one address, and from one client address."""

    scope = "password_mail"
    rate = "5/hour"

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._subject = hashlib.sha256(subject.encode()).hexdigest()  # no cache holds the address

    def get_cache_key(self, request: Any, view: Any) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": self._subject})


def _may_send(subject: str) -> bool:
    """Count a mail. While the cache is down, nothing is limited."""
    try:
        return _MailLimit(subject).allow_request(None, None)  # type: ignore[arg-type]  # the subject is given
    except CACHE_ERRORS as exc:
        logger.warning("the cache failed, so a mail for a new password was not limited: %s", exc)
        return True


class _WithMail:
    """Answer 404 where no mail is sent."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not mail.is_on():
            raise Http404
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # of the view beside it
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(contact=settings.SHOP_CONTACT, **kwargs)  # type: ignore[misc]
        return found


class Request(_WithMail, views.PasswordResetView):
    """Ask for the e-mail address, and send the mail. Above the limits it is not sent, and the answer is the same."""

    email_template_name = "registration/password_reset_email.txt"
    subject_template_name = "registration/password_reset_subject.txt"

    def form_valid(self, form: Any) -> HttpResponse:
        subjects = (f"to:{form.cleaned_data['email'].casefold()}", f"from:{address_group(self.request) or 'unknown'}")
        if not all(map(_may_send, subjects)):
            return HttpResponseRedirect(str(self.success_url))
        site = urlsplit(settings.SITE_URL)
        self.extra_email_context = {"protocol": site.scheme, "domain": site.netloc} if site.netloc else None
        return super().form_valid(form)


class Sent(_WithMail, views.PasswordResetDoneView):
    """Say that the mail is on its way, if the address is known."""


class Confirm(_WithMail, views.PasswordResetConfirmView):
    """Ask for the new password, and what becomes of the account's API tokens."""

    form_class = ForgottenPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        form.log_revoked(self.user)
        return answer


class Done(_WithMail, views.PasswordResetCompleteView):
    """Lead to the sign-in."""
