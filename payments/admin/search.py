"""Search payments among millions by any part of their numbers, their buyer or their goods, or by their amount."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial, reduce
from operator import and_, or_
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Max, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.database.plans import plans_without
from payments.intake.on_demand import look_up
from payments.models import Payment
from payments.search_keys import part_key, tel_key

Row = TypeVar("Row", bound=Model)
SHORTEST = 3  # characters of a part: fewer are in most rows
LONGEST = 1_020  # characters of the longest line of a key
SHOWN = 1_000  # of the matches in a list, the newest
MOST_WORDS = 3  # of one number, such as 010 1234 5678
_MOST_PARTS = 6  # words that are looked for in different columns
_NAMED = 20  # numbers of a pasted list that are named as not found
_READ = 2_000  # matches among which the newest are taken
_RECENT = 20_000  # rows among which there are enough matches of a frequent part
_PROBED = 2_000  # rows that tell whether a part is frequent
_TEL = re.compile(r"0\d{7,10}", re.ASCII)
# Not a name, a telephone number or the first characters of a number: those are none of i'mport's business.
_WHOLE_NUMBER = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9._:/#-]{5,39}", re.ASCII)
_AMOUNT = re.compile(
    r"(?P<before>₩|krw|us\$|usd|\$)? ?(?P<won>\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?P<cents>\.\d{1,3})? ?"
    r"(?P<after>원|won|krw|usd)?",
    re.ASCII | re.IGNORECASE,
)


def amount_of(text: str) -> tuple[Decimal | None, bool]:
    """Return the amount that a text is, such as "63,000원", and whether it can be nothing else."""
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None, False
    amount = Decimal(found["won"].replace(",", "") + (found["cents"] or ""))
    return amount, bool(found["before"] or found["after"])


def words_of(text: str) -> list[str]:
    """Return the words of a text, which may be a list of numbers."""
    return [word for word in re.split(r"[\s,;]+", text) if word]


def is_short(text: str) -> bool:
    """Return whether the text is too short to look for it as a part."""
    return 0 < len(part_key(text)) < SHORTEST and amount_of(text)[1] is False


def warn_if_short(request: HttpRequest, text: str) -> None:
    """Say so on the page if only whole numbers and amounts were compared."""
    if is_short(text):
        messages.info(request, _("Type at least 3 characters to search for a part."), extra_tags="short_search")


def numbers_of(text: str) -> list[str]:
    """Return the numbers of a pasted list, each once; nothing for any other text."""
    words = list(dict.fromkeys(words_of(text)))
    is_list = len(words) > 1 and all(len(word) > SHORTEST and _has_digit(word) for word in words)
    return words if is_list and not tel_key(text) and amount_of(text)[0] is None else []


def known_numbers(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the keys of the payments whose numbers a pasted list has."""
    if numbers_of(text):
        yield from Payment.objects.filter(reduce(or_, by_number(text))).order_by().values_list("order_key", "imp_uid")


def warn_of_missing(request: HttpRequest, text: str, known: Iterable[tuple[str, ...]]) -> None:
    """Name the numbers of a pasted list that are none of `known`, which has the keys of each row that was found."""
    keys = {key for row in known for key in row}
    numbers = numbers_of(text)
    missing = [number for number in numbers if not {number, number.upper(), part_key(number)} & keys]
    # Few words of which none is a number are words to search for.
    if missing and (len(missing) < len(numbers) or len(numbers) > MOST_WORDS):
        shown = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        message = ngettext(
            "%(count)s number was not found: %(numbers)s", "%(count)s numbers were not found: %(numbers)s", len(missing)
        )
        messages.warning(request, message % {"count": len(missing), "numbers": shown}, extra_tags="numbers_not_found")


def by_number(text: str) -> list[Q]:
    """Return the conditions of payments whose order or payment number is a word of `text`, each for one index."""
    numbers = {word for word in words_of(text) if _has_digit(word)}
    return [Q(order_key__in=set(map(part_key, numbers))), Q(imp_uid__in=numbers)] if numbers else []


def by_part(text: str) -> list[Q]:
    """Return the conditions of payments that have `text` as their amount or in their key, each for one index."""
    amount, is_sure = amount_of(text)
    wanted = [] if amount is None else [Q(amount=amount)]
    if is_sure:
        return wanted
    words = words_of(text)
    is_list = len(words) > MOST_WORDS and all(map(_has_digit, words))
    keys = {tel_key(text)} if is_list else {part_key(text), tel_key(text)}
    parts = sorted(key for key in keys if SHORTEST <= len(key) <= LONGEST)
    wanted += [Q(order_key__startswith=part) for part in parts]
    in_words = [] if is_list or tel_key(text) else _has_words(text)  # rows with the whole text have its words
    return wanted + (in_words or ([reduce(or_, map(_has_part, parts))] if parts else []))


def search_payments(
    payments: QuerySet[Payment], text: str, *, ask_gateway: bool = False, newest: bool = False
) -> QuerySet[Payment]:
    """Return the payments that match `text`; with `newest`, of very many only the newest, which takes no time.

    With `ask_gateway`, look a whole number that nobody knows here up at i'mport, once. Raises `LookupUnavailable`.
    """
    wanted = text.strip()
    if not wanted or "\x00" in wanted:
        return payments.none() if wanted else payments
    search = partial(search_rows, payments, wanted, by_number(wanted), partial(by_part, wanted), newest=newest)
    if not (ask_gateway and is_whole_number(wanted)):
        return search()
    if newest and (found := search()).exists():
        return found
    if not _any(Payment.objects.all(), [*by_number(wanted), *by_part(wanted)]):
        look_up(imp_uid=wanted) or look_up(merchant_uid=wanted)
    return search()


def search_rows(
    rows: QuerySet[Row], text: str, numbers: Sequence[Q], find_parts: Callable[[], Sequence[Q]], *, newest: bool
) -> QuerySet[Row]:
    """Return the rows that meet one of these conditions; only those of `numbers` if `text` is a number of such rows.

    `find_parts` returns the conditions of a part. It may take queries, so it is called only then.
    """
    is_known = is_whole_number(text) and _any(rows, numbers)
    wanted = (*numbers, *(() if is_known else find_parts()))
    if newest:
        return rows.filter(pk__in=_newest_keys(rows, wanted))
    return rows.filter(reduce(or_, wanted, Q(pk__in=())))


def is_whole_number(text: str) -> bool:
    """Return whether the text is long enough for a whole number of an order or a payment, and is no telephone's."""
    return _WHOLE_NUMBER.fullmatch(text) is not None and not _TEL.fullmatch(tel_key(text))


def _newest_keys(rows: QuerySet[Any], wanted: Iterable[Q]) -> list[int]:
    """Return the keys of `SHOWN` rows that meet one of these conditions: of very many the newest that are soon found.

    In the order of a list, the database may walk through all rows to find a few.
    """
    last = rows.model.objects.aggregate(last=Max("pk"))["last"] or 0
    found: set[int] = set()
    for condition in wanted:
        is_frequent = len(_recent_keys(rows, condition, last - _PROBED)) >= _PROBED * SHOWN // _RECENT
        keys = [] if is_frequent else some_keys(rows, condition, _READ)
        found.update(keys)
        if is_frequent or len(keys) == _READ:
            found.update(_recent_keys(rows, condition, last - _RECENT))
        if is_frequent and len(found) < SHOWN:
            found.update(some_keys(rows, condition, _READ))
        if len(found) >= SHOWN:
            break
    return sorted(found, reverse=True)[:SHOWN]


def _recent_keys(rows: QuerySet[Any], condition: Q, after: int) -> list[int]:
    """Return the newest keys after this one of rows that meet the condition, by reading these rows one by one."""
    matches = rows.filter(condition, pk__gt=after).order_by("-pk").values_list("pk", flat=True)
    with plans_without("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
        return list(matches[:SHOWN])


def some_keys(rows: QuerySet[Any], condition: Q, most: int) -> list[int]:
    """Return the keys of at most so many rows that meet the condition, by its index."""
    with plans_without("seqscan"):
        return list(rows.filter(condition).order_by().values_list("pk", flat=True)[:most])


def _any(rows: QuerySet[Any], wanted: Iterable[Q]) -> bool:
    return any(some_keys(rows, condition, 1) for condition in wanted)


def _has_part(part: str) -> Q:
    """Return the condition of a part. Of an e-mail address the index compares the part before the @.

    The rest is in most rows, and costs the index the more; `icontains` it cannot compare.
    """
    name, at, host = part.partition("@")
    if host and len(name) >= SHORTEST:
        return Q(search_key__contains=name + at) & Q(search_key__icontains=part)
    return Q(search_key__contains=part)


def _has_words(text: str) -> list[Q]:
    """Return the condition of several words, which may stand in different columns: a name and goods, or an amount."""
    words = text.split()
    keys = [part_key(word) for word in words]
    if not 1 < len(words) <= _MOST_PARTS or not any(SHORTEST <= len(key) <= LONGEST for key in keys):
        return []
    amounts = [amount_of(word)[0] for word in words]
    conditions = [
        _has_part(key) if amount is None else _has_part(key) | Q(amount=amount)
        for key, amount in zip(keys, amounts, strict=True)
    ]
    return [reduce(and_, conditions)]


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)
