"""Managed reasons for refunds, and what of a reason stays on a refund."""

from dataclasses import dataclass

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

MAX_CODE_LENGTH = 40
MAX_NAME_LENGTH = 60
CODE_PATTERN = rf"^[a-z_]{{1,{MAX_CODE_LENGTH}}}$"


class Fault(models.TextChoices):
    """Who is at fault for a refund."""

    BUYER = "buyer", _("Buyer")
    SHOP = "shop", _("Shop")
    CARRIER = "carrier", _("Carrier")
    PG = "pg", _("PG")


@dataclass(frozen=True, slots=True)
class FrozenReason:
    """A reason as it was when it was chosen. Later changes of the list do not reach it."""

    code: str
    name_ko: str
    name_en: str
    fault: str

    @property
    def name(self) -> str:
        """Return the name in the active language."""
        return self.name_ko if (get_language() or "").startswith("ko") else self.name_en


class RefundReason(models.Model):
    """One reason that staff choose for a refund. A shop may change, deactivate or delete it; its code stays."""

    code = models.CharField(
        _("code"),
        max_length=MAX_CODE_LENGTH,
        unique=True,
        validators=[RegexValidator(CODE_PATTERN, _("Use small letters a to z and _ only."))],
        help_text=_("For programs, such as “late_delivery”. It cannot be changed later."),
    )
    name_ko = models.CharField(_("Korean name"), max_length=MAX_NAME_LENGTH)
    name_en = models.CharField(_("English name"), max_length=MAX_NAME_LENGTH)
    fault = models.CharField(
        pgettext_lazy("refund", "fault"),
        max_length=10,
        choices=Fault.choices,
        blank=True,
        help_text=_("Who caused the refund. Leave it empty if that differs."),
    )
    is_active = models.BooleanField(
        pgettext_lazy("reason", "in use"), default=True, help_text=_("Only reasons in use can be chosen.")
    )
    needs_note = models.BooleanField(
        _("needs an explanation"),
        default=False,
        help_text=_("The free text of the refund must be filled in too. The buyer sees it."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=100, help_text=_("Reasons are listed by it, the lowest first.")
    )

    class Meta:
        verbose_name = _("refund reason")
        verbose_name_plural = _("refund reasons")
        ordering = ("position", "code")
        constraints = (
            models.CheckConstraint(condition=Q(fault__in=("", *Fault.values)), name="reason_fault_known"),
            models.CheckConstraint(
                condition=~Q(code="") & ~Q(name_ko="") & ~Q(name_en=""), name="reason_has_code_and_names"
            ),
        )

    def __str__(self) -> str:
        return self.frozen.name

    @property
    def frozen(self) -> FrozenReason:
        """Return what a refund keeps of it."""
        return FrozenReason(self.code, self.name_ko, self.name_en, self.fault)


class WithFrozenReason(models.Model):
    """Base of rows that keep a reason as text, without a foreign key. All empty: none was chosen."""

    reason_code = models.CharField(_("reason code"), max_length=MAX_CODE_LENGTH, blank=True, default="")
    reason_name_ko = models.CharField(_("Korean name"), max_length=MAX_NAME_LENGTH, blank=True, default="")
    reason_name_en = models.CharField(_("English name"), max_length=MAX_NAME_LENGTH, blank=True, default="")
    fault = models.CharField(
        pgettext_lazy("refund", "fault"), max_length=10, choices=Fault.choices, blank=True, default=""
    )

    class Meta:
        abstract = True

    @property
    def frozen_reason(self) -> FrozenReason | None:
        """Return the chosen reason as it was then; None without one."""
        if not self.reason_code:
            return None
        return FrozenReason(self.reason_code, self.reason_name_ko, self.reason_name_en, self.fault)

    @frozen_reason.setter
    def frozen_reason(self, reason: FrozenReason | None) -> None:
        chosen = reason or FrozenReason("", "", "", "")
        self.reason_code, self.fault = chosen.code, chosen.fault
        self.reason_name_ko, self.reason_name_en = chosen.name_ko, chosen.name_en

    @property
    def reason_name(self) -> str:
        """Return the chosen reason's name in the active language; "" without one."""
        return self.frozen_reason.name if self.frozen_reason else ""
