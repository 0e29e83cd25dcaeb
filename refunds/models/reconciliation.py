"""Reconciliation reports: comparisons of our ledger with i'mport's, and the discrepancies they found."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.claims import Progress, progress_of
from core.fields import AmountField, MessageField
from core.money import KRW, format_money
from payments.labels import status_label


class DiscrepancyKind(models.TextChoices):
    MISSING_HERE = "missing_here", _("Payment missing here")
    MISSING_THERE = "missing_there", _("Payment not found at i'mport")
    REFUNDED = "refunded", _("Refunded amount differs")
    RECORDS = "records", _("Number of refunds differs")
    AMOUNT = "amount", _("Paid amount differs")
    STATUS = "status", _("Status differs")
    OPEN_REFUND = "open_refund", _("Refund still open")


_OF_MONEY = (
    DiscrepancyKind.MISSING_HERE,
    DiscrepancyKind.MISSING_THERE,
    DiscrepancyKind.REFUNDED,
    DiscrepancyKind.AMOUNT,
)


@dataclass(frozen=True, slots=True)
class Refunded:
    """Hold the refunded sum of one payment or of several, here and at i'mport; major units of `currency`."""

    currency: str
    here: Decimal = Decimal(0)
    there: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        """Return how much more i'mport shows refunded than the ledger."""
        return self.there - self.here

    def __add__(self, other: "Refunded") -> "Refunded":
        return Refunded(self.currency, self.here + other.here, self.there + other.there)

    def __sub__(self, other: "Refunded") -> "Refunded":
        return Refunded(self.currency, self.here - other.here, self.there - other.there)


class ReconciliationReport(models.Model):
    """One comparison for a period. `finished_at` null: waiting, running or stopped early; see `progress`.

    `found` and `repaired` count payments. `sums` is what is refunded of all compared payments but test payments, as
    {currency: [here, at i'mport]}; a repair keeps it up to date.
    """

    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("to"))
    check_only = models.BooleanField(_("compared only"), default=False)
    started_at = models.DateTimeField(_("started at"))
    claimed_at = models.DateTimeField(null=True, editable=False)  # last sign of life of the process that compares
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    total = models.PositiveIntegerField(default=0)  # payments that i'mport lists for the period, as far as known
    compared = models.PositiveIntegerField(_("payments compared"), default=0)
    found = models.PositiveIntegerField(_("payments that differ"), default=0)
    repaired = models.PositiveIntegerField(_("payments repaired"), default=0)
    sums = models.JSONField(default=dict, editable=False)
    error = MessageField(_("reason for stopping"), blank=True)

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
        """Return how many payments still differ."""
        return self.found - self.repaired

    @property
    def waiting(self) -> "models.QuerySet[Discrepancy]":
        """Return the refunds that were waiting for the PG."""
        return self.discrepancies.filter(is_waiting=True, repaired=False)

    @property
    def refunded(self) -> list[Refunded]:
        """Return the sums of the compared payments, by currency."""
        return [Refunded(currency, *map(Decimal, both)) for currency, both in sorted(self.sums.items())]

    def sums_with(self, added: Mapping[str, Refunded]) -> dict[str, list[str]]:
        """Return `sums` with these amounts of each currency added."""
        sums = {one.currency: one for one in self.refunded}
        for currency, amounts in added.items():
            sums[currency] = sums.get(currency, Refunded(currency)) + amounts
        return {currency: [f"{both.here:f}", f"{both.there:f}"] for currency, both in sums.items()}

    @property
    def progress(self) -> Progress:
        """Return the state of the comparison; one that stopped because i'mport could not be read is finished."""
        return progress_of(self.claimed_at, is_finished=self.finished_at is not None or bool(self.error))

    @property
    def is_over(self) -> bool:
        """Return whether the comparison has ended, so that discrepancies can be repaired."""
        return self.progress in (Progress.FINISHED, Progress.SILENT)


class Discrepancy(models.Model):
    """One discrepancy, as found. `ours` and `theirs` are amounts, numbers, or i'mport's statuses; see `here`.

    `refunded_here` and `refunded_there` are of the payment when it was last read for this report. `is_waiting`: no
    difference, but a refund that waits for the PG. `repair_outcome` and `repair_message` say what the last repair of
    the payment did.
    """

    report = models.ForeignKey(ReconciliationReport, on_delete=models.CASCADE, related_name="discrepancies")
    imp_uid = models.CharField(_("payment number"), max_length=32)
    merchant_uid = models.CharField(_("order"), max_length=40)
    kind = models.CharField(_("discrepancy"), max_length=20, choices=DiscrepancyKind.choices)
    ours = models.CharField(_("here"), max_length=100, blank=True)
    theirs = models.CharField(_("at i'mport"), max_length=100, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default=KRW)
    refunded_here = AmountField(_("refunded here"), default=Decimal(0))
    refunded_there = AmountField(_("refunded at i'mport"), default=Decimal(0))
    is_waiting = models.BooleanField(default=False, editable=False)
    repaired = models.BooleanField(_("repaired"), default=False)
    repair_requested_at = models.DateTimeField(null=True, editable=False)  # null again once it is done
    repair_outcome = models.CharField(max_length=20, blank=True)
    repair_message = MessageField(blank=True)

    class Meta:
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=DiscrepancyKind.values), name="discrepancy_kind_known"),
            models.CheckConstraint(
                condition=Q(is_waiting=False) | Q(kind="open_refund"), name="discrepancy_waiting_is_open_refund"
            ),
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
    def refunded(self) -> Refunded:
        return Refunded(self.currency, self.refunded_here, self.refunded_there)

    @property
    def is_repairable(self) -> bool:
        """Return whether reading the payment again can change something here."""
        return not self.repaired and not self.is_waiting and self.kind != DiscrepancyKind.MISSING_THERE

    @property
    def here(self) -> str:
        """Return our ledger's value, in the reader's language."""
        return self._in_words(self.ours)

    @property
    def there(self) -> str:
        """Return i'mport's value, in the reader's language."""
        return self._in_words(self.theirs)

    @property
    def in_words(self) -> str:
        """Return the discrepancy with both values, in the reader's language."""
        values = " / ".join(value or "–" for value in (self.here, self.there))
        return f"{self.get_kind_display()}: {values}"

    def _in_words(self, text: str) -> str:
        if text and self.kind in _OF_MONEY:
            return format_money(Decimal(text), self.currency)
        return status_label(text) if self.kind == DiscrepancyKind.STATUS else text
