"""Read the body and the key of a refund request: strict about the form; the rules are the service's."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.money import AMOUNT_LIMIT
from payments.gateway import Requester
from payments.models import Payment
from refunds.api.spelling import unknown_name
from refunds.errors import InvalidRequest
from refunds.inputs import (
    MAX_CONFIRMED,
    MAX_IMP_UID_LENGTH,
    MAX_MERCHANT_UID_LENGTH,
    TEXT_LENGTHS,
    RefundRequest,
    parse_amount,
    parse_confirmed,
    parse_flag,
    parse_request,
    parse_uid,
)
from refunds.serialization import MAJOR_UNITS

# No control or bidirectional characters, except in the white space around the text, which is cut off.
_EDGE = r"[\t-\r\x1c-\x20\x85\xa0\u2028\u2029]*"
_UNFIT = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_TEXT = rf"^{_EDGE}[^{_UNFIT}]*{_EDGE}$"
VISIBLE_TEXT = rf"^{_EDGE}[^{_UNFIT}]*[^\s{_UNFIT}][^{_UNFIT}]*{_EDGE}$"
_BELOW = int(AMOUNT_LIMIT)

_PLAIN_KEY = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]*")
# A string as RFC 9651 writes it; with and without quotes it is the same key.
_QUOTED_KEY = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
MAX_KEY_LENGTH = 255


@extend_schema_field({"type": "string", "minLength": 1, "pattern": VISIBLE_TEXT})
class Uid(serializers.CharField):
    """The number of an order or payment."""


class RequestedAmount(serializers.FloatField):
    """Money as a JSON number. `source` is its name in `RefundRequest`."""


@extend_schema_field({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": _BELOW})
class PositiveAmount(RequestedAmount):
    """Money to refund; zero is an error."""


@extend_schema_field({"type": "number", "minimum": 0, "exclusiveMaximum": _BELOW})
class PartOfAmount(RequestedAmount):
    """A part of the money to refund."""


@extend_schema_field({"type": "string", "pattern": _TEXT})
class Text(serializers.CharField):
    """A short text as people type it; it may be empty."""

    def __init__(self, name: str, help_text: str) -> None:
        super().__init__(required=False, max_length=TEXT_LENGTHS[name], help_text=help_text)


class RefundRequestSerializer(serializers.Serializer[RefundRequest]):
    """The order, the amount and the bank account of a refund. An unknown field is an error."""

    merchant_uid = Uid(
        required=False,
        max_length=MAX_MERCHANT_UID_LENGTH,
        help_text="The order. If several payments share it, the one with money left is meant.",
    )
    imp_uid = Uid(
        required=False,
        max_length=MAX_IMP_UID_LENGTH,
        help_text="The payment. It takes precedence over `merchant_uid`, and an unknown one fails.",
    )
    cancel_request_amount = PositiveAmount(
        source="amount", required=False, help_text=f"How much; absent means all that is left. {MAJOR_UNITS}"
    )
    reason = Text("reason", "Required by Naver Pay.")
    reason_code = Text("reason_code", "A code of `GET /refund-reasons`. A shop can require one of its own staff.")
    refund_holder = Text("refund_holder", "Account holder, for virtual accounts.")
    refund_bank = Text("refund_bank", "Bank, by code (`088`, `88`, `BK88`) or name.")
    refund_account = Text("refund_account", "Account number; answers show its last digits only.")
    refund_tel = Text("refund_tel", "Telephone of the holder, for Smartro.")
    tax_free = PartOfAmount(required=False, help_text="Tax-free part of the amount, where the PG wants it.")
    vat_amount = PartOfAmount(required=False, help_text="VAT part of the amount, where the PG wants it.")
    retain_promotion = serializers.BooleanField(
        required=False,
        help_text="Whether the rest keeps its promotion, even if it no longer meets the conditions. Default: false. "
        "The first partial refund of a payment decides for all later ones.",
    )
    confirm = serializers.ListField(
        child=serializers.RegexField(r"^[a-z_]{1,40}$"),
        required=False,
        max_length=MAX_CONFIRMED,
        help_text="Codes of the `warnings` of a 409 `confirmation_required` that the buyer or staff have confirmed.",
    )


class TaxPartsSerializer(serializers.Serializer[Payment]):
    """The tax parts of a payment as stated at payment. An absent field stays as it is; an unknown field is an error."""

    tax_free = PartOfAmount(required=False, allow_null=True, help_text="Tax-free part; null: not known.")
    vat_amount = PartOfAmount(required=False, allow_null=True, help_text="VAT part; null: not known.")


_FIELDS = RefundRequestSerializer().fields
_TAX_FIELDS = TaxPartsSerializer().fields


def read_uids(data: Mapping[str, Any]) -> dict[str, str]:
    """Return which payment is meant: `imp_uid` if it is there, else `merchant_uid`. Raises `InvalidRequest`."""
    for field in ("imp_uid", "merchant_uid"):
        if data.get(field) is not None:
            return {field: parse_uid(data[field], field=field)}
    raise InvalidRequest("missing_uid", _("Specify the order: merchant_uid (or imp_uid)."), field="merchant_uid")


def read_refund_request(data: Mapping[str, Any], *, requester: Requester) -> RefundRequest:
    """Return the refund that a JSON body requests. Raises `InvalidRequest`.

    An unknown key is refused (a misspelt amount would refund everything), and so are amounts in quotes and null
    (what JavaScript makes of NaN).
    """
    _refuse_unknown(data, _FIELDS)
    amounts = {
        str(field.source): _read_amount(data[name], name)
        for name, field in _FIELDS.items()
        if isinstance(field, RequestedAmount) and name in data
    }
    texts = {name: data[name] for name in TEXT_LENGTHS if data.get(name) is not None}
    retain = parse_flag(data.get("retain_promotion", False), field="retain_promotion")
    confirmed = parse_confirmed(data.get("confirm", []))
    return parse_request(texts, requester=requester, retain_promotion=retain, confirmed=confirmed, **amounts)


def read_tax_parts(data: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """Return the tax parts that a JSON body states; null is "not known". Raises `InvalidRequest`."""
    _refuse_unknown(data, _TAX_FIELDS)
    return {name: None if value is None else _read_amount(value, name) for name, value in data.items()}


def _refuse_unknown(data: Mapping[str, Any], known: Collection[str]) -> None:
    for name in data:
        if name not in known:
            raise InvalidRequest("unknown_field", unknown_name(name, known), field=name[:60])


def _read_amount(value: object, name: str) -> Decimal:
    if isinstance(value, str):
        message = _("“%(field)s” must be a JSON number, without quotes.") % {"field": name}
        raise InvalidRequest("invalid_amount", message, field=name)
    return parse_amount(value, field=name)


def read_idempotency_key(sent: str | None) -> str | None:
    """Return the key of the header `Idempotency-Key`, if there is one. Raises `InvalidRequest`."""
    if sent is None:
        return None
    quoted = _QUOTED_KEY.fullmatch(sent)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else sent
    if not (quoted or _PLAIN_KEY.fullmatch(sent)) or not 1 <= len(key) <= MAX_KEY_LENGTH:
        message = _("The Idempotency-Key must be 1 to 255 visible ASCII characters.")
        raise InvalidRequest("invalid_idempotency_key", message, field="Idempotency-Key")
    return key
