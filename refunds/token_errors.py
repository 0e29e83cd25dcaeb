"""Why an API token may not make a refund. Nothing was sent.

RefundError (refunds.errors)
 └── TokenRefused
      ├── TokenEnded           token_ended             revoked or expired since the request came
      ├── TokenCurrency        token_currency          its limits are in another currency
      ├── TokenAmountLimit     token_amount_limit      more than it may refund at once
      └── TokenDailyLimit      token_daily_limit       more than it may refund today
"""

from core.sentences import sentence as _
from refunds.errors import RefundError


class TokenRefused(RefundError):
    """The API token may not make this refund. Amounts are passed in already formatted."""


class TokenEnded(TokenRefused):
    """The token was revoked, or has expired, since the request arrived."""

    code = "token_ended"

    def __init__(self) -> None:
        super().__init__(_("This token was revoked or has expired. Ask an administrator for a new one."))


class TokenCurrency(TokenRefused):
    """A token with limits refunds their currency only: other amounts cannot be compared with them."""

    code = "token_currency"

    def __init__(self, currency: str) -> None:
        message = _("This token can refund %(currency)s only. Ask an administrator to refund this order.")
        super().__init__(message % {"currency": currency})


class TokenAmountLimit(TokenRefused):
    """More than the token may refund at once."""

    code = "token_amount_limit"

    def __init__(self, amount: str, limit: str) -> None:
        message = _(
            "%(amount)s is above this token's limit of %(limit)s per refund. Refund less, or ask an "
            "administrator to refund this order."
        )
        super().__init__(message % {"amount": amount, "limit": limit})


class TokenDailyLimit(TokenRefused):
    """More than the token may refund on one day in Korea."""

    code = "token_daily_limit"

    def __init__(self, amount: str, limit: str, left: str) -> None:
        message = _(
            "%(amount)s is above what this token can refund today: %(left)s of %(limit)s is left. Try "
            "again after midnight in Korea, or ask an administrator to refund this order."
        )
        super().__init__(message % {"amount": amount, "limit": limit, "left": left})
