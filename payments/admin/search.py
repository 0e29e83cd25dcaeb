"""Search payments among millions: on PostgreSQL every search uses an index."""

import re
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from payments.intake.on_demand import look_up
from payments.models import Payment
from payments.search_keys import tel_key, text_key

# Staff search by a number from an e-mail, a name or a telephone number.
SEARCHED = ("merchant_uid", "imp_uid", "buyer_name", "buyer_email", "buyer_tel")
FEW = 500
_TEL = re.compile(r"0\d{7,10}", re.ASCII)
# Not a name, a telephone number or the first characters of a number: those are none of i'mport's business.
_WHOLE_NUMBER = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9._:/#-]{5,39}", re.ASCII)


def matching(text: str, *fields: str) -> Q:
    """Return a condition for payments of which one of these fields begins with `text`, however that is written."""
    key, tel = text_key(text), tel_key(text)
    starts = {
        "merchant_uid": {("order_key", key)},
        "imp_uid": {("imp_uid", text), ("imp_uid", key)},
        "buyer_name": {("name_key", key)},
        "buyer_email": {("email_key", key)},
        "buyer_tel": {("tel_key", tel)},
    }
    conditions = (Q(**{f"{column}__startswith": start}) for name in fields for column, start in starts[name] if start)
    return reduce(or_, conditions, Q(pk__in=()))


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
    return _WHOLE_NUMBER.fullmatch(text) is not None and not _TEL.fullmatch(tel_key(text))
