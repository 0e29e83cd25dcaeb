"""Bulk refunds: a batch, its orders as they were previewed, what became of each, and the batch's timeline."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.encryption.fields import EncryptedTextField
from core.fields import AmountField, MessageField
from core.sentences import unpacked
from payments.models import Payment
from refunds.models.append_only import AppendOnlyModel
from refunds.models.reasons import WithFrozenReason
from refunds.models.refund_states import RefundSource
from refunds.models.refunds import RefundRecord


class BatchStatus(models.TextChoices):
    """Draft -> checked -> running <-> paused -> done; cancelled from any of the first four.

    Above a limit, a checked one is awaiting until a second person approves it: then it runs, else it is checked again.
    """

    DRAFT = "draft", _("Not checked yet")
    CHECKED = "checked", _("Ready to start")
    AWAITING = "awaiting", _("Waiting for approval")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    DONE = "done", _("Finished")
    CANCELLED = "cancelled", _("Stopped")


STARTED = (BatchStatus.RUNNING, BatchStatus.PAUSED)
OPEN_STATUSES = (BatchStatus.DRAFT, BatchStatus.CHECKED, *STARTED)


class BatchOrigin(models.TextChoices):
    """Where the orders of a batch come from."""

    SELECTION = "selection", _("Selected payments")
    FILTER = "filter", _("All payments of a filter")
    FILE = "file", _("File or pasted table")
    RETRY = "retry", _("Refused orders of another bulk refund")


class RefundBatch(WithFrozenReason):
    """One bulk refund, of 1 order or of thousands. Its token is part of its address and of its orders' keys.

    `requested_by` made the batch, and after the start, started it: its refunds are theirs.
    """

    token = models.UUIDField(_("token"), unique=True)
    status = models.CharField(_("status"), max_length=10, choices=BatchStatus.choices, default=BatchStatus.DRAFT)
    origin = models.CharField(_("origin"), max_length=10, choices=BatchOrigin.choices, default=BatchOrigin.SELECTION)
    title = models.CharField(_("name"), max_length=255, blank=True)  # the file's name, or the filter in words
    source = models.CharField(_("entry point"), max_length=10, choices=RefundSource.choices, default=RefundSource.ADMIN)
    requested_by = models.ForeignKey(  # null: the command line
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    requested_by_name = models.CharField(_("requested by"), max_length=200, blank=True)
    reason = models.CharField(_("reason"), max_length=255, blank=True)  # of the orders that have none of their own
    language = models.CharField(max_length=20, blank=True)  # of the requester: the worker writes its messages in it
    file_hash = models.CharField(max_length=64, blank=True, editable=False)  # SHA-256 of what was uploaded or pasted
    all_or_nothing = models.BooleanField(_("all or nothing"), default=False)  # problems must be mended before the start
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="retries")
    pause_code = models.CharField(max_length=40, blank=True)  # why it is paused, a stable word
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    active_at = models.DateTimeField(null=True, editable=False)  # last sign of life of any process that refunds it
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, editable=False)  # the latest change that the requester was told
    mail_tried_at = models.DateTimeField(null=True, editable=False)  # when a process took it to tell them

    class Meta:
        verbose_name = _("bulk refund")
        verbose_name_plural = _("bulk refunds")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["id"], condition=Q(status__in=("running", "paused")), name="started_batches"),
            models.Index(fields=["status", "-id"], name="batches_by_status"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(status__in=BatchStatus.values), name="batch_status_known"),
            models.CheckConstraint(
                condition=Q(started_at__isnull=False) | Q(status__in=("draft", "checked", "awaiting", "cancelled")),
                name="batch_running_was_started",
            ),
            models.CheckConstraint(condition=Q(pause_code="") | Q(status="paused"), name="batch_pause_has_a_reason"),
            # The same file again leads to its batch, unless that was cancelled.
            models.UniqueConstraint(
                fields=["file_hash"], condition=~Q(file_hash="") & ~Q(status="cancelled"), name="file_read_once"
            ),
            models.UniqueConstraint(fields=["retry_of"], condition=~Q(status="cancelled"), name="batch_retried_once"),
        )

    def __str__(self) -> str:
        return self.title or str(self.token)


class RefundBatchItem(WithFrozenReason):
    """One order of a batch: what is requested, then the refund record or the error that prevented one.

    `excluded` orders are not refunded: the check found a problem (`error_code`), or the requester left them out. The
    others are frozen at the check: a payment whose balance is not `expected_balance` any more is skipped.

    Holder, bank, number and telephone of a bank account lie encrypted in `encrypted_account` until the outcome is
    written; the same UPDATE erases them. The start erases those of excluded orders: until then, another check may
    solve their problem. `encrypted_row` is a sheet's row as it was typed, for the download of rows with a problem. The
    start erases the others; these are erased some days after the end of the batch.
    """

    batch = models.ForeignKey(RefundBatch, on_delete=models.CASCADE, related_name="items")
    line = models.PositiveIntegerField(_("line"), null=True)  # of the sheet; null: selected in the list
    number = models.CharField(_("order"), max_length=255, blank=True)  # merchant_uid or imp_uid as it was typed
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    amount = AmountField(null=True, blank=True)  # as requested; null = all that was left
    tax_free = AmountField(null=True, blank=True)
    vat_amount = AmountField(null=True, blank=True)
    expected_balance = AmountField(null=True, blank=True)
    fee = AmountField(default=Decimal(0))  # KRW, charged to the shop for this refund
    requester = models.CharField(max_length=10, default="admin")
    retain_promotion = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=255, blank=True)  # empty: the batch's
    note = models.CharField(_("note"), max_length=255, blank=True)  # of the sheet; not sent anywhere
    warnings = models.JSONField(default=list, blank=True)  # of the check: [{"code", "message" (packed), "field"}]
    confirmed = models.JSONField(default=list, blank=True)  # codes of warnings about the account, read by the requester
    excluded = models.BooleanField(default=False)
    claimed_at = models.DateTimeField(null=True, editable=False)  # when a process took it to refund it
    attempts = models.PositiveSmallIntegerField(default=0)  # that reached nobody: i'mport was down
    done_at = models.DateTimeField(null=True, editable=False)  # when its outcome was written
    encrypted_account = EncryptedTextField(blank=True, default="")
    encrypted_row = EncryptedTextField(blank=True, default="")
    refund = models.ForeignKey(RefundRecord, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    error_code = models.CharField(max_length=40, blank=True)
    error_field = models.CharField(max_length=40, blank=True)  # the column to correct
    error_value = models.CharField(max_length=255, blank=True)  # what stands in it; never an account
    message = MessageField(blank=True)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=["batch", "attempts", "id"],
                condition=Q(refund=None, error_code=""),
                name="unfinished_batch_items",
            ),
            models.Index(fields=["batch", "-done_at"], name="batch_items_by_outcome"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["batch", "payment"], condition=Q(excluded=False), name="payment_once_per_batch"
            ),
            models.CheckConstraint(
                condition=Q(encrypted_account="") | Q(refund=None, error_code="") | Q(excluded=True),
                name="batch_item_with_outcome_has_no_account",
            ),
            models.CheckConstraint(
                condition=(Q(excluded=False) & Q(payment__isnull=False))
                | (Q(excluded=True, refund=None) & ~Q(error_code="")),
                name="batch_item_has_payment_or_problem",
            ),
        )

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.number or self.payment_id}"

    @property
    def shown_warnings(self) -> list[dict[str, str]]:
        """The warnings with their messages in the active language."""
        return [{**warning, "message": unpacked(warning["message"])} for warning in self.warnings]


class BatchPace(models.Model):
    """One row, if BULK_RATE limits the orders per second: when the next order of any batch may begin, on any worker."""

    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.next_at:%Y-%m-%d %H:%M:%S.%f}"


class RefundBatchEvent(AppendOnlyModel):
    """One line of a batch's timeline: who made, checked, started, paused, resumed or cancelled it, and its end."""

    batch = models.ForeignKey(RefundBatch, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("time"))
    code = models.CharField(_("event"), max_length=40)
    actor = models.CharField(_("by"), max_length=200, blank=True)  # empty: the batch itself
    data = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("event of a bulk refund")
        verbose_name_plural = _("events of bulk refunds")
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.code}"
