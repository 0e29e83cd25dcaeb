"""Reports of where our ledger and i'mport differed."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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
    """One comparison of our ledger with i'mport's for a period. `finished_at` null: broken off, see `error`."""

    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("to"))
    check_only = models.BooleanField(_("compared only"), default=False)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
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
        """Differences that are still there."""
        return self.found - self.repaired


class Discrepancy(models.Model):
    """One difference. `ours` and `theirs` are amounts as people read them, numbers, or i'mport's statuses."""

    report = models.ForeignKey(ReconciliationReport, on_delete=models.CASCADE, related_name="differences")
    imp_uid = models.CharField(_("payment number"), max_length=32)
    merchant_uid = models.CharField(_("order"), max_length=40)
    kind = models.CharField(_("discrepancy"), max_length=20, choices=DiscrepancyKind.choices)
    ours = models.CharField(_("here"), max_length=100, blank=True)
    theirs = models.CharField(_("at i'mport"), max_length=100, blank=True)
    repaired = models.BooleanField(_("repaired"), default=False)

    class Meta:
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=DiscrepancyKind.values), name="discrepancy_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.merchant_uid}: {self.get_kind_display()}"

    @property
    def here(self) -> str:
        """What our ledger has, in the reader's language."""
        return self._in_words(self.ours)

    @property
    def there(self) -> str:
        """What i'mport shows, in the reader's language."""
        return self._in_words(self.theirs)

    def _in_words(self, text: str) -> str:
        return status_label(text) if self.kind == DiscrepancyKind.STATUS else text
