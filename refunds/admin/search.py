"""Search refunds by number or amount, or by what their order is found by."""

from collections.abc import Iterator
from functools import partial

from django.db.models import Q, QuerySet

from payments.admin.search import amount_of, by_number, by_part, numbers_of, search_rows, some_keys, words_of
from payments.models import Payment
from payments.search_keys import text_key
from refunds.models import REFUND_NUMBER, RefundRecord

_FEW = 5_000  # payments whose refunds are looked up by the payments' keys


def search_refunds(refunds: QuerySet[RefundRecord], text: str, *, newest: bool = False) -> QuerySet[RefundRecord]:
    """Return the refunds that match `text`; with `newest`, of very many only the newest, which takes no time."""
    wanted = text.strip()
    if not wanted or "\x00" in wanted:
        return refunds.none() if wanted else refunds
    return search_rows(refunds, wanted, _by_number(wanted), partial(_by_part, wanted), newest=newest)


def known_numbers(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the keys of the refunds whose numbers, or whose payments' numbers, a pasted list has."""
    if numbers_of(text):
        names = ("number", "payment__order_key", "payment__imp_uid")
        for condition in _by_number(text):
            yield from RefundRecord.objects.filter(condition).order_by().values_list(*names)


def _by_number(text: str) -> list[Q]:
    own = {word for word in words_of(text_key(text).upper()) if REFUND_NUMBER.fullmatch(word)}
    return [Q(number__in=own), *map(_of_payments, by_number(text))]


def _by_part(text: str) -> list[Q]:
    """Return the conditions of refunds of this amount or beginning of a number, or of a payment with this part."""
    key = text_key(text).upper()
    amount, is_sure = amount_of(text)
    wanted = [] if amount is None else [Q(amount=amount)]
    if not is_sure and key.isascii() and key.isalnum():
        wanted.append(Q(number__startswith=key))
    return [*wanted, *(_of_payments(part) for part in by_part(text) if part != Q(amount=amount))]


def _of_payments(condition: Q) -> Q:
    """Return the condition of refunds of such payments: their keys if they are few, which any database does well."""
    keys = some_keys(Payment.objects.all(), condition, _FEW)
    return Q(payment__in=keys if len(keys) < _FEW else Payment.objects.filter(condition).order_by())
