"""All refund rules: code, input to correct, condition and source.

A rule blocks a refund only if it is known to fail. What "usually" fails, or does not show in a payment, is a warning:
i'mport's refusal does no harm, while a wrong rejection here would block a refund that works. Sources: "guide" and
"help pages" are i'mport's, "API" is its description of V1. The messages are in `messages.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from refunds.errors import Violation
from refunds.policies import bank_accounts, promotions, taxes
from refunds.policies import conditions as when
from refunds.policies.context import RefundContext
from refunds.policies.messages import sentence


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    field: str | Callable[[RefundContext], str]
    broken: Callable[[RefundContext], bool]
    source: str

    def violation(self, context: RefundContext) -> Violation:
        """Return the violation that this rule reports for the refund."""
        field = self.field if isinstance(self.field, str) else self.field(context)
        return Violation(self.code, sentence(self.code, context), field)


def broken_rules(rules: Iterable[Rule], context: RefundContext) -> tuple[Violation, ...]:
    return tuple(rule.violation(context) for rule in rules if rule.broken(context))


def first_broken(rules: Iterable[Rule], context: RefundContext) -> tuple[Violation, ...]:
    """Return the violation of the first broken rule, or nothing: later rules would only repeat it."""
    return next(((rule.violation(context),) for rule in rules if rule.broken(context)), ())


# No input can help: the first of these that is broken is the only violation.
IMPOSSIBLE = (
    Rule("payment_failed", "", when.payment_failed, "API: status"),
    Rule("payment_pending", "", when.payment_pending, "API: status; whether it can be cancelled is not documented"),
    Rule("status_unknown", "", when.unknown_and_unpaid, "ours: only a time of payment or a refund shows money"),
    Rule("not_paid", "", when.never_paid, "API: status, paid_at"),
    Rule("already_refunded", "", when.nothing_left, "guide: refundable = amount - cancel_amount"),
    Rule("test_payment", "", when.test_payment_of_others, "ours: no money that a buyer could ask for"),
    Rule("currency_not_supported", "", when.currency_unsupported, "ISO 4217"),
    Rule("naver_order", "", when.order_type, "API: naverco is refunded per product order"),
    Rule("danal_vbank", "", when.vbank_without_refunds, "help pages"),
    Rule("convenience_store", "", when.convenience_store_never, "page of inicis_jp"),
    Rule("phone_next_month", "", when.phone_month_over, "guide; exception kcp_phone_next_month: API"),
    Rule("ksnet_too_late", "", when.ksnet_period_over, "API"),
    Rule("ksnet_night", "", when.ksnet_vbank_at_night, "API"),
)

AMOUNT = (
    Rule("balance_changed", "amount", when.balance_changed, "ours, as `checksum` is at i'mport"),
    Rule("amount_not_positive", "amount", when.not_positive, "API: 0 would cancel all that is left"),
    Rule("amount_too_precise", "amount", when.too_precise, "ISO 4217"),
    Rule("amount_exceeds_balance", "amount", when.exceeds_balance, "guide: amount - cancel_amount"),
)

# Payments that cannot be refunded in part.
PARTIAL = (
    Rule("phone_partial", "amount", when.phone_in_part, "help pages; exceptions: html5_inicis, kcp_phone_partial"),
    Rule("gift_certificate_partial", "amount", when.gift_certificate_in_part, "API; pages of daou, mobilians"),
    Rule("escrow_partial", "amount", when.escrow_in_part, "help pages; error tables of the PGs"),
    Rule("ksnet_partial_limit", "amount", when.ksnet_parts_used_up, "API"),
)

# One group per input. Only the first broken rule of a group is reported, so a form can mark all inputs at once.
INPUTS = (
    (Rule("account_required", bank_accounts.missing_account_field, bank_accounts.account_missing, "guide; API"),),
    (
        Rule("bank_unknown", "refund_bank", bank_accounts.bank_unknown, "help pages: bank codes"),
        Rule("bank_not_listed", "refund_bank", bank_accounts.bank_not_listed, "help pages: bank codes"),
    ),
    (
        Rule("account_invalid", "refund_account", bank_accounts.account_invalid, "ours: length of account numbers"),
        Rule("account_is_virtual", "refund_account", bank_accounts.account_is_virtual, "error table of Toss: RF31"),
    ),
    (
        Rule("tel_required", "refund_tel", bank_accounts.tel_missing, "API"),
        Rule("tel_invalid", "refund_tel", bank_accounts.tel_invalid, "ours: length of telephone numbers"),
    ),
    (
        Rule("reason_required", "reason", when.reason_missing, "API: naverpay"),
        Rule("account_in_reason", "reason", bank_accounts.account_in_reason, "ours: others read the reason"),
    ),
    (Rule("requester_invalid", "requester", when.requester_unknown, "API: naverpay, extra.requester"),),
    (
        Rule("promotion_kept_by_shop_only", "retain_promotion", promotions.kept_by_buyer, "ours: it gives back more"),
        Rule("promotion_must_be_kept", "retain_promotion", promotions.must_be_kept, "guide: promotions"),
        Rule("promotion_must_not_be_kept", "retain_promotion", promotions.must_not_be_kept, "guide: promotions"),
    ),
)

# The same for the tax parts, which are checked only if the amount is valid.
TAX_PARTS = (
    (
        Rule("tax_free_not_supported", "tax_free", taxes.tax_free_not_taken, "pages of daou, mobilians, paypal"),
        Rule("tax_free_required", "tax_free", taxes.tax_free_missing, "API: tax_free; pages of inicis, toss_brandpay"),
        Rule("tax_free_negative", "tax_free", taxes.tax_free_negative, "API: a part of `amount`"),
        Rule("tax_free_too_precise", "tax_free", taxes.tax_free_too_precise, "ISO 4217"),
        Rule("tax_free_exceeds_amount", "tax_free", taxes.tax_free_above_amount, "API: a part of `amount`"),
        Rule("tax_free_exceeds_balance", "tax_free", taxes.tax_free_above_left, "the shop's parts; API: balance"),
        Rule("tax_free_too_small", "tax_free", taxes.tax_free_below_least, "the shop's parts; API: balance"),
    ),
    (
        Rule("vat_only_with_partial", "vat_amount", taxes.vat_without_partial, "API: tosspay_v2"),
        Rule("vat_not_supported", "vat_amount", taxes.vat_not_taken, "API: vat_amount; pages of mobilians, kakaopay"),
        Rule("vat_required", "vat_amount", taxes.vat_missing, "API: if given at payment; page of tosspay_v2"),
        Rule("vat_negative", "vat_amount", taxes.vat_negative, "API: a part of `amount`"),
        Rule("vat_too_precise", "vat_amount", taxes.vat_too_precise, "ISO 4217"),
        Rule("vat_exceeds_amount", "vat_amount", taxes.vat_above_amount, "API: a part of `amount`"),
        Rule("vat_exceeds_balance", "vat_amount", taxes.vat_above_left, "the shop's parts"),
    ),
)

# Costs, delays, and what i'mport may still refuse: every one that applies is reported.
WARNINGS = (
    Rule("taken_back", "", when.taken_back, "API: checksum; i'mport shows another balance"),
    Rule("vbank_contract", "", when.vbank_contract_unnamed, "guide; the shop may have it all the same"),
    Rule("vbank_fee", "", when.vbank_fee_due, "guide"),
    Rule("vbank_payout", "", when.vbank_paid_as_usual, "guide; help pages"),
    Rule("vbank_next_day_payout", "", when.vbank_paid_next_day, "help pages: kcp"),
    Rule("vbank_thursday_payout", "", when.vbank_paid_on_thursdays, "page of mobilians"),
    Rule("vbank_slow_payout", "", when.vbank_paid_slowly, "help pages: daou"),
    Rule("settles_later", "", when.settles_later, "API; pages of kicc, paymentwall, smartro_v2"),
    Rule("fee_kept", "", when.fee_kept, "help pages: trans, paymentwall"),
    Rule("escrow", "", when.escrow, "help pages; error tables of the PGs"),
    Rule("convenience_store_paid", "", when.convenience_store_paid, "API: galaxia, before payment only"),
    Rule("late_refund", "", when.usual_period_over, "help pages: “usually”"),
    Rule("points_partial", "amount", when.points_in_part, "help pages: mixed-in card points, not shown"),
    Rule("foreign_card_partial", "amount", when.maybe_foreign_card_in_part, "help pages; only hinted at"),
    Rule("phone_approved_anew", "amount", when.phone_approved_anew, "help pages: html5_inicis"),
    Rule("welcome_partial", "amount", when.welcome_in_part, "page of welcome"),
    Rule("paymentwall_partial", "amount", when.paymentwall_in_part, "page of paymentwall; not shown"),
    Rule("status_unusual", "", when.unknown_but_paid, "ours; i'mport decides"),
    Rule("promotion", "", when.promotion_applied, "API: amounts are those before the discount"),
    Rule("promotion_expected", "", promotions.is_whole, "guide: promotions"),
    Rule("promotion_expected_kept", "", promotions.keeps_its_share, "guide: promotions; only for percentages"),
    Rule("promotion_depends", "", promotions.depends_on_conditions, "guide: promotions; conditions not shown"),
    Rule("promotion_may_refuse", "amount", promotions.may_be_refused, "guide: promotions; conditions not shown"),
    Rule("promotion_option_unknown", "", promotions.option_unknown, "guide: console cancels bind, and do not show it"),
    Rule("tax_free_counts_as_zero", "tax_free", taxes.tax_free_counts_as_zero, "API: 0 where missing"),
    Rule("tax_free_of_discount", "tax_free", taxes.tax_free_of_discount, "API: balance; how it counts is not said"),
    Rule("tax_free_unchecked", "tax_free", taxes.tax_free_unchecked, "page of smartro_v2"),
    Rule("tax_parts_of_first_only", "tax_free", taxes.tax_parts_of_first_only, "page of mobilians"),
    Rule("vat_not_named", "vat_amount", taxes.vat_unnamed, "API: needed if given at payment, not shown"),
)

# The warnings that only tell what will happen: what it costs, when it is paid, and how much.
NOTES = frozenset(
    {
        *("vbank_fee", "fee_kept", "settles_later", "promotion_expected"),
        *("vbank_payout", "vbank_next_day_payout", "vbank_thursday_payout", "vbank_slow_payout"),
    }
)
