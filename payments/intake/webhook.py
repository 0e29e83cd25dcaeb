"""`POST /webhooks/iamport`: i'mport notifies us that a payment has changed.

Anyone can send this, so only its `imp_uid` is used: it is stored in the inbox, and a task reads i'mport.
i'mport sends each notification once. For shops that asked PortOne for it, it repeats one after a 5xx: so 503 means
that a repetition will work, 4xx that none will.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from core.http.client_ip import client_address
from core.queue import enqueue
from payments.intake.inbox import TooManyWaiting, add_notification
from payments.intake.tasks import read_notified

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 100
# Narrow, as it goes to i'mport: a slash or a quote could make a proxy there refuse the whole call.
_IMP_UID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Refused(Exception):
    """A notification that no repetition would make valid."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@csrf_exempt
def iamport_webhook(request: HttpRequest) -> JsonResponse:
    """Store the notification, enqueue the reading, and answer."""
    try:
        imp_uid = _imp_uid_of(request)
        read_at = add_notification(imp_uid=imp_uid)
    except Refused as exc:
        answer = _error(exc.status, exc.code, exc.message)
        if exc.status == 405:
            answer["Allow"] = "POST"
        return answer
    except TooManyWaiting as exc:
        return _error(503, exc.code, exc.message)
    except DatabaseError:
        logger.exception("a notification could not be stored")
        message = _("The database cannot be reached. Send the notification again in a minute.")
        return _error(503, "database_unavailable", message)
    if read_at is not None:
        enqueue(read_notified, imp_uid, at=read_at)
    return JsonResponse({"status": "accepted"})


def _error(status: int, code: str, message: str) -> JsonResponse:
    later = status == 503
    body = {"message": message, "code": code, "retryable": later}
    return JsonResponse(body, status=status, headers={"Retry-After": "60"} if later else None)


def _imp_uid_of(request: HttpRequest) -> str:
    """Return the payment that a notification is about. Raises `Refused`."""
    if request.method != "POST":
        raise Refused(405, "method_not_allowed", _("Send notifications with POST."))
    if not _is_allowed(request):
        raise Refused(403, "address_not_allowed", _("Notifications are not accepted from this address."))
    imp_uid = _fields(request.content_type or "", _body(request)).get("imp_uid")
    if not isinstance(imp_uid, str) or not _IMP_UID.fullmatch(imp_uid):
        raise Refused(400, "invalid_imp_uid", _("The notification has no valid imp_uid."))
    return imp_uid


def _is_allowed(request: HttpRequest) -> bool:
    networks = settings.IAMPORT_WEBHOOK_ALLOWED_IPS
    if not networks:
        return True
    address = client_address(request)
    return address is not None and any(address in network for network in networks)


def _body(request: HttpRequest) -> bytes:
    too_large = Refused(413, "too_large", _("The notification is too large."))
    # Checked before the body is received.
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        raise too_large
    try:
        body = request.read(MAX_BODY_BYTES + 1)
    except OSError as exc:  # the sender has gone away
        raise Refused(400, "unreadable", _("The notification was not received completely.")) from exc
    if len(body) > MAX_BODY_BYTES:
        raise too_large
    return bytes(body)


def _fields(content_type: str, body: bytes) -> Mapping[str, Any]:
    """Return the body's fields. Only `imp_uid` is used, so invalid bytes elsewhere do no harm."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        if content_type == "application/json":
            fields = json.loads(text)
        elif content_type == "application/x-www-form-urlencoded":
            fields = dict(parse_qsl(text, max_num_fields=MAX_FIELDS))
        else:
            raise Refused(415, "unsupported_media_type", _("Send the notification as JSON or a form."))
    except (ValueError, RecursionError) as exc:
        raise Refused(400, "unreadable", _("The notification cannot be read.")) from exc
    if not isinstance(fields, dict):
        raise Refused(400, "unreadable", _("The notification must be a JSON object."))
    return fields
