"""Keep our copy of a payment equal to i'mport."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

from django.db import InterfaceError, OperationalError, transaction

from core.database.locks import for_update
from core.database.rows import rows_of
from payments.gateway import GatewayError, GatewayPayment
from payments.models import Payment
from payments.search_keys import KeyField
from payments.signals import payment_read

logger = logging.getLogger(__name__)

# Fields that only i'mport sets. Not cancel_amount, which the refund ledger sets, and not status (see apply_reading).
MIRRORED_FIELDS = tuple(
    field.name
    for field in fields(GatewayPayment)
    if field.name not in {"imp_uid", "status", "cancel_amount", "cancel_history", "read_at"}
)
_FIELDS = Payment._meta.concrete_fields  # noqa: SLF001 - Django documents it
_COLUMNS = tuple(field.attname for field in _FIELDS)
# Written with the columns that they are computed from.
_KEYS = {field.attname: field.sources for field in _FIELDS if isinstance(field, KeyField)}


def apply_reading(payment: Payment, shown: GatewayPayment) -> None:
    """Copy i'mport's values onto the (locked) row; the caller books the cancels and saves.

    An older reading must not set the status back: the status counts only if the reading has every cancel we know of.
    """
    for name in MIRRORED_FIELDS:
        setattr(payment, name, getattr(shown, name))
    if shown.cancel_amount >= payment.cancel_amount:
        payment.status = shown.status


@contextmanager
def locked_reading(shown: GatewayPayment) -> Iterator[Payment]:
    """Lock the payment's row, copy i'mport's values onto it, and save what changed after the block booked its cancels.

    Creates the row if it is missing. Runs inside the caller's transaction.
    """
    found = _locked(shown.imp_uid)
    if not found:
        Payment.objects.bulk_create([new_payment(shown)], ignore_conflicts=True)
        found = _locked(shown.imp_uid)
    (payment,) = found
    before = [getattr(payment, column) for column in _COLUMNS]
    apply_reading(payment, shown)
    yield payment
    changed = [column for column, value in zip(_COLUMNS, before, strict=True) if getattr(payment, column) != value]
    keys = [key for key, sources in _KEYS.items() if not set(sources).isdisjoint(changed)]
    payment.save(update_fields=[*changed, *keys, "updated_at"])


def _locked(imp_uid: str) -> list[Payment]:
    sql = f"SELECT * FROM payments_payment WHERE imp_uid = %s {for_update()}"  # noqa: S608 - no input
    return rows_of(Payment, sql, [imp_uid])


def mirror_payment(shown: GatewayPayment) -> Payment:
    """Make our row equal to i'mport's, create it if needed, and have its cancels booked.

    Runs one short transaction. Safe to repeat, to run twice at once and beside a live refund.
    """
    with transaction.atomic(), locked_reading(shown) as payment:
        payment_read.send(Payment, payment=payment, gateway_payment=shown)
    return payment


class CannotBeBooked(Exception):
    """i'mport's values of one payment violate a rule of ours; the log says which."""


@contextmanager
def one_of_many(imp_uid: str) -> Iterator[None]:
    """Log an error of this payment and raise `CannotBeBooked` instead, so that the caller goes on with the others.

    Errors that concern every payment pass: i'mport cannot be read, or the database is gone.
    """
    try:
        yield
    except (GatewayError, InterfaceError, OperationalError):
        raise
    except Exception as exc:
        logger.exception("%s: what i'mport shows could not be booked", imp_uid)
        raise CannotBeBooked(imp_uid) from exc


def new_payment(shown: GatewayPayment) -> Payment:
    """Return an unsaved row with nothing refunded: the refund ledger books each cancel."""
    payment = Payment(imp_uid=shown.imp_uid)
    apply_reading(payment, shown)
    return payment
