"""Fill a database with payments, refunds and their timelines in SQL, under every constraint of the schema.

The same size always gives the same rows, up to their times. Import it with Django set up.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import JSONField, Model

from access.tokens.service import create_token
from payments.models import Payment
from payments.search_keys import part_key
from refunds.models import RefundEvent, RefundReason, RefundRecord, RefusalClass
from refunds.models.refund_numbers import NUMBER_ALPHABET, NUMBER_LENGTH

EVERY = 5  # every fifth payment has a refund: 200 per 1,000
OPEN_REFUNDS = 20  # in all, as old as the history is long
PEOPLE, TOKENS = 8, 3  # that ask for refunds
NAMESAKES = 40  # payments of buyers with this name
RARE_NAME = "독고영재"
SPAN_SECONDS = 365 * 86_400  # the payments are of one year

# Pay method, PG, and how many of 100 payments have them.
_METHODS = (
    ("card", "html5_inicis", 40),
    ("card", "tosspayments", 20),
    ("kakaopay", "kakaopay", 12),
    ("naverpay", "naverpay", 10),
    ("trans", "kcp", 8),
    ("vbank", "nice", 6),
    ("phone", "danal", 4),
)
_SURNAMES = "김이박최정강조윤장임한오서신권황안송전홍"
_SYLLABLES = "민서지현준우예은도하윤시주채수아진영재호"
_GOODS = ("티셔츠", "운동화", "커피 원두", "책 3권", "헤드폰", "화장품 세트", "배낭", "전기 주전자")


def fill(payments: int) -> None:
    """Insert so many payments, with their refunds, into the empty tables of this database."""
    rows = _Rows(payments, people=_people(), tokens=_tokens(), reasons=list(RefundReason.objects.all()))
    refunded = f"(SELECT id AS n, amount, cancel_amount FROM payments_payment WHERE id % {EVERY} = 0) AS payment"
    with connection.cursor() as cursor:
        with _indexes_built_afterwards(cursor, Payment, RefundRecord, RefundEvent):
            cursor.execute(_insert(Payment, rows.payment(), _numbers(payments)))
            cursor.execute(_insert(RefundRecord, rows.refund(), refunded))
            for event in (_REQUESTED, _ANSWERED):
                cursor.execute(_insert(RefundEvent, event, "refunds_refundrecord"))
        if connection.vendor == "postgresql":  # what autovacuum has done long before a table is this large
            cursor.execute("VACUUM ANALYZE")


def _people() -> list[int]:
    """Create the staff who ask for refunds."""
    return [User.objects.create_user(f"desk-{number}", is_staff=True).pk for number in range(1, PEOPLE + 1)]


def _tokens() -> list[int]:
    """Create the API tokens that ask for refunds."""
    user = User.objects.create_user("shop")
    return [create_token(user=user, name=f"shop {number}")[0].pk for number in range(1, TOKENS + 1)]


@contextmanager
def _indexes_built_afterwards(cursor: Any, *models: type[Model]) -> Iterator[None]:
    """Build PostgreSQL's indexes after the rows are there, exactly as they were: that takes half the time.

    Those of the constraints stay.
    """
    indexes: list[tuple[str, str]] = []
    if connection.vendor == "postgresql":
        tables = [model._meta.db_table for model in models]
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = ANY(%s) AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
            [tables],
        )
        indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _name, definition in indexes:
        cursor.execute(definition)


def _numbers(count: int) -> str:
    """Return a table with a column `n`: 1 to `count`."""
    rows = f"SELECT CAST(1 AS bigint) UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}"
    return f"(WITH RECURSIVE numbers(n) AS ({rows}) SELECT n FROM numbers) AS numbers"


def _insert(model: type[Model], values: Mapping[str, str], source: str) -> str:
    """Return the statement for one table: these columns as SQL, all others with the model's defaults."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = {field.column: values.get(field.attname) or _default(field) for field in fields}
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"


def _default(field: Any) -> str:
    default = field.get_default()
    if default is None:
        return "NULL"
    if isinstance(field, JSONField):
        return "'{}'"
    return f"'{default}'" if isinstance(default, str) else str(default).upper()


class _Rows:
    """The values of one size as SQL: each follows from the payment's number `n`."""

    def __init__(
        self, payments: int, people: Sequence[int], tokens: Sequence[int], reasons: Sequence[RefundReason]
    ) -> None:
        self.payments = payments
        self.people, self.tokens, self.reasons = people, tokens, reasons
        self.now = int(time.time())
        place = f"(n / {EVERY})"
        open_every = payments // EVERY // OPEN_REFUNDS
        self.is_open = f"{place} % {open_every} = 0"
        self.needs_review = f"{place} % {open_every * 4} = 0"
        self.is_refunded = f"n % {EVERY} = 0 AND {place} % 50 <> 7 AND {place} % {open_every} <> 0"
        self.paid = f"({self.now} - ({payments} - n) * {SPAN_SECONDS} / {payments})"
        # Up to a tenth of the payment's age later.
        self.asked = f"({self.paid} + ({self.now} - {self.paid}) * ({place} % 10 + 1) / 100)"
        self.is_whole = f"{place} % 2 = 1"

    def payment(self) -> dict[str, str]:
        amount = "(1000 * (1 + n * 7919 % 200))"
        buyer = f"(n * 7919 % {self.payments // 4})"
        is_rare = f"n % {self.payments // NAMESAKES} = 1"
        name, name_key = _name(buyer, is_rare, str), _name(buyer, is_rare, part_key)
        digits = f"CAST(10000000 + {buyer} * 104729 % 90000000 AS text)"
        tel = f"'010-' || substr({digits}, 1, 4) || '-' || substr({digits}, 5)"
        mail = f"'buyer' || {buyer} || '@example.com'"
        number, order = f"'imp_{self.payments}_' || (100000000 + n)", "'ORD-' || (100000000 + n)"
        goods, goods_key = _one_of(_GOODS, "n"), _one_of(tuple(map(part_key, _GOODS)), "n")
        line = "chr(10)" if connection.vendor == "postgresql" else "char(10)"
        paid, unpaid = _time(self.paid), "n % 100 IN (2, 11, 27, 36, 52, 61, 77)"
        return {
            "imp_uid": number,
            "merchant_uid": order,
            "order_key": f"lower({order})",
            "status": f"CASE WHEN {self.is_refunded} THEN 'cancelled' WHEN n % 100 IN (11, 36, 61) THEN 'ready'"
            f" WHEN {unpaid} THEN 'failed' ELSE 'paid' END",
            "amount": amount,
            "cancel_amount": f"CASE WHEN {self.is_refunded} THEN {self._whole_or_half(amount)} ELSE 0 END",
            "pay_method": _method(0),
            "pg_provider": _method(1),
            "pg_id": "'INIpayTest'",
            "pg_tid": f"'StdpayCARDINIpayTest' || {self.paid} || n",
            "sandbox": "n % 400 = 1",
            "name": goods,
            "buyer_name": name,
            "buyer_email": mail,
            "buyer_tel": tel,
            "search_key": f"lower({order}) || {line} || {number} || {line} || {name_key} || {line}"
            f" || {mail} || {line} || '010' || {digits} || {line} || {goods_key}",
            "paid_at": f"CASE WHEN {unpaid} THEN NULL ELSE {paid} END",
            "cancelled_at": f"CASE WHEN {self.is_refunded} THEN {_time(self.asked)} END",
            "receipt_url": "'https://iniweb.inicis.com/receipt?noTid=StdpayCARDINIpayTest' || n",
            "created_at": paid,
            "updated_at": paid,
        }

    def refund(self) -> dict[str, str]:
        asked, place = _time(self.asked), f"n / {EVERY}"
        settled = f"CASE WHEN {self.is_open} THEN NULL ELSE {asked} END"
        return {
            "payment_id": "n",
            "number": _refund_number(),
            "status": f"CASE WHEN {self.is_refunded} THEN 'succeeded' WHEN {self.is_open} THEN 'pending'"
            " ELSE 'failed' END",
            "source": _one_of(("admin", "api", "api", "command"), place),
            "requested_by_id": f"CASE WHEN {place} % 4 = 0 THEN {_one_of(self.people, _mixed(place))} END",
            "api_token_id": f"CASE WHEN {place} % 4 = 1 THEN {_one_of(self.tokens, _mixed(place))} END",
            "requested_by_name": "'storefront'",
            "reason_code": _one_of([reason.code for reason in self.reasons], _mixed(place)),
            "reason_name_ko": _one_of([reason.name_ko for reason in self.reasons], _mixed(place)),
            "reason_name_en": _one_of([reason.name_en for reason in self.reasons], _mixed(place)),
            "fault": _one_of([reason.fault for reason in self.reasons], _mixed(place)),
            "amount": self._whole_or_half("amount"),
            "checksum": "amount",
            "cancelled_amount": f"CASE WHEN {self.is_refunded} THEN cancel_amount END",
            "reason": "'단순 변심'",
            "cancellation_id": f"CASE WHEN {self.is_refunded} THEN 'cancel' || n ELSE '' END",
            "pg_tid": f"CASE WHEN {self.is_refunded} THEN 'StdpayCARDINIpayTest' || n ELSE '' END",
            "cancelled_at": f"CASE WHEN {self.is_refunded} THEN {asked} END",
            "refusal_class": f"CASE WHEN {self.is_refunded} OR {self.is_open} THEN ''"
            f" ELSE {_one_of(RefusalClass.values, _mixed(place))} END",
            "error_code": f"CASE WHEN {self.is_refunded} OR {self.is_open} THEN '' ELSE 'refused' END",
            "needs_review": self.needs_review,
            "requested_at": asked,
            "settled_at": settled,
        }

    def _whole_or_half(self, amount: str) -> str:
        return f"CASE WHEN {self.is_whole} THEN {amount} ELSE {amount} / 2 END"


_REQUESTED = {"refund_id": "id", "at": "requested_at", "status": "'requested'", "code": "'requested'"}
_ANSWERED = {
    "refund_id": "id",
    "at": "COALESCE(settled_at, requested_at)",
    "status": "status",
    "code": "CASE status WHEN 'failed' THEN 'refused' WHEN 'pending' THEN 'accepted' ELSE status END",
}


def _time(epoch: str) -> str:
    if connection.vendor == "postgresql":
        return f"to_timestamp({epoch})"
    return f"strftime('%Y-%m-%d %H:%M:%S', {epoch}, 'unixepoch')"


def _mixed(number: str) -> str:
    """Return a number that goes with no other: of all groups of refunds there are some on each day."""
    return f"({number} * 7919 / 64)"


def _one_of(values: Sequence[str] | Sequence[int], number: str) -> str:
    literals = [f"'{value}'" if isinstance(value, str) else str(value) for value in values]
    whens = " ".join(f"WHEN {place} THEN {literal}" for place, literal in enumerate(literals))
    return f"CASE ({number}) % {len(literals)} {whens} END"


def _name(buyer: str, is_rare: str, spell: Callable[[str], str]) -> str:
    """Return the buyer's name by the buyer's number."""
    surnames, syllables = tuple(map(spell, _SURNAMES)), tuple(map(spell, _SYLLABLES))
    parts = (_one_of(surnames, buyer), _one_of(syllables, f"{buyer} / 20"), _one_of(syllables, f"{buyer} / 400"))
    return f"CASE WHEN {is_rare} THEN '{spell(RARE_NAME)}' ELSE {' || '.join(parts)} END"


def _method(part: int) -> str:
    """Return the pay method (0) or the PG (1) by its share; 37 scatters them over the numbers."""
    whens, upto = [], 0
    for *names, share in _METHODS:
        upto += int(share)
        whens.append(f"WHEN n * 37 % 100 < {upto} THEN '{names[part]}'")
    return f"CASE {' '.join(whens)} END"


def _refund_number() -> str:
    """Return numbers that look random and never repeat: multiplied by a prime, in the alphabet's own base."""
    base = len(NUMBER_ALPHABET)
    scattered = f"(n * 2654435761 % {base**NUMBER_LENGTH})"
    digits = (
        f"substr('{NUMBER_ALPHABET}', CAST({scattered} / {base**place} % {base} AS int) + 1, 1)"
        for place in range(NUMBER_LENGTH)
    )
    return " || ".join(("'R'", *digits))
