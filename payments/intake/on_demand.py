"""Look up at i'mport, once, a payment that staff, the shop's server or a command asks for and that is not here yet.

Not for buyers: they see their own orders only, and nobody can use us to try out numbers at i'mport.
"""

import hashlib
import logging
import re
import time

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from core.cache import CACHE_ERRORS
from payments.errors import LookupUnavailable
from payments.gateway import Gateway, GatewayError, call_slot, get_gateway, serves_pages
from payments.intake.sync import mirror_all

logger = logging.getLogger(__name__)

UNKNOWN_SECONDS = 30  # for which an unknown number is not asked for again
LOOKUPS_PER_MINUTE = 60  # by the web processes that share a cache
_POSSIBLE = {"imp_uid": re.compile(r"[A-Za-z0-9_-]{1,32}"), "merchant_uid": re.compile(r"\S(.{0,38}\S)?")}


def look_up(*, imp_uid: str = "", merchant_uid: str = "", gateway: Gateway | None = None) -> bool:
    """Mirror the payments with this number, if i'mport has any. Return whether it has.

    Raises `LookupUnavailable` if i'mport cannot be asked.
    """
    name, number = ("imp_uid", imp_uid) if imp_uid else ("merchant_uid", merchant_uid)
    is_possible = number.isprintable() and _POSSIBLE[name].fullmatch(number) is not None
    key = f"unknown-payment:{hashlib.sha256(f'{name} {number}'.encode(errors='replace')).hexdigest()}"
    # Without keys, no payment comes from i'mport at all; /readyz says so.
    if not is_possible or not settings.IAMPORT_IMP_KEY or _remembers(key):
        return False
    _count()
    gateway = gateway or get_gateway()
    try:
        with call_slot(for_staff=False):
            shown = gateway.payments([number]) if imp_uid else gateway.payments_of_order(number)
    except GatewayError as exc:
        logger.warning("%s is not here, and i'mport could not be asked: %s", number, exc.message)
        raise LookupUnavailable(exc.message) from exc
    if shown:
        mirror_all(shown)
    else:
        _remember(key)
    return bool(shown)


def _count() -> None:
    """Count a lookup of a web process. Raises `LookupUnavailable` above the limit."""
    if not serves_pages():
        return
    key = f"payment-lookups:{int(time.time()) // 60}"
    try:
        cache.add(key, 0, 120)
        count = cache.incr(key)
    except (ValueError, *CACHE_ERRORS):  # it has just expired, or the cache is down: nothing is limited
        return
    if count > LOOKUPS_PER_MINUTE:
        raise LookupUnavailable(_("Too many unknown numbers were asked for. Try again in a minute."))


def _remembers(key: str) -> bool:
    try:
        return bool(cache.get(key))
    except CACHE_ERRORS:
        return False


def _remember(key: str) -> None:
    try:
        cache.set(key, 1, UNKNOWN_SECONDS)
    except CACHE_ERRORS as exc:
        logger.warning("the cache failed, so an unknown number was not remembered: %s", exc)
