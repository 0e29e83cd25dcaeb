"""Reconciliation reports: comparisons of our ledger with i'mport's, and the discrepancies they found."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.claims import Progress, progress_of
from payments.labels import status_label


class DiscrepancyKind(models.TextChoices):
    MISSING_HERE = "missing_here", _("Payment missing here")
    MISSING_THERE = "missing_there", _("Payment not found at i'mport")
    REFUNDED = "refunded", _("Refunded amount differs")
    RECORDS = "records", _("Number of refunds differs")
    AMOUNT = "amount", _("Paid amount differs")
    STATUS = "status", _("Status differs")
    OPEN_REFUND = "open_refund", _("Refund still open")


class ReconciliationReport(models.Model):
    """One comparison for a period. `finished_at` null: waiting, running or stopped early; see `progress`."""

    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("to"))
    check_only = models.BooleanField(_("compared only"), default=False)
    started_at = models.DateTimeField(_("started at"))
    claimed_at = models.DateTimeField(null=True, editable=False)  # last sign of life of the process that compares
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    total = models.PositiveIntegerField(default=0)  # payments that i'mport lists for the period, as far as known
    compared = models.PositiveIntegerField(_("payments compared"), default=0)
    found = models.PositiveIntegerField(_("discrepancies found"), default=0)
    repaired = models.PositiveIntegerField(_("discrepancies repaired"), default=0)
    error = models.TextField(_("reason for stopping"), blank=True)

    class Meta:
        verbose_name = _("reconciliation report")
        verbose_name_plural = _("reconciliation reports")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(repaired__lte=models.F("found")), name="discrepancies_repaired_were_found"
            ),
        )

    def __str__(self) -> str:
        since, until = timezone.localtime(self.since), timezone.localtime(self.until)
        return f"{since:%Y-%m-%d} – {until:%Y-%m-%d}"

    @property
    def remaining(self) -> int:
        """Discrepancies that are not repaired."""
        return self.found - self.repaired

    @property
    def progress(self) -> Progress:
        """Return the state of the comparison; one that stopped because i'mport could not be read is finished."""
        return progress_of(self.claimed_at, is_finished=self.finished_at is not None or bool(self.error))

    @property
    def is_over(self) -> bool:
        """Return whether the comparison has ended, so that discrepancies can be repaired."""
        return self.progress in (Progress.FINISHED, Progress.SILENT)


class Discrepancy(models.Model):
    """One discrepancy. `ours` and `theirs` are amounts as people read them, numbers, or i'mport's statuses.

    `repair_outcome` and `repair_message` say what the last repair of the payment did.
    """

    report = models.ForeignKey(ReconciliationReport, on_delete=models.CASCADE, related_name="discrepancies")
    imp_uid = models.CharField(_("payment number"), max_length=32)
    merchant_uid = models.CharField(_("order"), max_length=40)
    kind = models.CharField(_("discrepancy"), max_length=20, choices=DiscrepancyKind.choices)
    ours = models.CharField(_("here"), max_length=100, blank=True)
    theirs = models.CharField(_("at i'mport"), max_length=100, blank=True)
    repaired = models.BooleanField(_("repaired"), default=False)
    repair_requested_at = models.DateTimeField(null=True, editable=False)  # null again once it is done
    repair_outcome = models.CharField(max_length=20, blank=True)
    repair_message = models.TextField(blank=True)

    class Meta:
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=DiscrepancyKind.values), name="discrepancy_kind_known"),
        )
        indexes = (
            models.Index(
                fields=["repair_requested_at"],
                condition=Q(repair_requested_at__isnull=False),
                name="discrepancies_to_repair",
            ),
        )

    def __str__(self) -> str:
        return f"{self.merchant_uid}: {self.get_kind_display()}"

    @property
    def here(self) -> str:
        """Return our ledger's value, in the reader's language."""
        return self._in_words(self.ours)

    @property
    def there(self) -> str:
        """Return i'mport's value, in the reader's language."""
        return self._in_words(self.theirs)

    def _in_words(self, text: str) -> str:
        return status_label(text) if self.kind == DiscrepancyKind.STATUS else text
