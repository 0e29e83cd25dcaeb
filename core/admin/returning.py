"""The way back: a page carries the address that it was opened from as `next`, so that filters and page stay."""

from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

NEXT = "next"
MAX_LENGTH = 2_000  # a longer address would not fit into the next one
_FILTERS = "_changelist_filters"  # in which the admin carries a list's filters to the page of one row


def next_of(request: HttpRequest) -> str:
    """Return the page of this admin that the request names to go back to; "" for none, or for any other address."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT, "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours and wanted.startswith(reverse("admin:index")) and len(wanted) <= MAX_LENGTH else ""


def with_next(url: str, wanted: str) -> str:
    """Return an address of ours that leads back to `wanted` (from `next_of`, or the request's own path)."""
    if not wanted or len(wanted) > MAX_LENGTH:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({NEXT: wanted})}"


def list_behind(wanted: str, changelist: str) -> str:
    """Return `changelist` as it was filtered when `wanted`, an address from `next_of`, was opened from it."""
    path, _mark, query = wanted.partition("?")
    if path == changelist:
        return wanted
    filters = dict(parse_qsl(query)).get(_FILTERS, "") if path.startswith(changelist) else ""
    return f"{changelist}?{filters}" if filters else changelist
