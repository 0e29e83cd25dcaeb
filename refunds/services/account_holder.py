"""Ask the bank whose account a refund would go to: money sent to a wrong account rarely returns."""

from dataclasses import replace

from core.sentences import sentence as _
from core.sentences import sentence_lazy as gettext_lazy
from payments.gateway import Gateway, GatewayError, GatewayRejected, get_gateway
from refunds.errors import Violation
from refunds.policies import WireAccount

HOLDER_DIFFERS, NOT_CONFIRMED = "account_holder_differs", "account_not_confirmed"
STRANGER = frozenset({HOLDER_DIFFERS, NOT_CONFIRMED})  # the money may reach a stranger
SOMEBODY_ELSE = gettext_lazy(
    "According to the bank, this account belongs to somebody else. Check the name and the number."
)


def holder_warnings(
    account: WireAccount, *, names_holder: bool, gateway: Gateway | None = None
) -> tuple[Violation, ...]:
    """Return what speaks against this account, by i'mport's word: `account_holder_differs`, `account_not_confirmed`.

    `names_holder`: say whose account it is. Not to buyers, who could ask for the holder of any account. Nothing is
    returned where there is no account, and where it could not be checked: i'mport may not offer it, and the PG checks
    the account anyway. Waits for seconds at most.
    """
    if not account.account:
        return ()
    try:
        holder = (gateway or get_gateway()).account_holder(bank_code=account.standard_bank, account=account.account)
    except GatewayRejected as exc:
        message = _("The account could not be confirmed: %(message)s") % {"message": exc.message}
        if not names_holder:
            message = _("The bank could not confirm this account. Check the bank and the number.")
        return (Violation(NOT_CONFIRMED, message, "refund_account"),)
    except GatewayError:
        return ()
    if _plain(holder) == _plain(account.holder):
        return ()
    message = str(SOMEBODY_ELSE)
    if names_holder:
        message = _("According to the bank, this account belongs to %(holder)s. Check the name and the number.")
        message %= {"holder": holder}
    return (Violation(HOLDER_DIFFERS, message, "refund_holder"),)


def unnamed(warnings: tuple[Violation, ...]) -> tuple[Violation, ...]:
    """Return the warnings without the holder's name, for what is kept or others read."""
    return tuple(
        replace(warning, message=str(SOMEBODY_ELSE)) if warning.code == HOLDER_DIFFERS else warning
        for warning in warnings
    )


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
