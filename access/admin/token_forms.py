"""The form for a new API token."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSingleDateWidget

from access.models import ApiToken
from access.tokens.service import DEFAULT_DAYS
from core.dates import DayField

MAX_DAYS = 365


def _default_day() -> date:
    return timezone.localdate() + timedelta(days=DEFAULT_DAYS)


class NewTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes none when it runs
    """Superusers choose the user; all others make tokens for themselves, so that nobody gains more rights."""

    valid_until = DayField(
        label=_("Valid until"),
        initial=_default_day,
        widget=UnfoldAdminSingleDateWidget,
        help_text=_("Last valid day, Korean time. At most one year from now."),
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user", "may_read", "may_refund", "max_amount", "max_per_day", "limit_currency")

    def clean_limit_currency(self) -> str:
        return str(self.cleaned_data["limit_currency"]).upper()

    def clean_valid_until(self) -> date:
        day: date = self.cleaned_data["valid_until"]
        today = timezone.localdate()
        if day < today:
            raise ValidationError(_("This day is in the past. Choose a later one."), code="already_over")
        if day > today + timedelta(days=MAX_DAYS):
            raise ValidationError(_("At most one year from now."), code="too_long")
        return day

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "valid_until" in cleaned:
            end_of_day = datetime.combine(cleaned["valid_until"], time.max)
            self.instance.expires_at = timezone.make_aware(end_of_day)
        user = cleaned["user"].pk if "user" in cleaned else self.instance.user_id
        usable = ApiToken.objects.usable(timezone.now())
        # Two tokens of one name cannot be told apart. It also stops a form that is submitted twice.
        if "name" in cleaned and usable.filter(user=user, name=cleaned["name"]).exists():
            message = _(
                "This account already has a valid token with this name. Choose another name or revoke that token."
            )
            self.add_error("name", ValidationError(message, code="name_in_use"))
        return cleaned
