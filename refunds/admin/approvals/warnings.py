"""The warnings of a request then and now. What is new since, or says that money may reach a stranger, is ticked."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from refunds.errors import Violation
from refunds.models import RefundApproval
from refunds.policies import NOTES
from refunds.services.account_holder import STRANGER

BOTH, NOW, THEN = "both", "now", "then"


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning of a request. `when`: since the request, new, or no longer. `mark` is what its tick sends."""

    code: str
    message: str
    when: str
    mark: str
    is_read: bool

    @property
    def level(self) -> str:
        if self.code in STRANGER:
            return "error"
        return "info" if self.code in NOTES or self.when == THEN else "warning"

    @property
    def has_tick(self) -> bool:
        return self.when != THEN and self.level != "info" and (self.when == NOW or self.code in STRANGER)


def warnings_of(approval: RefundApproval, now: Iterable[Violation] | None, read: Collection[str]) -> list[Warned]:
    """Return the warnings that apply now, the new ones first, and those that applied when it was requested.

    `now` None: it waits no longer, so only the old ones are known. `read` has the marks that were ticked.
    """
    old = {warning["code"]: warning["message"] for warning in approval.shown_warnings}
    if now is None:
        return [_warned(approval, code, message, BOTH, ()) for code, message in old.items()]
    current = {warning.code: warning.message for warning in now}
    found = [_warned(approval, code, message, BOTH if code in old else NOW, read) for code, message in current.items()]
    gone = [_warned(approval, code, message, THEN, ()) for code, message in old.items() if code not in current]
    return sorted([*found, *gone], key=lambda one: (NOW, BOTH, THEN).index(one.when))


def _warned(approval: RefundApproval, code: str, message: str, when: str, read: Collection[str]) -> Warned:
    told = json.dumps([approval.number, code, message])
    mark = salted_hmac("refunds.read_of_approval", told).hexdigest()[:20]
    return Warned(code, message, when, mark, mark in read)
