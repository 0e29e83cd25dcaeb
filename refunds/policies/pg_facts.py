"""Differences by payment method and PG, as tables, and predicates that read them.

All tables use `pg_provider`, which executes the cancel and which i'mport's rules name. `emb_pg_provider` is only the
wallet that the buyer opened inside that PG's payment window.
"""

from datetime import datetime
from decimal import Decimal

from core.dates import Period, in_later_month
from payments.models import Payment
from refunds.policies.context import RefundContext

# Help pages: a phone payment can be refunded only in full and in the month of payment. Inicis refunds a part by
# approving the rest anew; KCP does more by contract.
PHONE_REAPPROVING_PGS = frozenset({"html5_inicis"})
PHONE_PARTIAL_CONTRACTS = {"kcp": "kcp_phone_partial"}
PHONE_LATER_CONTRACTS = {"kcp": "kcp_phone_next_month"}

# Guide: virtual accounts need a refund contract, for all PGs or for one (`vbank_refund:PG`); Toss Payments needs none.
VBANK_CONTRACT = "vbank_refund"
NO_VBANK_CONTRACT_PGS = frozenset({"tosspayments"})

# PGs' pages: (PG, method) pairs besides virtual accounts whose refund goes to a bank account.
ACCOUNT_METHODS = frozenset({("smartro_v2", "trans"), ("welcome", "trans")})
# PGs' pages: the pairs that also need the account holder's telephone number.
TEL_METHODS = frozenset({("smartro", "vbank"), ("smartro_v2", "vbank"), ("welcome", "vbank")}) | ACCOUNT_METHODS

# API description and PGs' pages: (PG, method) pairs that accept a cancel first and execute or refuse it later.
# "" is every method.
LATER = frozenset({("paypal_v2", ""), ("paymentwall", ""), ("smartro_v2", "vbank"), ("kicc", "wechat")})

# API description and the PGs' pages: without `tax_free`, these PGs book a refund with tax-free goods wrongly, in full
# or only in part. KG Inicis takes all of it as tax-free. Any other PG counts a missing `tax_free` as 0.
TAX_FREE_PGS = frozenset({"html5_inicis", "kcp", "kcp_quick", "kicc", "nice", "payco", "toss_brandpay", "welcome"})
TAX_FREE_PARTIAL_PGS = frozenset({"smartro_v2"})
# API description and the PGs' pages: the PGs that accept `vat_amount`, always or with partial cancels only.
VAT_PGS = frozenset({"nice", "nice_v2", "html5_inicis", "welcome"})
VAT_PARTIAL_PGS = frozenset({"tosspay_v2"})
# The PGs' pages: no tax parts at all; with these methods; only the first cancel's parts count.
NO_TAX_PARTS_PGS = frozenset({"paypal", "paypal_v2"})
NO_TAX_PARTS_METHODS = {
    "daou": frozenset({"trans", "vbank", "phone", "cultureland", "smartculture", "booknlife", "culturegift"}),
    "mobilians": frozenset({"trans", "vbank", "payco", "cultureland", "smartculture", "booknlife", "culturegift"}),
}
FIRST_TAX_PARTS_PGS = frozenset({"mobilians"})
# The same for these wallets at Kiwoom Pay, but for partial cancels only.
NO_TAX_PARTS_WALLETS = {"daou": frozenset({"kakaopay", "payco"})}
# Contract: the shop also sells tax-free goods through this PG (`mixed_tax:PG`).
MIXED_TAX_CONTRACT = "mixed_tax"

# Help pages: no refund of virtual accounts.
NO_VBANK_PGS = frozenset({"danal", "danal_tpay"})
# Help pages: when a virtual account's refund is paid, where it is not the usual one or two business days.
NEXT_DAY_VBANK_PGS = frozenset({"kcp"})
THURSDAY_VBANK_PGS = frozenset({"mobilians", "mobilians_v2"})
SLOW_VBANK_PGS = frozenset({"daou"})

# Naver Pay's order type is refunded per product order at Naver; its payment type is "naverpay".
ORDER_TYPE_PG = "naverco"

# Inicis Japan's page: convenience store payments are never refunded. Galaxia's can be withdrawn before payment only.
CONVENIENCE_STORE = frozenset({"cvs", "convenience_store"})
NO_CONVENIENCE_STORE_PGS = frozenset({"inicis_jp"})

# PGs' pages and error tables: escrow payments are refunded in full only, whatever the buyer has confirmed.
ESCROW_FULL_PGS = frozenset(
    {"kcp", "kcp_quick", "nice", "nice_v2", "tosspayments", "uplus", "html5_inicis", "inicis", "welcome"}
)

# Welcome's page: partial refunds need a service, named here as a contract.
WELCOME_PARTIAL_CONTRACT = "welcome_partial"

# API description: KSNET's limits.
KSNET_MAX_PARTIALS = 9
KSNET_PERIOD = Period(months=6)
KSNET_NIGHT_FROM, KSNET_NIGHT_TO = 23, 6

# API description and PGs' pages: the gift certificates that a PG refunds in full only. "smartculture" is the game one.
GIFT_CERTIFICATES = {
    "tosspayments": frozenset({"cultureland", "culturegift", "smartculture", "booknlife"}),
    "daou": frozenset({"smartculture", "booknlife"}),
    "mobilians": frozenset({"smartculture"}),
    "mobilians_v2": frozenset({"smartculture"}),
}

# Help pages: the period after which refunds are "usually" refused, by PG or else by method. Some cards allow only
# 3 months and Kakao Pay money 5 years, which a payment does not show; virtual accounts have no limit.
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
    """Return whether this is a phone payment of an earlier month. Without a date, leave the decision to the PG."""
    by_phone = payment.pay_method == "phone"
    return by_phone and payment.paid_at is not None and in_later_month(now, payment.paid_at)


def phone_refundable_later(payment: Payment, contracts: frozenset[str]) -> bool:
    return PHONE_LATER_CONTRACTS.get(payment.pg_provider) in contracts


def phone_partly_refundable(payment: Payment, contracts: frozenset[str]) -> bool:
    pg = payment.pg_provider
    return pg in PHONE_REAPPROVING_PGS or PHONE_PARTIAL_CONTRACTS.get(pg) in contracts


def has_vbank_contract(payment: Payment, contracts: frozenset[str]) -> bool:
    """Return whether the refund contract is named, or the PG needs none."""
    if payment.pg_provider in NO_VBANK_CONTRACT_PGS:
        return True
    return not contracts.isdisjoint({VBANK_CONTRACT, f"{VBANK_CONTRACT}:{payment.pg_provider}"})


def has_mixed_contract(payment: Payment, contracts: frozenset[str]) -> bool:
    return f"{MIXED_TAX_CONTRACT}:{payment.pg_provider}" in contracts


def needs_account(payment: Payment, now: datetime, contracts: frozenset[str]) -> bool:
    """Return whether the refund is paid to a bank account that must be entered (API description)."""
    if payment.pay_method == "vbank" or (payment.pg_provider, payment.pay_method) in ACCOUNT_METHODS:
        return True
    return phone_month_is_over(payment, now) and phone_refundable_later(payment, contracts)


def needs_tel(payment: Payment) -> bool:
    """Return whether the account holder's telephone number is required (PGs' pages)."""
    return (payment.pg_provider, payment.pay_method) in TEL_METHODS


def takes_tel(payment: Payment) -> bool:
    """Return whether the telephone number is sent if it is known: the API asks for it with every virtual account."""
    return payment.pay_method == "vbank" or payment.pg_provider == "smartro" or needs_tel(payment)


def has_balance(payment: Payment) -> bool:
    """Return whether i'mport tells what is left of this payment by tax kind (API description: PAYCO only)."""
    return payment.pg_provider == "payco"


def counts_partials(payment: Payment) -> bool:
    """Return whether a rule uses the number of partial refunds so far (API description: KSNET's limit)."""
    return payment.pg_provider == "ksnet"


def needs_reason(payment: Payment) -> bool:
    """Return whether the PG refuses a cancel without a reason (API description)."""
    return payment.pg_provider == "naverpay"


def sends_refund_number(payment: Payment) -> bool:
    """Return whether our refund number may be appended to the reason. Not for Naver Pay, which reviews the reason."""
    return payment.pg_provider != "naverpay"


def needs_requester(payment: Payment) -> bool:
    """Return whether the PG must know who requested the refund (API description)."""
    return payment.pg_provider == "naverpay"


def settles_later(payment: Payment) -> bool:
    """Return whether the PG only accepts the cancel at first, and executes or refuses it later."""
    return not LATER.isdisjoint({(payment.pg_provider, ""), (payment.pg_provider, payment.pay_method)})


def merchant_fee(payment: Payment, vbank_fee: Decimal) -> Decimal:
    """Return the merchant's fee for a refund, in KRW (guide: the transfer of a virtual account's refund)."""
    return vbank_fee if payment.pay_method == "vbank" else Decimal(0)


def merchant_cost(context: RefundContext) -> Decimal:
    """Return the merchant's total cost: a refund of 10,000 to a virtual account's buyer costs 10,300."""
    return context.amount + merchant_fee(context.payment, context.vbank_fee)
