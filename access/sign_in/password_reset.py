"""A new password by e-mail: Django's own pages and mail, where mails have links (EMAIL_URL, SITE_URL); 404 elsewhere.

Neither the answers nor their time reveal whose addresses are known. A second factor is asked for as ever.
"""

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import get_language
from rest_framework.throttling import SimpleRateThrottle

from access.sign_in.password_forms import ForgottenPasswordForm
from access.tasks import mail_password_link
from core import mail
from core.cache import CACHE_ERRORS
from core.http.client_ip import address_group
from core.queue import enqueue

logger = logging.getLogger(__name__)

_NOBODY = 0  # the id of no user


def is_offered() -> bool:
    """Return whether mails are sent that can lead here. The host that a request names may be an attacker's."""
    return mail.is_on() and bool(settings.SITE_URL)


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
    """Answer 404 where no such mail is sent."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_offered():
            raise Http404
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # of the view beside it
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(contact=settings.SHOP_CONTACT, **kwargs)  # type: ignore[misc]
        return found


class Request(_WithMail, views.PasswordResetView):
    """Ask for the e-mail address, and send the mail. Above the limits it is not sent, and the answer is the same."""

    def form_valid(self, form: Any) -> HttpResponse:
        address = form.cleaned_data["email"]
        subjects = (f"to:{address.casefold()}", f"from:{address_group(self.request) or 'unknown'}")
        if all(map(_may_send, subjects)):
            # A worker sends it: the time that the mail server takes would tell that the address is known.
            user = next(iter(form.get_users(address)), None)
            enqueue(mail_password_link, user.pk if user else _NOBODY, get_language() or settings.LANGUAGE_CODE)
        return HttpResponseRedirect(str(self.success_url))


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
