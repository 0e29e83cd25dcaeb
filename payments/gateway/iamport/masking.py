"""Mask a call's personal data in i'mport's answer: a PG may quote the account in its refusal."""

import re

from payments.gateway.iamport.wire import Call

_NUMBERS = ("refund_account", "refund_tel", "bank_num")
_NAMES = ("refund_holder",)
_SEPARATORS = r"[\s\-.]*"
_SHORTEST_NAME = 2


def masked(message: str, call: Call) -> str:
    """Mask the account, telephone and holder of the call in the message. The last four digits stay."""
    sent = {**dict(call.params), **(call.body or {})}
    for name in _NUMBERS:
        digits = str(sent.get(name, ""))
        if digits:
            pattern = rf"(?<!\d){_SEPARATORS.join(map(re.escape, digits))}(?!\d)"
            message = re.sub(pattern, f"•••• {digits[-4:]}", message)
    for name in _NAMES:
        holder = str(sent.get(name, ""))
        if len(holder) >= _SHORTEST_NAME:
            message = message.replace(holder, "•••")
    return message
