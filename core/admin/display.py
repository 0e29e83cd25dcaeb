"""Values as the admin's lists and pages show them: badges, times, links."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import quote

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

# Anything else than such an address or number stays plain text.
_MAIL = re.compile(r"[^\s@<>?&]+@[^\s@<>?&]+\.[^\s@<>?&]+")
_TEL = re.compile(r"\+?\d[\d\s().-]{6,24}", re.ASCII)


def badge(colour: str, text: str | Promise, title: str = "", code: str = "") -> SafeString:
    """Return a coloured label. `colour` is one of admin.css: green, blue, amber, red, grey."""
    state = format_html(' data-state="{}"', code) if code else ""
    return format_html('<span class="rd-badge rd-{}" title="{}"{}>{}</span>', colour, title, state, text)


def two_lines(first: str, second: str) -> SafeString:
    """Return a value with a detail below it. Long ones are cut off; the tooltip shows them whole."""
    title = " ".join(unescape(strip_tags(each)) if isinstance(each, SafeString) else each for each in (first, second))
    return format_html(
        '<span class="rd-lines" title="{}"><span>{}</span><small>{}</small></span>', title, first, second
    )


def linked_lines(url: str, first: str, second: str, *, marks: str = "") -> SafeString:
    """Return a linked number with another one below it, and a button to copy each."""
    return format_html(
        '<span class="rd-lines rd-numbers"><span><a class="rd-link" href="{}" title="{}">{}</a>{}{}</span>{}</span>',
        url,
        first,
        first,
        copy_button(first),
        marks,
        format_html("<small><span>{}</span>{}</small>", second, copy_button(second)) if second else "",
    )


def format_time(at: datetime | None) -> str:
    """Format a time in Asia/Seoul to the minute; None is a dash."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "–"


def since(at: datetime) -> str:
    """Format a past time in Asia/Seoul, with its age."""
    now = timezone.now()
    if now - at < timedelta(minutes=1):
        return _("%(at)s (just now)") % {"at": format_time(at)}
    return _("%(at)s (%(time)s ago)") % {"at": format_time(at), "time": timesince(at, now, depth=1)}


def day_and_hour(at: datetime | None) -> SafeString:
    """Format a time in Asia/Seoul on two lines; None is a dash."""
    day, _space, hour = format_time(at).partition(" ")
    return two_lines(day, hour)


def copy_button(text: str) -> SafeString:
    """Return a button that copies `text`, for `refunds/copy.js`. Without scripts it is not shown."""
    label = _("Copy %(text)s") % {"text": text}
    return format_html(
        '<button type="button" class="rd-copier" data-copy-text="{0}" data-copied="{1}" title="{2}" aria-label="{2}">'
        "</button>",
        text,
        _("Copied"),
        label,
    )


def with_copy_button(text: str) -> SafeString | str:
    """Return a number with the button that copies it; an empty one is a dash."""
    return format_html("{} {}", text, copy_button(text)) if text else "–"


def mail_link(address: str) -> SafeString | str:
    """Return an e-mail address as a link that writes to it."""
    if not _MAIL.fullmatch(address):
        return address
    return format_html('<a class="rd-link-plain" href="mailto:{}">{}</a>', quote(address, safe="@"), address)


def tel_link(number: str) -> SafeString | str:
    """Return a telephone number as a link that calls it."""
    digits = re.sub(r"[^\d+]", "", number)
    if not _TEL.fullmatch(number):
        return number
    return format_html('<a class="rd-link-plain" href="tel:{}">{}</a>', digits, number)


def pairs(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Arrange fields in rows of two."""
    for start in range(0, len(names), 2):
        yield tuple(names[start : start + 2])


def safe_link(url: str) -> str:
    """Return an address from outside if it is http or https, else an empty text."""
    return url if url.startswith(("https://", "http://")) else ""
