"""Forms for webhook endpoints."""

from datetime import timedelta

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webhooks.delivery.destinations import look_up, parse_url
from webhooks.failures import AddressRefused
from webhooks.models import Endpoint, EventType

CHOSEN_TYPES = [choice for choice in EventType.choices if choice[0] != EventType.PING]
OVERLAPS = (
    ("1", gettext_lazy("One more day, while the storefront switches to the new one")),
    ("7", gettext_lazy("Seven more days")),
    ("0", gettext_lazy("Stop now: others may know it")),
)


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes none when it runs
    """Name, URL and events. Resolves a new URL and rejects it unless it leads to the public internet."""

    types = forms.MultipleChoiceField(
        label=gettext_lazy("Events to send"), choices=CHOSEN_TYPES, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Endpoint
        fields = ("name", "url", "types")
        widgets = {
            "name": forms.TextInput({"class": "rd-input", "autocomplete": "off"}),
            "url": forms.TextInput(
                {"class": "rd-input", "inputmode": "url", "placeholder": "https://shop.example/refund-events"}
            ),
        }
        error_messages = {"name": {"unique": gettext_lazy("This name is already in use.")}}

    @property
    def url_hint(self) -> str:
        """Say which addresses the settings allow."""
        scheme = (
            _("It must start with https:// or http://.")
            if settings.WEBHOOK_ALLOW_HTTP
            else _("It must start with https://.")
        )
        place = (
            _("Its server must be on the public internet or in an allowed network.")
            if settings.WEBHOOK_ALLOWED_NETWORKS
            else _("Its server must be on the public internet.")
        )
        return f"{scheme} {place}"

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if "url" in self.changed_data:
            try:
                look_up(parse_url(url))
            except AddressRefused as exc:
                raise ValidationError(str(exc.failure.label), code=exc.failure.value) from exc
        return url


class RotationForm(forms.Form):
    """Form for a new secret. `made_at` identifies the secret that the page showed."""

    overlap = forms.ChoiceField(
        label=gettext_lazy("How long does the old secret stay valid?"), choices=OVERLAPS, widget=forms.RadioSelect
    )
    made_at = forms.CharField(widget=forms.HiddenInput)

    @property
    def days(self) -> timedelta:
        return timedelta(days=int(self.cleaned_data["overlap"]))
