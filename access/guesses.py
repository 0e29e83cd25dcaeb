"""Few passwords are compared at a time: guesses sent together would else all be let in before the first one is counted.

One for a user name from an address, and a few from an address. The cache may fail: then nobody is held up.
"""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from uuid import uuid4

from django.core.cache import cache
from django.http import HttpRequest

from core.http.client_ip import address_group, wide_group

logger = logging.getLogger(__name__)

# From one address at a time, whatever the names: by so many, less one, its limit may be passed.
OF_ADDRESS = 8
# Pressed twice, the second press waits for the first: one of them at most, and no longer than this.
WAIT_SECONDS = 2.0
# A process that is killed gives nothing back.
HOLD_SECONDS = 60


def begin(request: HttpRequest, username: str) -> bool:
    """Whether a guess may be made now. It is under way until `end`, which has to follow in any case."""
    of_name = sha256(f"{address_group(request)}\0{username}".encode(errors="replace")).hexdigest()
    try:
        return _take_in_turn(request, f"guess:{of_name}") and _take(
            request, [f"guess:{wide_group(request)}:{number}" for number in range(OF_ADDRESS)]
        )
    except TimeoutError:  # too many ask a cache in files at the same time
        return False
    except OSError as exc:
        logger.warning("the cache failed, so passwords are compared side by side: %s", exc)
        return True


def end(request: HttpRequest) -> None:
    """Let the next guess in."""
    for key, mark in vars(request).pop("guesses", ()):
        with suppress(OSError):  # it ends by itself
            if cache.get(key) == mark:
                cache.delete(key)


def _take_in_turn(request: HttpRequest, key: str) -> bool:
    if _take(request, [key]):
        return True
    if not _take(request, [f"{key}:next"]):
        return False
    ends = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends:
        time.sleep(0.05)
        if _take(request, [key]):
            return True
    return False


def _take(request: HttpRequest, keys: Iterable[str]) -> bool:
    """Take the first of these that is free."""
    mark = uuid4().hex
    for key in keys:
        if cache.add(key, mark, HOLD_SECONDS):
            vars(request).setdefault("guesses", []).append((key, mark))
            return True
    return False
