"""Refund records."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from access.models import ApiToken
from core.fields import AmountField, MessageField
from core.money import format_money
from payments import limits
from payments.models import Payment
from refunds.models.reasons import WithFrozenReason
from refunds.models.refund_constraints import CONSTRAINTS
from refunds.models.refund_numbers import new_refund_number
from refunds.models.refund_states import FINAL_STATUSES, LIVE_STATUSES, RefundSource, RefundStatus
from refunds.models.refusals import RefusalClass

# Add up what i'mport refunded or, until it says so, what was requested; minus reversals.
TAKEN_TOTAL = Sum(
    Coalesce("late_record__cancelled_amount", "cancelled_amount", "amount")
    - F("reversed_amount")
    - Coalesce("late_record__reversed_amount", Value(Decimal(0)))
)


def _between(name: str, start: datetime | None, end: datetime | None) -> Q:
    """Return the condition of a time in [start, end); None is no limit."""
    bounds = {f"{name}__gte": start, f"{name}__lt": end}
    return Q(**{lookup: bound for lookup, bound in bounds.items() if bound is not None})


class RefundRecordQuerySet(models.QuerySet["RefundRecord"]):
    def live(self) -> Self:
        """Refunds whose outcome is still open; at most one per payment."""
        return self.filter(status__in=LIVE_STATUSES)

    def ended(self) -> Self:
        """Refunds that succeeded or failed."""
        return self.filter(status__in=FINAL_STATUSES)

    def counting(self) -> Self:
        """Refunds that took money, or may still take it: all but the failed ones."""
        return self.exclude(status=RefundStatus.FAILED)

    def taking(self) -> Self:
        """Refunds whose money left, or may have left, whatever record shows it: also those executed late."""
        return self.filter(~Q(status=RefundStatus.FAILED) | Q(late_record__isnull=False))

    def real(self) -> Self:
        """Refunds of real money: not those of test payments."""
        return self.filter(payment__sandbox=False)

    def needing_review(self) -> Self:
        """Refunds that a member of staff has to look at."""
        return self.filter(needs_review=True)

    def unresolved(self, now: datetime) -> Self:
        """Refunds that are unknown or pending, or requested so long ago that their process must be gone."""
        lease_began = now - timedelta(seconds=settings.REFUND_LEASE_SECONDS)
        return self.live().filter(~Q(status=RefundStatus.REQUESTED) | Q(requested_at__lt=lease_began))

    def due(self, now: datetime) -> Self:
        """Unresolved refunds whose next comparison with i'mport is due."""
        return self.unresolved(now).filter(Q(next_check_at=None) | Q(next_check_at__lte=now))

    def taken_total(self) -> Decimal:
        """The sum of what these refunds take, in major units; they must be of one currency."""
        total: Decimal | None = self.aggregate(total=TAKEN_TOTAL)["total"]
        return total or Decimal(0)

    def open_first(self) -> Self:
        """Order by: the open refund first, then the newest."""
        return self.alias(is_open=Q(status__in=LIVE_STATUSES)).order_by("-is_open", "-requested_at", "-id")

    def succeeded(self) -> Self:
        return self.filter(status=RefundStatus.SUCCEEDED)

    def refunded_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Refunds that i'mport executed in [start, end); None is no limit. Of some it shows no time: then ours."""
        executed, booked = _between("cancelled_at", start, end), _between("settled_at", start, end)
        return self.succeeded().filter(executed | Q(cancelled_at=None) & booked) if start or end else self

    def failed_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Refunds that failed in [start, end); None is no limit."""
        return self.filter(_between("settled_at", start, end), status=RefundStatus.FAILED)


class RefundRecord(WithFrozenReason):
    """One refund. Created as `requested` before anything is sent; ends as `succeeded` or `failed` and stays so.

    `amount` is what was requested, `cancelled_amount` what i'mport refunded (null until then), `reversed_amount` the
    part of it that was taken back; major units of the payment's currency. `RefundAccount` has the full account number.
    """

    warnings: tuple[Any, ...] = ()  # violations, for the answer to the request that made this refund; not stored
    payment = models.ForeignKey(Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="refunds")
    number = models.CharField(_("refund number"), max_length=16, unique=True, default=new_refund_number, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=RefundStatus.choices, default=RefundStatus.REQUESTED)
    source = models.CharField(_("source"), max_length=10, choices=RefundSource.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by (account)"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds",
    )
    requested_by_name = models.CharField(_("requested by"), max_length=200, blank=True)
    api_token = models.ForeignKey(
        ApiToken,
        verbose_name=_("API token"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds",
        db_index=False,  # refund_by_token serves
    )

    amount = AmountField(_("requested amount"))
    checksum = AmountField(_("refundable before this refund"))
    cancelled_amount = AmountField(_("refunded amount"), null=True, blank=True)
    reversed_amount = AmountField(
        _("reversed amount"),
        default=Decimal(0),
        db_default=Decimal(0),
        editable=False,
    )
    tax_free = AmountField(_("tax-free part"), null=True, blank=True)
    vat_amount = AmountField(_("VAT part"), null=True, blank=True)
    retain_promotion = models.BooleanField(_("promotion kept"), null=True)  # null: not known, or no promotion
    reason = models.CharField(_("reason"), max_length=limits.CANCEL_REASON, blank=True)
    requester = models.CharField(_("requester (Naver Pay)"), max_length=10, blank=True)

    refund_bank = models.CharField(_("bank"), max_length=3, blank=True, help_text=_("Standard bank code"))
    refund_account_last4 = models.CharField(_("account, last digits"), max_length=4, blank=True)

    cancellation_id = models.CharField(_("cancellation number"), max_length=limits.CANCELLATION_ID, blank=True)
    pg_tid = models.CharField(_("PG transaction"), max_length=limits.TEXTS["pg_tid"], blank=True)
    receipt_url = models.CharField(_("receipt"), max_length=limits.URL, blank=True)
    cancelled_at = models.DateTimeField(_("refunded at"), null=True, blank=True)

    # When the money usually arrives, at the latest; null where nobody says. Never a promise.
    expected_by = models.DateField(_("usually arrives by"), null=True, blank=True)
    # Set while the buyer says that the money has not arrived; the timeline has by whom.
    not_received_at = models.DateTimeField(_("not received by the buyer"), null=True, blank=True)

    # Of a cancel found at i'mport: our refund that had been given up as not executed, and was executed after all.
    late_for = models.OneToOneField(
        "self",
        verbose_name=_("refund executed late"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="late_record",
    )

    # Null: below the limits, or exempt. The refunds of an approved batch share its approval.
    approval = models.ForeignKey(
        "refunds.RefundApproval",
        verbose_name=_("approval"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="refunds",
        db_index=False,  # refund_by_approval serves
    )

    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    refusal_class = models.CharField(_("refusal"), max_length=20, choices=RefusalClass.choices, blank=True)
    refusal_step = models.CharField(_("next step"), max_length=20, blank=True)  # a key of messages.NEXT_STEPS
    message = MessageField(_("message"), blank=True)
    needs_review = models.BooleanField(_("needs review"), default=False)
    checks = models.PositiveIntegerField(_("automatic comparisons"), default=0)
    next_check_at = models.DateTimeField(_("next comparison"), null=True, blank=True)  # null: at once

    idempotency_key = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001 (null: not unique)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)

    requested_at = models.DateTimeField(_("requested at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    objects = RefundRecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ("-requested_at", "-id")
        permissions = (
            ("refund_payment", _("Can refund payments")),
            ("approve_refund", _("Can approve refunds of others")),
            ("resolve_refund", _("Can close refunds that need review")),
            ("view_account", _("Can view full refund accounts")),
            ("accept_reversal", _("Can accept refund reversals")),
        )
        indexes = (
            models.Index(fields=["-requested_at", "-id"], name="refund_newest"),
            models.Index(
                fields=["requested_at"],
                condition=Q(status__in=["requested", "pending", "unknown"]),
                name="refund_unresolved",
            ),
            models.Index(fields=["requested_at"], condition=Q(needs_review=True), name="refund_needs_review"),
            models.Index(fields=["cancelled_at"], name="refund_done"),
            models.Index(fields=["settled_at"], name="refund_settled"),
            models.Index(
                fields=["not_received_at"], condition=Q(not_received_at__isnull=False), name="refund_not_received"
            ),
            models.Index(fields=["amount"], name="refund_by_amount"),
            models.Index(
                fields=["reason_code", "-requested_at"], condition=~Q(reason_code=""), name="refund_by_reason"
            ),
            models.Index(fields=["approval"], condition=Q(approval__isnull=False), name="refund_by_approval"),
            models.Index(
                fields=["api_token", "requested_at"], condition=Q(api_token__isnull=False), name="refund_by_token"
            ),
        )
        constraints = CONSTRAINTS

    def __str__(self) -> str:
        return f"{self.number} ({format_money(self.amount, self.payment.currency)})"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_STATUSES

    @property
    def executed_late(self) -> "RefundRecord | None":
        """Return the record of this refund's cancel, if it failed and i'mport executed it after all."""
        return None if self._state.adding else getattr(self, "late_record", None)

    @property
    def told_reason(self) -> str:
        """Return the reason that goes to i'mport: the free text, else the Korean name of the chosen reason."""
        return self.reason or self.reason_name_ko

    @property
    def shown_reason(self) -> str:
        """Return the reason that people read: the free text, else the chosen reason's name in their language."""
        return self.reason or self.reason_name

    @property
    def booked_amount(self) -> Decimal:
        """Return the amount that i'mport refunded for this record; 0 until i'mport shows it."""
        return self.cancelled_amount or Decimal(0)

    @property
    def net_amount(self) -> Decimal:
        """Return the amount this record takes out of the payment's balance: what was refunded and not reversed."""
        return self.booked_amount - self.reversed_amount

    @property
    def shown_amount(self) -> Decimal:
        """Return the amount to show: the amount refunded, or the amount requested until then."""
        return self.amount if self.cancelled_amount is None else self.cancelled_amount
