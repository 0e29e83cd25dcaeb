"""Refunds that wait for a second person: what was requested, frozen, and what was decided.

The database itself keeps the rule of two persons: a check refuses an approval by the requester, and triggers refuse a
changed request, a second decision, and a refund that names no approval of its own (`migrations.0001_initial`).
"""

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from access.models import ApiToken
from core.encryption.fields import EncryptedTextField
from core.fields import AmountField
from core.money import KRW, format_money
from core.sentences import sentence_lazy as _
from core.sentences import unpacked
from payments import limits
from payments.models import Payment
from refunds.models.batches import RefundBatch
from refunds.models.reasons import WithFrozenReason
from refunds.models.refund_numbers import new_approval_number
from refunds.models.refund_states import RefundSource
from refunds.models.refunds import RefundRecord

MAX_DECISION_NOTE = 1000


class ApprovalStatus(models.TextChoices):
    """Waiting -> approved, rejected, expired or withdrawn; these four are final."""

    WAITING = "waiting", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    EXPIRED = "expired", _("Expired")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ApprovalRule(models.TextChoices):
    """The limit that a refund is above."""

    PER_REFUND = "per_refund", _("Amount of one refund")
    PER_DAY = "per_day", _("Total of one person and day")
    PER_BATCH = "per_batch", _("Total of one bulk refund")
    CURRENCY = "currency", _("Currency other than won")


class ClosedCode(models.TextChoices):
    """Why a request ended that nobody decided."""

    EXPIRED = "expired", _("Nobody decided in time.")
    BALANCE_CHANGED = "balance_changed", _("The refundable amount has changed since it was requested.")
    RULES_CHANGED = "rules_changed", _("The refund is no longer possible as it was requested.")
    REQUESTER_GONE = "requester_gone", _("The requester is no longer allowed to refund.")
    WITHDRAWN = "withdrawn", _("The requester withdrew it.")


class RefundApprovalQuerySet(models.QuerySet["RefundApproval"]):
    def waiting(self) -> Self:
        """Requests that nobody has decided."""
        return self.filter(status=ApprovalStatus.WAITING)

    def overdue(self, now: datetime) -> Self:
        """Waiting requests whose time is over."""
        return self.waiting().filter(expires_at__lte=now)

    def outdated(self) -> Self:
        """Waiting requests whose payment's balance has changed since, and of which no refund is open."""
        left = F("payment__amount") - F("payment__lapsed_discount") - F("payment__cancel_amount")
        still_open = RefundRecord.objects.live().filter(payment=OuterRef("payment"))
        return self.waiting().of_payments().exclude(balance=left).exclude(Exists(still_open))

    def of_payments(self) -> Self:
        """Requests of single refunds, not of bulk refunds."""
        return self.filter(payment__isnull=False)


class RefundApproval(WithFrozenReason):
    """One request for a refund above a limit, of a payment or of a whole batch, and its decision.

    `tax_free`, `vat_amount` and `retain_promotion` are what will be sent. `encrypted_account` has holder, bank, number
    and telephone as they were typed, and is erased with the decision. `totals` (by currency) and `orders` are a
    batch's; `amount`, `balance` and `currency` a payment's. Amounts in major units of the currency.
    """

    number = models.CharField(
        _("approval number"), max_length=16, unique=True, default=new_approval_number, editable=False
    )
    status = models.CharField(
        _("status"), max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.WAITING
    )
    payment = models.ForeignKey(
        Payment, verbose_name=_("payment"), null=True, blank=True, on_delete=models.PROTECT, related_name="approvals"
    )
    batch = models.ForeignKey(
        RefundBatch,
        verbose_name=_("bulk refund"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="approvals",
    )
    source = models.CharField(_("source"), max_length=10, choices=RefundSource.choices)
    requested_by = models.ForeignKey(  # null: the command line
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by (account)"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="requested_approvals",
    )
    requested_by_name = models.CharField(_("requested by"), max_length=200)
    api_token = models.ForeignKey(
        ApiToken, verbose_name=_("API token"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    rule = models.CharField(_("limit"), max_length=10, choices=ApprovalRule.choices)
    limit_amount = AmountField(_("amount of the limit"), default=Decimal(0))  # KRW; 0 where the rule has none

    amount = AmountField(_("amount"), null=True, blank=True)
    balance = AmountField(_("refundable when it was requested"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    totals = models.JSONField(_("totals"), default=dict, blank=True)
    orders = models.PositiveIntegerField(_("orders"), default=1)
    tax_free = AmountField(_("tax-free part"), null=True, blank=True)
    vat_amount = AmountField(_("VAT part"), null=True, blank=True)
    retain_promotion = models.BooleanField(_("promotion kept"), null=True)
    reason = models.CharField(_("reason"), max_length=limits.CANCEL_REASON, blank=True)
    requester = models.CharField(_("requester (Naver Pay)"), max_length=10, blank=True)
    encrypted_account = EncryptedTextField(blank=True, default="")
    refund_bank = models.CharField(_("bank"), max_length=3, blank=True, help_text=_("Standard bank code"))
    refund_account_last4 = models.CharField(_("account, last digits"), max_length=4, blank=True)
    confirmed = models.JSONField(default=list, blank=True)  # codes of warnings that the requester confirmed
    warnings = models.JSONField(default=list, blank=True)  # as the requester saw them, without the holder's name

    idempotency_key = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001 (null: not unique)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)

    requested_at = models.DateTimeField(_("requested at"))
    expires_at = models.DateTimeField(_("expires at"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by (account)"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="decided_approvals",
    )
    decided_by_name = models.CharField(_("decided by"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)  # of every end, also without a decision
    note = models.CharField(_("note of the decision"), max_length=MAX_DECISION_NOTE, blank=True)
    closed_code = models.CharField(_("ended because"), max_length=20, choices=ClosedCode.choices, blank=True)
    mailed_status = models.CharField(max_length=10, blank=True, editable=False)  # the latest that people were told
    mail_tried_at = models.DateTimeField(null=True, editable=False)  # when a process took it to tell them

    objects = RefundApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ("-requested_at", "-id")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-requested_at", "-id"], name="approval_newest"),
            models.Index(fields=["requested_at"], condition=Q(status="waiting"), name="approval_waiting"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(status__in=ApprovalStatus.values), name="approval_status_known"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, batch=None, amount__isnull=False, balance__isnull=False)
                & ~Q(currency="")
                | Q(payment=None, batch__isnull=False, amount=None, balance=None, currency=""),
                name="approval_of_payment_or_batch",
            ),
            models.CheckConstraint(condition=Q(amount=None) | Q(amount__gt=0), name="approval_amount_positive"),
            models.CheckConstraint(
                condition=Q(source="command", requested_by=None)
                | (~Q(source="command") & Q(requested_by__isnull=False)),
                name="approval_has_a_requester",
            ),
            models.CheckConstraint(
                condition=Q(requested_by=None) | Q(decided_by=None) | ~Q(requested_by=F("decided_by")),
                name="approval_by_second_person",
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", decided_by=None, decided_at=None)
                | Q(status__in=["approved", "rejected"], decided_by__isnull=False, decided_at__isnull=False)
                | Q(status__in=["expired", "withdrawn"], decided_by=None, decided_at__isnull=False),
                name="approval_decision_has_a_person",
            ),
            models.CheckConstraint(
                condition=(Q(status__in=["expired", "withdrawn"]) & ~Q(closed_code=""))
                | Q(status__in=["waiting", "approved", "rejected"], closed_code=""),
                name="approval_end_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(status="waiting") | Q(encrypted_account=""), name="approval_account_erased"
            ),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(status="waiting"), name="one_waiting_approval_per_payment"
            ),
            models.UniqueConstraint(
                fields=["batch"], condition=Q(status="waiting"), name="one_waiting_approval_per_batch"
            ),
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="approval_key_used_once",
            ),
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=Q(requested_by=None, idempotency_key__isnull=False),
                name="approval_command_key_used_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.number} ({self.shown_amount})"

    @property
    def is_waiting(self) -> bool:
        return self.status == ApprovalStatus.WAITING

    @property
    def refund_number(self) -> str | None:
        """Return the number of the refund that a payment's approved request made."""
        return next((refund.number for refund in self.refunds.all()), None) if self.pk else None

    @property
    def shown_amount(self) -> str:
        """Return the amount for people; a batch's totals, the won first."""
        if self.amount is not None:
            return format_money(self.amount, self.currency)
        ordered = sorted(self.totals, key=lambda currency: (currency != KRW, currency))
        return " + ".join(format_money(Decimal(self.totals[currency]), currency) for currency in ordered)

    @property
    def shown_warnings(self) -> list[dict[str, str]]:
        """Return the warnings with their messages in the active language."""
        return [{**warning, "message": unpacked(warning["message"])} for warning in self.warnings]
