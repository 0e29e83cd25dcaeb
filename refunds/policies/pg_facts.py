"""What differs by payment method and PG, as tables, and the questions about a payment that they answer.

Everything goes by `pg_provider`: it carries out the cancel, and i'mport's rules name it. `emb_pg_provider` is
only the wallet that the buyer opened inside that PG's payment window.
"""

from datetime import datetime
from decimal import Decimal

from core.dates import Period, in_later_month
from payments.models import Payment
from refunds.policies.context import RefundContext

# The guide: a phone bill is refunded in full and in the month of payment only; a contract may allow more.
PHONE_PARTIAL_CONTRACTS = {"html5_inicis": "html5_inicis_phone_partial", "kcp": "kcp_phone_partial"}
PHONE_LATER_CONTRACTS = {"kcp": "kcp_phone_next_month"}

# The guide: virtual accounts need a refund contract, named for all PGs or for one (`vbank_refund:PG`).
VBANK_CONTRACT = "vbank_refund"

# API description: (PG, method) pairs besides virtual accounts whose refund goes to a bank account.
ACCOUNT_METHODS = frozenset({("smartro_v2", "trans")})

# API description: the PGs that also want the account holder's telephone, and for which methods.
TEL_PGS = frozenset({"smartro", "smartro_v2"})
TEL_METHODS = frozenset({"vbank", "trans"})

# API description: where `tax_free` must be sent for tax-free and mixed payments.
TAX_FREE_PGS = frozenset({"kcp", "kcp_quick", "kicc", "nice", "payco", "smartro_v2", "welcome"})
# API description: where `vat_amount` is taken, always or with partial cancels only.
VAT_PGS = frozenset({"nice", "nice_v2", "html5_inicis", "welcome"})
VAT_PARTIAL_PGS = frozenset({"tosspay_v2"})

# Help pages: no refund of virtual accounts.
NO_VBANK_PGS = frozenset({"danal", "danal_tpay"})
# Help pages: "7 or more business days" instead of the next one.
SLOW_VBANK_PGS = frozenset({"daou"})

# API description: KSNET's limits.
KSNET_MAX_PARTIALS = 9
KSNET_PERIOD = Period(months=6)
KSNET_NIGHT_FROM, KSNET_NIGHT_TO = 23, 6

# API description: Toss Payments refunds these in full only.
GIFT_CERTIFICATES = frozenset({"cultureland", "smartculture", "booknlife"})

# Help pages: what is "usually" refused later, by PG or else by method. Some cards take only 3 months and
# Kakao Pay money 5 years, which a payment does not tell; virtual accounts have no limit.
USUAL_PERIODS = {
    "naverpay": Period(days=1095),
    "paypal": Period(days=180),
    "paypal_v2": Period(days=180),
    "kakaopay": Period(months=12),
    "card": Period(months=12),
    "trans": Period(months=3),
}


def usual_period(payment: Payment) -> Period | None:
    return USUAL_PERIODS.get(payment.pg_provider) or USUAL_PERIODS.get(payment.pay_method)


def phone_month_is_over(payment: Payment, now: datetime) -> bool:
    """Whether this is a phone bill of an earlier month. An unknown day is left to the PG to judge."""
    by_phone = payment.pay_method == "phone"
    return by_phone and payment.paid_at is not None and in_later_month(now, payment.paid_at)


def phone_refundable_later(payment: Payment, contracts: frozenset[str]) -> bool:
    return PHONE_LATER_CONTRACTS.get(payment.pg_provider) in contracts


def phone_partly_refundable(payment: Payment, contracts: frozenset[str]) -> bool:
    return PHONE_PARTIAL_CONTRACTS.get(payment.pg_provider) in contracts


def has_vbank_contract(payment: Payment, contracts: frozenset[str]) -> bool:
    return not contracts.isdisjoint({VBANK_CONTRACT, f"{VBANK_CONTRACT}:{payment.pg_provider}"})


def needs_account(payment: Payment, now: datetime, contracts: frozenset[str]) -> bool:
    """Whether the refund goes to a bank account that somebody has to name (API description)."""
    if payment.pay_method == "vbank" or (payment.pg_provider, payment.pay_method) in ACCOUNT_METHODS:
        return True
    return phone_month_is_over(payment, now) and phone_refundable_later(payment, contracts)


def needs_tel(payment: Payment) -> bool:
    """Whether the account holder's telephone goes along (API description)."""
    return payment.pg_provider in TEL_PGS and payment.pay_method in TEL_METHODS


def needs_tax_parts(payment: Payment) -> bool:
    """Whether the rules look at `tax_free_left` and `vat_left`, so they are worth reading from i'mport."""
    return payment.pg_provider in TAX_FREE_PGS | VAT_PGS | VAT_PARTIAL_PGS


def counts_partials(payment: Payment) -> bool:
    """Whether a rule looks at the number of partial refunds so far (API description: KSNET's limit)."""
    return payment.pg_provider == "ksnet"


def needs_reason(payment: Payment) -> bool:
    """Whether the PG refuses a cancel without a reason (API description)."""
    return payment.pg_provider == "naverpay"


def sends_refund_number(payment: Payment) -> bool:
    """Whether our refund number may follow the reason. Naver Pay reviews the reason, so not there."""
    return payment.pg_provider != "naverpay"


def needs_requester(payment: Payment) -> bool:
    """Whether the PG reviews on whose wish the refund is made (API description)."""
    return payment.pg_provider == "naverpay"


def settles_later(payment: Payment) -> bool:
    """Whether a cancel is only accepted at first, its result coming later (API description)."""
    return payment.pg_provider == "paypal_v2" or (payment.pg_provider == "smartro_v2" and payment.pay_method == "vbank")


def merchant_fee(payment: Payment, vbank_fee: Decimal) -> Decimal:
    """What a refund costs the merchant on top, in KRW (guide: the transfer of a virtual account's refund)."""
    return vbank_fee if payment.pay_method == "vbank" else Decimal(0)


def merchant_cost(context: RefundContext) -> Decimal:
    """What this refund takes from the merchant in all: 10,000 to a virtual account's buyer costs 10,300."""
    return context.amount + merchant_fee(context.payment, context.vbank_fee)
