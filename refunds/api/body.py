"""What a refund request may hold on the wire. Shape only: the rules are the service's."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from payments.gateway import Requester
from refunds.errors import InvalidRequest
from refunds.inputs import RefundRequest, parse_amount, parse_request, parse_uid

_UIDS = {"imp_uid", "merchant_uid"}
_AMOUNTS = {"cancel_request_amount": "amount", "tax_free": "tax_free", "vat_amount": "vat_amount"}
_TEXTS = {"reason", "refund_holder", "refund_bank", "refund_account", "refund_tel"}


def read_uids(data: Mapping[str, Any]) -> dict[str, str]:
    """Which payment is meant: `imp_uid` if it is there, else `merchant_uid`. Raises `InvalidRequest`."""
    for field in ("imp_uid", "merchant_uid"):
        if data.get(field) is not None:
            return {field: parse_uid(data[field], field=field)}
    raise InvalidRequest("missing_uid", _("Specify the order: merchant_uid (or imp_uid)."), field="merchant_uid")


def read_refund_request(data: Mapping[str, Any], *, requester: Requester) -> RefundRequest:
    """The refund that a JSON body asks for. Raises `InvalidRequest`.

    Strict where money is concerned: an unknown key is refused (a misspelt amount would refund everything), and
    so are amounts in quotes and null (what JavaScript makes of NaN).
    """
    for field in data:
        if field not in _UIDS | _TEXTS | _AMOUNTS.keys():
            message = _("“%(field)s” is not known. Check its spelling.") % {"field": field[:60]}
            raise InvalidRequest("unknown_field", message, field=field[:60])
    amounts = {}
    for field, name in _AMOUNTS.items():
        if field in data:
            if isinstance(data[field], str):
                message = _("“%(field)s” must be a JSON number, without quotes.") % {"field": field}
                raise InvalidRequest("invalid_amount", message, field=field)
            amounts[name] = parse_amount(data[field], field=field)
    texts = {field: data[field] for field in _TEXTS if data.get(field) is not None}
    return parse_request(texts, requester=requester, **amounts)
