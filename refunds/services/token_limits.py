"""Enforce the limits of an API token, inside the reservation's transaction."""

from datetime import datetime
from decimal import Decimal

from django.db import connection

from access.models import ApiToken
from core.dates import parse_moment, seoul_date
from core.money import format_money
from payments.models import Payment
from refunds.models import RefundRecord
from refunds.token_errors import TokenAmountLimit, TokenCurrency, TokenDailyLimit, TokenEnded

# Plain SQL: the ORM takes longer to compile this than the database to answer.
_VALID = """SELECT 1 FROM access_apitoken t JOIN auth_user u ON u.id = t.user_id
WHERE t.id = %s AND t.revoked_at IS NULL AND u.is_active"""


def check_token(token: ApiToken, now: datetime) -> None:
    """Check that the token still counts; lock it if it has a limit, so that two refunds at once cannot both fit.

    Refunds with a token without a limit do not wait for each other. A token's limits never change. Raises
    `TokenEnded` if it was revoked or expired, or its user was deactivated, since the request arrived.
    """
    if not (_is_valid(token) and token.is_usable(now)):
        raise TokenEnded


def _is_valid(token: ApiToken) -> bool:
    # FOR NO KEY UPDATE: inserts of other refunds hold a key-share lock on the token meanwhile.
    must_lock = token.has_limit and connection.features.has_select_for_update
    with connection.cursor() as cursor:
        cursor.execute(f"{_VALID} FOR NO KEY UPDATE OF t" if must_lock else _VALID, [token.pk])
        return cursor.fetchone() is not None


def ensure_within_limits(record: RefundRecord, token: ApiToken) -> None:
    """Raise `TokenCurrency`, `TokenAmountLimit` or `TokenDailyLimit` if this new record is too much for the token.

    The token must be locked and the record saved, so that two at once cannot both fit.
    """
    ensure_amount_allowed(record.payment, record.amount, token)
    if token.max_per_day is None:
        return
    currency = record.payment.currency
    left = token.max_per_day - used_on_day(token, record.requested_at) + record.amount
    if record.amount > left:
        shown = format_money(max(left, Decimal(0)), currency)
        amount = format_money(record.amount, currency)
        raise TokenDailyLimit(amount, format_money(token.max_per_day, currency), shown)


def ensure_amount_allowed(payment: Payment, amount: Decimal, token: ApiToken) -> None:
    """Raise `TokenCurrency` or `TokenAmountLimit` if the token may not refund this amount at once."""
    if not token.has_limit:
        return
    currency = payment.currency
    if currency != token.limit_currency:
        raise TokenCurrency(token.limit_currency)
    if token.max_amount is not None and amount > token.max_amount:
        raise TokenAmountLimit(format_money(amount, currency), format_money(token.max_amount, currency))


def used_on_day(token: ApiToken, moment: datetime) -> Decimal:
    """Return what the token has refunded, or is refunding, so far on the day of this moment in Korea."""
    midnight = parse_moment(seoul_date(moment))
    records = RefundRecord.objects.real().filter(api_token=token, requested_at__gte=midnight)
    return records.taking().taken_total()
