"""Keep what was typed on a confirmation page that sent nothing: a redirect then shows it again by GET.

Without it, the browser's Back would ask to send the form again. It is encrypted, because it can hold a bank account.
"""

from uuid import UUID

from django.http import HttpRequest, QueryDict

from core.encryption.cipher import DecryptError, decrypt, encrypt

_SESSION_KEY = "typed_refunds"
_MOST = 3  # pages at once
_LONGEST = 64 * 1024  # characters; no page that is meant has more


def keep_typed(request: HttpRequest, token: UUID | str) -> bool:
    """Keep the form of this request in the session under its token or number; False if it is too long for that."""
    data = request.POST.copy()
    data.pop("csrfmiddlewaretoken", None)
    text = data.urlencode()
    if len(text) > _LONGEST:
        return False
    others = [(name, kept) for name, kept in _all(request).items() if name != str(token)]
    request.session[_SESSION_KEY] = dict([*others, (str(token), encrypt(text))][-_MOST:])
    return True


def typed_before(request: HttpRequest, token: UUID | str) -> QueryDict | None:
    """Return the form that was kept for the page with this token, if there is one."""
    kept = _all(request).get(str(token))
    try:
        return QueryDict(decrypt(kept)) if kept else None
    except DecryptError:  # its key is gone: type it again
        return None


def forget_typed(request: HttpRequest, token: UUID | str) -> None:
    """Delete the form that was kept: its refund is sent."""
    if str(token) in _all(request):
        request.session[_SESSION_KEY] = {name: kept for name, kept in _all(request).items() if name != str(token)}


def _all(request: HttpRequest) -> dict[str, str]:
    kept: dict[str, str] = request.session.get(_SESSION_KEY, {})
    return kept
