"""Step 1 of a refund: check the rules against fresh numbers and commit a `requested` record before any call."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core import clock
from core.database.locks import for_update
from core.database.rows import rows_of
from core.money import quantize
from payments.gateway import Balance, CancelRequest
from payments.models import Payment
from refunds import policies
from refunds.errors import (
    ApprovalWaiting,
    AwaitingApproval,
    ConfirmationRequired,
    PolicyViolated,
    RefundInProgress,
    Violation,
)
from refunds.inputs import Actor, RefundRequest
from refunds.ledger import add_event, wire_reason
from refunds.models import FrozenReason, RefundApproval, RefundRecord, RefundSource
from refunds.permissions import acts_for_shop, is_buyer
from refunds.policies import RefundContext, WireAccount
from refunds.services.account_holder import unnamed
from refunds.services.approval_limits import ApprovalNeed, approval_need
from refunds.services.approval_requests import ensure_none_waiting, request_approval
from refunds.services.bank_accounts import store_account
from refunds.services.buyer_limits import ensure_few_open, ensure_not_failed_too_often
from refunds.services.context import BalanceReading, context_of, needs_balance
from refunds.services.idempotency import fingerprint
from refunds.services.reasons import choose_reason
from refunds.services.token_limits import check_token, ensure_amount_allowed, ensure_within_limits


@dataclass(frozen=True, slots=True)
class Asked:
    """A refund that somebody asks for: `find` reads its payment with `lock_payments`; `key` makes repeats safe.

    `approval` is its own or that of its whole batch: no limit counts then.
    """

    find: Callable[[], Payment]
    request: RefundRequest
    actor: Actor
    source: RefundSource
    key: str | None
    approval: RefundApproval | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A refund that passed the rules: what its record and its call to i'mport are made of.

    `tax_free` and `vat_amount` are in major units of the payment's currency; None = not sent.
    """

    context: RefundContext
    account: WireAccount
    reason: FrozenReason | None
    tax_free: Decimal | None
    vat_amount: Decimal | None
    warnings: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """What i'mport was asked before the reservation, outside of a transaction; None: not asked.

    `balance` is what is left tax-free. `about_account` is what the bank says about the refund account.
    """

    balance: BalanceReading | None = None
    about_account: tuple[Violation, ...] | None = None


class Unread(Exception):
    """The refund depends on what i'mport says, which has to be read first. Nothing was written."""


class BalanceUnread(Unread):
    """The rules ask for the payment's balance at i'mport."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(payment.imp_uid)
        self.payment = payment


class HolderUnread(Unread):
    """The bank has not been asked yet whose account this is."""

    def __init__(self, account: WireAccount, *, names_holder: bool) -> None:
        super().__init__()
        self.account, self.names_holder = account, names_holder


def lock_payments(column: str, value: object, *, owner: User | None = None) -> list[Payment]:
    """Lock and return the payments with this value, of this `owner` alone if one is given, for a reservation.

    On PostgreSQL each has the database's time in `clock`. A wait for the lock makes it too early, so that the lease
    ends earlier.
    """
    of_owner, params = ("AND user_id = %s", [value, owner.pk]) if owner else ("", [value])
    columns, rest = f"*{clock.clock_column()}", f"{of_owner} {for_update()}"
    sql = f"SELECT {columns} FROM payments_payment WHERE {column} = %s {rest}"  # noqa: S608 - `column` is no input
    return rows_of(Payment, sql, params)


def reserve(
    asked: Asked, *, readings: Readings, find_earlier: Callable[[], RefundRecord | None]
) -> tuple[RefundRecord, CancelRequest | None]:
    """Commit a `requested` record and return it with the call to make.

    The balance in `readings` counts only if nothing was refunded since.

    If another request with the same key came first, return its record (from `find_earlier`) and no call. Raises
    `AwaitingApproval` if the refund is above a limit: then its request for approval is committed instead. Raises
    `Unread`, `PolicyViolated`, `ConfirmationRequired`, `TooManyFailed`, `Busy`, `RefundInProgress`, `ApprovalWaiting`,
    `IdempotencyConflict`, `TokenRefused`, and what `asked.find` and `find_earlier` raise; then nothing was written.
    """
    try:
        with transaction.atomic(durable=True):
            reservation = _checked(asked, readings)
            need = _need(reservation, asked)
            # No constraint keeps a key from making a refund and then a request.
            if need and (earlier := find_earlier()) is not None:
                return earlier, None
            approval = _request_approval(need, reservation, asked, readings) if need else None
            record = new_record(reservation, asked)
            if not is_buyer(asked.actor.user):  # the sentences address the shop's staff
                record.warnings = reservation.warnings + unnamed(readings.about_account or ())
            if approval is None:
                insert_record(record, reservation, asked.actor)
    except (IntegrityError, PolicyViolated, ApprovalWaiting) as exc:
        # Another refund came first. If it was this key's own, its outcome is the answer, not what it left behind.
        if (earlier := find_earlier()) is not None:
            return earlier, None
        if isinstance(exc, IntegrityError) and _is_live_conflict(exc):
            raise RefundInProgress from exc
        raise
    if approval is not None:
        raise AwaitingApproval(approval, is_new=True)
    return record, cancel_request_of(record, reservation)


def _checked(asked: Asked, readings: Readings) -> Reservation:
    """Lock the payment, and check all that forbids the refund or asks for something first."""
    payment = asked.find()
    if not is_buyer(asked.actor.user):  # a buyer's refund ends the request: the balance changes
        ensure_none_waiting(payment)
    balance = _balance(payment, readings.balance)
    context = context_of(payment, asked.request, balance, by_shop=acts_for_shop(asked.actor))
    reservation = _reservation(context, asked.actor)
    _ensure_confirmed(reservation, readings.about_account)
    return reservation


def _need(reservation: Reservation, asked: Asked) -> ApprovalNeed | None:
    """Return why a second person has to approve the refund, unless somebody approved its whole batch."""
    if asked.approval is not None:
        return None
    context = reservation.context
    return approval_need(payment=context.payment, amount=context.amount, actor=asked.actor, now=context.now, lock=True)


def _request_approval(need: ApprovalNeed, reservation: Reservation, asked: Asked, readings: Readings) -> RefundApproval:
    """Insert the request instead of a record. Raises `RefundInProgress` or `TokenRefused`."""
    context, actor = reservation.context, asked.actor
    payment = context.payment
    if payment.refunds.live().exists():
        raise RefundInProgress
    if actor.token is not None:
        check_token(actor.token, context.now)
        ensure_amount_allowed(payment, context.amount, actor.token)
    return request_approval(
        need=need,
        context=context,
        account=reservation.account,
        reason=reservation.reason,
        warnings=reservation.warnings + unnamed(readings.about_account or ()),
        actor=actor,
        source=asked.source,
        idempotency_key=asked.key,
        fingerprint=fingerprint(payment, asked.request) if asked.key else "",
        at=getattr(payment, "clock", None) or clock.database_now(),
    )


def _balance(payment: Payment, reading: BalanceReading | None) -> Balance | None:
    """Raise `BalanceUnread` if the rules ask for it and it was not read."""
    if reading is None and needs_balance(payment):
        raise BalanceUnread(payment)
    counts = reading is not None and reading.cancel_amount == payment.cancel_amount
    return reading.balance if reading is not None and counts else None


def _ensure_confirmed(reservation: Reservation, about_account: tuple[Violation, ...] | None) -> None:
    """Raise `ConfirmationRequired` if the money may reach a stranger, and the request does not confirm that."""
    context = reservation.context
    if about_account is None and reservation.account.account:
        raise HolderUnread(reservation.account, names_holder=context.by_shop)
    unconfirmed = tuple(found for found in about_account or () if found.code not in context.request.confirmed)
    if unconfirmed:
        raise ConfirmationRequired(unconfirmed)


def _reservation(context: RefundContext, actor: Actor) -> Reservation:
    """Raise `PolicyViolated` if a rule forbids the refund."""
    verdict = policies.check(context)
    chosen = choose_reason(request=context.request, payment=context.payment, user=actor.user)
    if problems := verdict.violations + chosen.problems:
        raise PolicyViolated(problems)
    return Reservation(
        context=context,
        account=policies.wire_account(context),
        reason=chosen.reason,
        tax_free=policies.effective_tax_free(context),
        vat_amount=policies.effective_vat(context),
        warnings=verdict.warnings,
    )


def new_record(reservation: Reservation, asked: Asked) -> RefundRecord:
    context, account, actor = reservation.context, reservation.account, asked.actor
    record = RefundRecord(
        payment=context.payment,
        source=asked.source,
        idempotency_key=asked.key or None,
        fingerprint=fingerprint(context.payment, asked.request) if asked.key else "",
        requested_by=actor.user,
        requested_by_name=actor.name[:200],
        api_token=actor.token,
        approval=asked.approval,
        amount=context.amount,
        checksum=context.payment.refundable_amount,
        tax_free=reservation.tax_free,
        vat_amount=reservation.vat_amount,
        retain_promotion=policies.effective_retain(context),
        reason=context.request.reason,
        requester=context.request.requester if policies.needs_requester(context.payment) else "",
        refund_bank=account.standard_bank,
        refund_account_last4=account.account[-4:],
        requested_at=getattr(context.payment, "clock", None) or clock.database_now(),  # the lease begins
    )
    record.frozen_reason = reservation.reason
    return record


def insert_record(record: RefundRecord, reservation: Reservation, actor: Actor) -> None:
    """Insert the record with all that belongs to it.

    Raises `TooManyFailed`, `Busy` or `TokenRefused`; the transaction is rolled back then.
    """
    now = reservation.context.now
    if actor.token is not None:
        check_token(actor.token, now)
    # First: that this is a repeat, or that another refund is open, says more than a limit that is used up.
    record.save(force_insert=True)
    if actor.user is not None and is_buyer(actor.user):
        ensure_not_failed_too_often(record)
        ensure_few_open(actor.user)
    if actor.token is not None:
        ensure_within_limits(record, actor.token)
    store_account(record, reservation.account)
    amounts = {"amount": str(record.amount), "checksum": str(record.checksum)}
    add_event(record, code="requested", now=now, actor=record.requested_by_name, data=amounts)


def _is_live_conflict(exc: IntegrityError) -> bool:
    """Return whether the constraint "one live refund per payment" refused the record.

    Looking for the live refund instead would miss one that has ended in between. PostgreSQL names the
    constraint, SQLite only its column.
    """
    return "one_live_refund_per_payment" in str(exc) or str(exc).endswith("refunds_refundrecord.payment_id")


def cancel_request_of(record: RefundRecord, reservation: Reservation) -> CancelRequest:
    account = reservation.account
    return CancelRequest(
        imp_uid=record.payment.imp_uid,
        amount=quantize(record.amount, record.payment.currency),
        checksum=quantize(record.checksum, record.payment.currency),
        reason=wire_reason(record),
        refund_holder=account.holder,
        refund_bank=account.bank,
        refund_account=account.account,
        refund_tel=account.tel,
        tax_free=reservation.tax_free,
        vat_amount=reservation.vat_amount,
        requester=reservation.context.request.requester if record.requester else None,
        retain_promotion=record.retain_promotion,
    )
