"""The refund rules: pure functions of a `RefundContext`, without database, clock or settings.

`rules.py` lists every rule with its source, `pg_facts.py` the differences by payment method and PG, `messages.py` the
messages of the rules.
"""

from refunds.policies.arrival import Arrival, ArrivalDays, arrival_days, usual_arrival
from refunds.policies.bank_accounts import WireAccount, wire_account
from refunds.policies.business_days import add_business_days
from refunds.policies.check import Requirements, check, needs_earlier, requirements
from refunds.policies.context import RefundContext, Verdict
from refunds.policies.pg_facts import (
    counts_partials,
    has_balance,
    merchant_cost,
    merchant_fee,
    needs_account,
    needs_reason,
    needs_requester,
    needs_tel,
    sends_refund_number,
    settles_later,
)
from refunds.policies.promotions import effective_retain, received
from refunds.policies.rules import NOTES
from refunds.policies.taxes import effective_tax_free, effective_vat

__all__ = [
    "NOTES",
    "Arrival",
    "ArrivalDays",
    "RefundContext",
    "Requirements",
    "Verdict",
    "WireAccount",
    "add_business_days",
    "arrival_days",
    "check",
    "counts_partials",
    "effective_retain",
    "effective_tax_free",
    "effective_vat",
    "has_balance",
    "merchant_cost",
    "merchant_fee",
    "needs_account",
    "needs_earlier",
    "needs_reason",
    "needs_requester",
    "needs_tel",
    "received",
    "requirements",
    "sends_refund_number",
    "settles_later",
    "usual_arrival",
    "wire_account",
]
