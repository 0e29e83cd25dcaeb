"""Tell the sender of an unknown name which one was probably meant, and which ones there are."""

import re
from collections.abc import Collection
from difflib import get_close_matches

from django.utils.translation import gettext as _

# Names of other APIs that spelling alone leads nowhere, or astray: `amount` resembles `vat_amount`.
_ELSEWHERE = {
    "cancel_request_amount": ("amount", "refund_amount", "cancel_amount"),
    "merchant_uid": ("order", "order_id", "order_number"),
    "imp_uid": ("payment", "payment_id"),
    "order": ("merchant_uid", "imp_uid", "order_id", "order_number"),
    "page_size": ("limit", "size", "per_page", "count"),
    "cursor": ("page", "offset", "starting_after"),
    "from": ("since", "start", "start_date", "after"),
    "to": ("until", "end", "end_date", "before"),
    "vat_amount": ("vat",),
}


def unknown_name(name: str, accepted: Collection[str]) -> str:
    """Return the sentence for a field or parameter that does not exist."""
    named = {"field": name[:60], "names": ", ".join(f"“{known}”" for known in accepted)}
    if guess := _meant(name[:60], accepted):
        sentence = _("“%(field)s” is not known. Did you mean “%(guess)s”? Known names: %(names)s.")
        return sentence % {**named, "guess": guess}
    return _("“%(field)s” is not known. Known names: %(names)s.") % named


def _meant(name: str, accepted: Collection[str]) -> str | None:
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]", "_", name).lower()
    if plain in accepted:
        return plain
    elsewhere = [known for known, names in _ELSEWHERE.items() if plain in names]
    return next((known for known in elsewhere or get_close_matches(plain, accepted, n=1) if known in accepted), None)
