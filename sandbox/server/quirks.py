"""Untidiness on demand: how new cancels are recorded and shown, other than the guide says."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.server import store
from sandbox.server.envelope import FAILED, ApiRefusal
from sandbox.server.models import Cancellation, Payment, Quirk
from sandbox.server.stories import QUIRKS, RECORDED, SHOWN

_cache: dict[str, list[Quirk]] = {}
_cache_lock = threading.Lock()


@dataclass(frozen=True)
class Active:
    """The switches of one cancel or reading, by name, with their options."""

    options: dict[str, dict[str, Any]]

    def __contains__(self, name: object) -> bool:
        return name in self.options

    def number(self, name: str, option: str) -> int:
        """Return a numeric option, or 0 while the switch is off."""
        return int(self.options[name][option]) if name in self.options else 0


def add(name: str, *, imp_uid: str = "", times: int | None = None, **options: Any) -> Quirk:
    """Switch a quirk on, for one payment or all; `times` counts cancels and is for those of RECORDED."""
    if name not in QUIRKS:
        raise ApiRefusal(FAILED, f"quirk is one of {tuple(QUIRKS)}", 400)
    defaults = QUIRKS[name].options
    if unknown := sorted(set(options) - set(defaults)):
        raise ApiRefusal(FAILED, f"unknown options of {name}: {', '.join(unknown)}", 400)
    given = {option: _checked(option, value) for option, value in options.items()}
    with store.write():
        quirk = Quirk.objects.create(name=name, imp_uid=imp_uid, times=times, options={**defaults, **given})
    forget()
    return quirk


def remove(pk: int | None = None) -> None:
    """Switch one quirk off, or all."""
    with store.write():
        (Quirk.objects.all() if pk is None else Quirk.objects.filter(pk=pk)).delete()
    forget()


def quirk_json(quirk: Quirk) -> dict[str, Any]:
    """Return a switch as the control API shows it."""
    return {"id": quirk.pk, "quirk": quirk.name, "imp_uid": quirk.imp_uid, "times": quirk.times, **quirk.options}


def take(payment: Payment) -> Active:
    """Return the switches of a new cancel and count their use. Call it inside a write transaction."""
    found = list(Quirk.objects.filter(name__in=RECORDED, imp_uid__in=("", payment.imp_uid)))
    for quirk in found:
        if quirk.times is not None:
            quirk.times -= 1
            quirk.save()
    if any(quirk.times == 0 for quirk in found):
        Quirk.objects.filter(times__lte=0).delete()
    return Active({quirk.name: quirk.options for quirk in found})


def shown(payment: Payment) -> Active:
    """Return the switches that change how a payment is shown."""
    with _cache_lock:
        if "shown" not in _cache:
            _cache["shown"] = list(Quirk.objects.filter(name__in=SHOWN))
        found = [quirk for quirk in _cache["shown"] if quirk.imp_uid in {"", payment.imp_uid}]
    return Active({quirk.name: quirk.options for quirk in found})


def distort(cancellation: Cancellation, active: Active) -> None:
    """Change the new item as the switches say."""
    cancellation.reason = _reason(cancellation.reason, active)
    cancellation.hidden = "item_hidden" in active
    cancellation.id_hidden = "id_missing" in active or "twin_cancel" in active
    cancellation.tid_hidden = "pg_tid_missing" in active


def forget() -> None:
    """Clear the cache; call it after a change."""
    with _cache_lock:
        _cache.clear()


def _reason(reason: str, active: Active) -> str:
    if "reason_altered" in active:
        reason = str(active.options["reason_altered"]["text"])
    if "reason_replaced" in active:
        options = active.options["reason_replaced"]
        reason = re.sub(str(options["pattern"]), lambda _found: str(options["text"]), reason)
    if "reason_cut_bytes" in active:
        reason = reason.encode()[: active.number("reason_cut_bytes", "limit")].decode(errors="ignore")
    if "reason_cut_characters" in active:
        reason = reason[: active.number("reason_cut_characters", "limit")]
    return "" if "reason_emptied" in active else reason


def _checked(option: str, value: Any) -> Any:
    try:
        if option in {"seconds", "limit", "reads"}:
            return int(value)
        if option == "amount":
            return "" if value in ("", None) else str(Decimal(str(value)))
        if option == "pattern":
            re.compile(str(value))
    except (ValueError, InvalidOperation, re.error):
        raise ApiRefusal(FAILED, f"{option} cannot be {value!r}", 400) from None
    return value
