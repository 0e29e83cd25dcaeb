"""Choose the error for an answer of i'mport, or for none: what it means for the money."""

import re

from core.sentences import joined
from core.sentences import sentence as _
from payments.gateway.errors import (
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    GatewayUnreachable,
    OutcomeUnknown,
    PaymentUnknown,
)
from payments.gateway.iamport.session import NotSent, TransportError
from payments.gateway.iamport.wire import Call, Envelope

# Account numbers that a PG may quote in its refusal.
_NUMBERS = ("refund_account", "refund_tel", "bank_num")
_SEPARATORS = r"[\s\-.]*"
_SHORTEST_NAME = 2
_ACCOUNT = re.compile("계좌|예금주")
_SERVICE = re.compile("서비스|종료|중단|중지|폐지|지원|제공|점검|시간|API", re.IGNORECASE)


def raise_unless_ok(call: Call, envelope: Envelope) -> None:
    """Raise the error that fits, unless i'mport executed the call. The caller handles 401."""
    status, code = envelope.status, envelope.code
    if status == 429:
        raise GatewayUnavailable(_("i'mport is receiving too many requests. Try again in a minute."))
    if status >= 500:
        raise _no_verdict(call, _("i'mport has a server error (HTTP %(status)s).") % {"status": status})
    if status == 207 and isinstance(envelope.response, list):  # some of the requested payments are missing
        return
    if code is None or (code == 0 and not 200 <= status < 300):
        raise not_understood(call)
    if code != 0:
        if call.endpoint == "account_holder" and not _is_about_account(envelope):
            raise not_understood(call)
        said = _masked(envelope.message, call)
        message = said or _("i'mport refused without giving a reason (code %(code)s).") % {"code": code}
        error = PaymentUnknown if call.finds_none(status) else GatewayRejected
        raise error(message, gateway_code=code)


def transport_failure(call: Call, exc: TransportError) -> GatewayError:
    """Return the error for a call that got no complete answer."""
    if isinstance(exc, NotSent):
        return unreachable(call)
    return _no_verdict(call, _("i'mport did not answer."))


def unreachable(call: Call) -> GatewayUnreachable:
    """Return the error for a call that could not be sent, or whose token could not be requested."""
    if call.moves_money:
        return GatewayUnreachable(_("i'mport cannot be reached. Nothing was sent; try again in a moment."))
    return GatewayUnreachable(_("i'mport cannot be reached. Try again in a moment."))


def not_understood(call: Call) -> GatewayError:
    """Return the error for an answer that cannot be read."""
    return _no_verdict(call, _("i'mport's answer is not valid."))


def _no_verdict(call: Call, reason: str) -> GatewayError:
    # A reading or a request for a token has no outcome that could be unknown.
    if not call.moves_money:
        retry = _("Try again in a moment.")
        return GatewayUnavailable(joined(reason, retry))
    advice = _("The cancel may have been executed. Check the payment before trying again.")
    return OutcomeUnknown(joined(reason, advice))


def _is_about_account(envelope: Envelope) -> bool:
    """Return whether i'mport certainly speaks of the account, and not of the call, which may no longer exist."""
    said = envelope.message
    return envelope.status in (200, 400, 404) and bool(_ACCOUNT.search(said)) and not _SERVICE.search(said)


def _masked(message: str, call: Call) -> str:
    """Mask the account, telephone and holder of the call in the message. The last four digits stay."""
    sent = {**dict(call.params), **(call.body or {})}
    for digits in filter(None, (str(sent.get(name, "")) for name in _NUMBERS)):
        pattern = rf"(?<!\d){_SEPARATORS.join(map(re.escape, digits))}(?!\d)"
        message = re.sub(pattern, f"•••• {digits[-4:]}", message)
    holder = str(sent.get("refund_holder", ""))
    return message.replace(holder, "•••") if len(holder) >= _SHORTEST_NAME else message
