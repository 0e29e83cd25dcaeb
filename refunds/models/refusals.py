"""Classes of refused refunds."""

from django.db import models
from django.utils.translation import pgettext_lazy

from core.sentences import sentence_lazy as _

# Another cancel may have moved the money, or still move it: no words may suggest another try.
MONEY_MAY_MOVE = ("already_cancelled", "already_running")


class RefusalClass(models.TextChoices):
    """Why i'mport refused a refund, as far as its text tells: the classes of `payments.gateway.Refusal`."""

    ALREADY_CANCELLED = "already_cancelled", _("Already cancelled")
    ALREADY_RUNNING = "already_running", _("A cancel is running")
    SETTLEMENT_SHORT = "settlement_short", _("Not enough settlement money")
    SHOP_LIMIT = "shop_limit", _("Limit of the shop reached")
    PERIOD_OVER = "period_over", _("Too late to cancel")
    NOT_IN_PART = "not_in_part", _("Not refundable in part")
    BUYER_CONFIRMED = "buyer_confirmed", _("Purchase confirmed by the buyer")
    ACCOUNT_WRONG = "account_wrong", _("Refund account rejected")
    USE_PLAIN_CANCEL = "use_plain_cancel", _("Cancel without an account")
    RECEIPT_FIRST = "receipt_first", _("Cash receipt not cancelled")
    NOT_ALLOWED = "not_allowed", _("Not allowed by contract or setting")
    PG_DOWN = "pg_down", _("PG or bank unavailable")
    OTHER = "other", pgettext_lazy("refusal", "Other")


# No other try of the same refund can succeed, or none may be made before the payment was compared or the PG asked.
FINAL_REFUSALS = (
    *MONEY_MAY_MOVE,
    RefusalClass.PERIOD_OVER,
    RefusalClass.NOT_IN_PART,
    RefusalClass.BUYER_CONFIRMED,
)
FINAL_STEPS = ("ask_pg", "outside", "escrow_service", "test_payment")
