"""Search payments among millions: on PostgreSQL every search uses an index."""

import re

from django.db.models import Q, QuerySet

from payments.intake.on_demand import look_up
from payments.models import Payment

# Staff search by a number from an e-mail, a name or a telephone number.
SEARCHED = ("merchant_uid", "imp_uid", "buyer_name", "buyer_email", "buyer_tel")
FEW = 500
_TEL = re.compile(r"0\d{7,10}", re.ASCII)
# Not a name, a telephone number or the first characters of a number: those are none of i'mport's business.
_WHOLE_NUMBER = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9._:/#-]{5,39}", re.ASCII)


def matching(text: str, *fields: str) -> Q:
    """Return a condition for rows of which one of these fields begins with `text`."""
    query = Q()
    for field in fields:
        for spelling in _spellings(text) if field.endswith("buyer_tel") else [text]:
            query |= Q(**{f"{field}__startswith": spelling})
    return query


def search_payments(payments: QuerySet[Payment], text: str, *, ask_gateway: bool = False) -> QuerySet[Payment]:
    """Return the payments of which one of the searched fields begins with `text`.

    With `ask_gateway`, look a whole number that nobody knows here up at i'mport, once. Raises `LookupUnavailable`.

    Look up to `FEW` matches by their ids first: together with ORDER BY, databases tend to walk through all payments
    in that order instead of using the indexes. For a prefix with many matches that walk is the faster way.
    """
    wanted = text.strip()
    if not wanted:
        return payments
    matches = matching(wanted, *SEARCHED)
    found = list(Payment.objects.filter(matches).order_by().values_list("pk", flat=True)[: FEW + 1])
    is_new = not found and ask_gateway and _is_whole_number(wanted)
    if is_new and (look_up(imp_uid=wanted) or look_up(merchant_uid=wanted)):
        return payments.filter(matches)
    return payments.filter(pk__in=found) if len(found) <= FEW else payments.filter(matches)


def _is_whole_number(text: str) -> bool:
    return _WHOLE_NUMBER.fullmatch(text) is not None and not _TEL.fullmatch(re.sub(r"[\s-]", "", text))


def _spellings(tel: str) -> list[str]:
    """Return a telephone number as typed, and with and without the hyphens it may be stored with."""
    digits = re.sub(r"[\s-]", "", tel)
    if not _TEL.fullmatch(digits):
        return [tel]
    head = 2 if digits.startswith("02") else 3
    hyphened = f"{digits[:head]}-{digits[head:-4]}-{digits[-4:]}"
    return list(dict.fromkeys([tel, digits, hyphened]))
