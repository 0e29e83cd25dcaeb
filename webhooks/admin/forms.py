"""Forms for webhook endpoints."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webhooks.delivery.destinations import look_up, parse_url
from webhooks.failures import AddressRefused
from webhooks.models import MAX_URL_LENGTH, Endpoint, EventType

CHOSEN_TYPES = [choice for choice in EventType.choices if choice[0] != EventType.PING]
OVERLAPS = (
    ("1", gettext_lazy("One more day, while the storefront switches to the new one")),
    ("7", gettext_lazy("Seven more days")),
    ("0", gettext_lazy("Stop now: others may know it")),
)


class EndpointForm(forms.Form):
    """Name, URL and events. Resolves a new URL and rejects it unless it leads to the public internet."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        widget=forms.TextInput({"class": "rd-input", "autocomplete": "off"}),
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=MAX_URL_LENGTH,
        widget=forms.TextInput(
            {"class": "rd-input", "inputmode": "url", "placeholder": "https://shop.example/refund-events"}
        ),
    )
    types = forms.MultipleChoiceField(
        label=gettext_lazy("Events to send"), choices=CHOSEN_TYPES, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any = None, *, endpoint: Endpoint | None = None) -> None:
        self.endpoint = endpoint
        fields = ("name", "url", "types")
        super().__init__(data, initial={name: getattr(endpoint, name) for name in fields} if endpoint else {})

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        same = Endpoint.objects.filter(name=name)
        if (same.exclude(pk=self.endpoint.pk) if self.endpoint else same).exists():
            raise name_is_taken()
        return name

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if self.endpoint is None or url != self.endpoint.url:
            try:
                look_up(parse_url(url))
            except AddressRefused as exc:
                raise ValidationError(str(exc.failure.label), code=exc.failure.value) from exc
        return url


def name_is_taken() -> ValidationError:
    return ValidationError(_("This name is already in use."), code="name_is_taken")


class RotationForm(forms.Form):
    """How long the old secret remains valid. `made_at` identifies the secret that the page showed."""

    overlap = forms.ChoiceField(
        label=gettext_lazy("How long does the old secret stay valid?"), choices=OVERLAPS, widget=forms.RadioSelect
    )
    made_at = forms.CharField(widget=forms.HiddenInput)

    @property
    def days(self) -> timedelta:
        return timedelta(days=int(self.cleaned_data["overlap"]))
