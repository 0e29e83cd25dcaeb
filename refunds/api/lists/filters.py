"""Read, describe and apply the filters of the lists. Strict: a misspelt parameter would list everything."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.dates import parse_moment, read_day
from payments.models import PAYMENT_TIME, Payment, PaymentStatus
from refunds.api.body import VISIBLE_TEXT
from refunds.api.spelling import unknown_name
from refunds.errors import InvalidQuery, InvalidRequest, Violation
from refunds.inputs import MAX_MERCHANT_UID_LENGTH, parse_text
from refunds.ledger import late_refunds
from refunds.models import ApprovalStatus, Fault, RefundApproval, RefundRecord, RefundSource, RefundStatus
from refunds.models.reasons import MAX_CODE_LENGTH
from refunds.serialization import Json

MOST_NAMED = 20  # invalid parameters in one answer


class MomentField(forms.Field):
    """A day in Seoul, or a time with its offset from UTC. With `end_of_day`, a day means the end of it."""

    schema: ClassVar[Json] = {
        "oneOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
    }
    default_error_messages: ClassVar[Any] = {
        "invalid": gettext_lazy(
            "This is not a date. Write a Korean date like 2026-11-01, or a time with its offset like "
            "2026-11-01T09:30:00+09:00."
        )
    }

    def __init__(self, help_text: str, *, end_of_day: bool = False) -> None:
        super().__init__(required=False, help_text=help_text)
        self.end_of_day = end_of_day

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            # In UTC: PostgreSQL does not take every offset that can be written.
            return parse_moment(_day_or_time(value), end_of_day=self.end_of_day).astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from exc


def _day_or_time(text: str) -> date | datetime:
    """Read a day, or a time with its offset. Raises `ValueError`."""
    try:
        return read_day(text)
    except ValueError:
        # In a URL "+" means a space, and clients forget to write %2B.
        at = parse_datetime(text.replace(" ", "+"))
        if at is None or timezone.is_naive(at):
            raise
        return at


class TextField(forms.Field):
    """A short text without control characters."""

    def __init__(self, name: str, help_text: str, *, max_length: int) -> None:
        super().__init__(required=False, help_text=help_text)
        self.name, self.max_length = name, max_length
        self.schema: Json = {"type": "string", "minLength": 1, "maxLength": max_length, "pattern": VISIBLE_TEXT}

    def to_python(self, value: Any) -> str:
        try:
            return parse_text(value or "", field=self.name, max_length=self.max_length)
        except InvalidRequest as exc:
            raise forms.ValidationError(exc.message) from exc


class WordsField(forms.MultipleChoiceField):
    """Any of some words; the error for another word lists them."""

    def __init__(self, words: Iterable[str], help_text: str) -> None:
        words = list(words)
        choices = [(word, word) for word in words]
        super().__init__(required=False, choices=choices, help_text=f"{help_text} Repeat it for any of several.")
        sentence = gettext_lazy("“%(value)s” is not one of {words}.")
        self.error_messages["invalid_choice"] = format_lazy(sentence, words=", ".join(f"“{word}”" for word in words))
        self.schema: Json = {"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1}


class FlagField(forms.Field):
    """A filter that is on with `true`, and off without it."""

    schema: ClassVar[Json] = {"type": "string", "enum": ["true"]}
    default_error_messages: ClassVar[Any] = {"invalid": gettext_lazy("Write “true”, or leave it out.")}

    def __init__(self, help_text: str) -> None:
        super().__init__(required=False, help_text=help_text)

    def to_python(self, value: Any) -> bool:
        if value not in (*self.empty_values, "true"):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return bool(value == "true")


class ListForm(forms.Form):
    """The parameters of both lists."""

    since: ClassVar[str]  # what `from` means
    page_size = forms.RegexField(
        r"^([1-9][0-9]?|100)$",
        required=False,
        help_text="How many rows per page.",
        error_messages={"invalid": gettext_lazy("“page_size” must be a whole number from 1 to 100.")},
    )
    cursor = forms.CharField(
        required=False, help_text="The place of the page; follow `next` and `previous`, which carry the filters too."
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.fields |= {  # `from` is a keyword of Python
            "from": MomentField(
                f"{self.since} since a day in Seoul (`2026-11-01`), or a time with its offset "
                "(`2026-11-01T09:30:00+09:00`; write `+` as `%2B`)."
            ),
            "to": MomentField(
                "Until this day or time, see `from`. A day is included whole, a time is not.", end_of_day=True
            ),
            "order": TextField("order", "Its `merchant_uid` or `imp_uid`.", max_length=MAX_MERCHANT_UID_LENGTH),
            "method": TextField(
                "method", "The payment's `pay_method`: `card`, `trans`, `vbank`, `phone`, …", max_length=32
            ),
        }

    def given(self) -> dict[str, Any]:
        """Return the given parameters. Raises `InvalidQuery` naming every one that is invalid, up to `MOST_NAMED`."""
        violations = tuple(islice(chain(self._misspelt(), self._malformed()), MOST_NAMED))
        if violations:
            raise InvalidQuery(violations)
        return {name: value for name, value in self.cleaned_data.items() if value}

    def _misspelt(self) -> Iterator[Violation]:
        for name in self.data:
            if name not in self.fields:
                yield Violation("unknown_parameter", unknown_name(name, self.fields), name[:60])

    def _malformed(self) -> Iterator[Violation]:
        unfit = {name: " ".join(map(str, errors)) for name, errors in self.errors.items()} | dict(self._misused())
        for name, message in unfit.items():
            yield Violation("invalid_parameter", message, name[:60])

    def _misused(self) -> Iterator[tuple[str, str]]:
        """The errors of parameters that are empty, which a form accepts, or repeated."""
        for name, values in self.data.lists():  # type: ignore[attr-defined]  # a QueryDict
            named = {"field": name[:60]}
            if not all(value.strip() for value in values):
                yield name, _("“%(field)s” is empty. Leave it out, or give it a value.") % named
            elif len(values) > 1 and not isinstance(self.fields.get(name), WordsField):
                yield name, _("“%(field)s” is given more than once.") % named


class PaymentListForm(ListForm):
    status = WordsField(PaymentStatus.values, "The payment's `status`.")
    since = "Paid (or first stored here, if it was not paid)"


class RefundListForm(ListForm):
    status = WordsField(RefundStatus.values, "The refund's `status`.")
    source = WordsField(RefundSource.values, "Where it was requested.")
    fault = WordsField(Fault.values, "Who caused the refund, as its reason says.")
    reason_code = TextField("reason_code", "The code of its reason.", max_length=MAX_CODE_LENGTH)
    late = FlagField("Only those that the PG has not executed for days, or whose buyer says that nothing came.")
    since = "Requested"


class ApprovalListForm(ListForm):
    status = WordsField(ApprovalStatus.values, "The request's `status`.")
    source = WordsField(RefundSource.values, "Where it was requested.")
    since = "Requested"


def narrow_payments(payments: QuerySet[Payment], query: QueryDict) -> QuerySet[Payment]:
    """Filter payments by a query, and annotate their time `at`. Raises `InvalidQuery`."""
    given = PaymentListForm(query).given()
    return payments.annotate(at=PAYMENT_TIME).filter(_conditions(given, payment="", at="at"))


def narrow_refunds(refunds: QuerySet[RefundRecord], query: QueryDict) -> QuerySet[RefundRecord]:
    """Filter refunds by a query. Raises `InvalidQuery`."""
    given = RefundListForm(query).given()
    found = refunds.filter(_conditions(given, payment="payment__", at="requested_at"))
    return late_refunds(found) if "late" in given else found


def narrow_approvals(approvals: QuerySet[RefundApproval], query: QueryDict) -> QuerySet[RefundApproval]:
    """Filter requests for approval by a query. Raises `InvalidQuery`."""
    given = ApprovalListForm(query).given()
    return approvals.filter(_conditions(given, payment="payment__", at="requested_at"))


def _conditions(given: dict[str, Any], *, payment: str, at: str) -> Q:
    """The filters as conditions. `payment` is the lookup from a row to its payment, `at` the row's time."""
    lookups = {
        "status": "status__in",
        "source": "source__in",
        "fault": "fault__in",
        "reason_code": "reason_code",
        "method": f"{payment}pay_method",
        "from": f"{at}__gte",
        "to": f"{at}__lt",
    }
    wanted = Q(**{lookups[name]: value for name, value in given.items() if name in lookups})
    if order := given.get("order"):
        wanted &= Q(**{f"{payment}merchant_uid": order}) | Q(**{f"{payment}imp_uid": order})
    return wanted
