"""Codes and messages for errors of Django REST framework, which has no Korean ones."""

import math
import re

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _
from rest_framework import exceptions

from refunds.serialization import Json

SENTENCES = {
    "not_authenticated": _("Sign in, or send a token: “Authorization: Bearer rd_…”."),
    "permission_denied": _("You do not have permission to do this."),
    "csrf_failed": _(
        "This page is out of date. Reload it. Programs must send the csrftoken cookie as X-CSRFToken, or use a token."
    ),
    "not_found": _("Not found."),
    "method_not_allowed": _("%(method)s is not allowed here. See the Allow header."),
    "not_acceptable": _("Responses are JSON only. Accept application/json."),
    "unsupported_media_type": _("Send JSON, with “Content-Type: application/json”."),
    "too_large": _("The request is too large. Nothing was done."),
}
_OTHER_ADDRESS = _(
    "Your browser and the server do not name the same address for this site. The proxy must pass on the host with its "
    "port, and the protocol."
)


def framework_error_json(exc: exceptions.APIException, *, method: str = "") -> Json:
    """The body of an error of DRF's, in the form of `refunds.serialization.error_json`."""
    message = _message_of(exc, method)
    return {"message": message, "code": _code_of(exc), "retryable": isinstance(exc, exceptions.Throttled)}


def _code_of(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.PermissionDenied) and str(exc.detail).startswith("CSRF"):
        return "csrf_failed"
    return str(getattr(exc.detail, "code", exc.default_code))


def _message_of(exc: exceptions.APIException, method: str) -> str:
    """Our message in the active language, unless our own code raised `exc` with a more exact one."""
    if isinstance(exc, exceptions.Throttled):
        return _throttled(max(1, math.ceil(getattr(exc, "wait", None) or 1)))
    code = _code_of(exc)
    if code == "csrf_failed" and re.search("(Origin|Referer) checking failed", str(exc.detail)):
        return gettext(_OTHER_ADDRESS)
    if code not in SENTENCES or _has_own_words(exc, code):
        return str(exc.detail)
    return gettext(SENTENCES[code]) % {"method": method}


def _throttled(seconds: int) -> str:
    sentence = ngettext(
        "Too many requests. Try again in %(seconds)s second.",
        "Too many requests. Try again in %(seconds)s seconds.",
        seconds,
    )
    return sentence % {"seconds": seconds}


def _has_own_words(exc: exceptions.APIException, code: str) -> bool:
    """Return whether our authentication or permissions raised it with a message."""
    return code in ("not_authenticated", "permission_denied") and str(exc.detail) != str(exc.default_detail)
