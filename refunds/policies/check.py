"""Check a refund against the rules, and list the fields that a refund form needs."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from payments.models import Payment
from refunds.inputs import RefundRequest
from refunds.policies import pg_facts
from refunds.policies.context import RefundContext, Verdict
from refunds.policies.rules import (
    AMOUNT,
    IMPOSSIBLE,
    INPUTS,
    PARTIAL,
    TAX_PARTS,
    WARNINGS,
    broken_rules,
    first_broken,
)


def check(context: RefundContext) -> Verdict:
    """Check one refund against every rule. The first violation is the most useful one.

    A payment that cannot be refunded at all gets that one violation only. A wrong amount skips the rules that depend
        on the amount, but not those of the other inputs, so that a form can mark them together.
    """
    if impossible := first_broken(IMPOSSIBLE, context):
        return Verdict(impossible, ())
    inputs = tuple(violation for group in INPUTS for violation in first_broken(group, context))
    if wrong_amount := first_broken(AMOUNT, context):
        return Verdict(wrong_amount + inputs, ())
    parts = tuple(violation for group in TAX_PARTS for violation in first_broken(group, context))
    return Verdict(first_broken(PARTIAL, context) + inputs + parts, broken_rules(WARNINGS, context))


@dataclass(frozen=True, slots=True)
class Requirements:
    """The inputs that a refund form needs for one payment."""

    account: bool  # holder, bank and account number
    tel: bool  # the holder's telephone
    reason: bool
    requester: bool  # buyer or shop
    partial_allowed: bool  # False: only the whole amount can be refunded
    tax_free: bool  # a partial refund must name its tax-free part
    takes_tax_free: bool  # the tax-free part may have to be named: offer the input
    takes_vat: bool  # the VAT part may be named, at least for a partial refund: offer the input
    merchant_fee: Decimal  # KRW, charged to the merchant in addition to the amount


def requirements(payment: Payment, now: datetime, contracts: frozenset[str], vbank_fee: Decimal) -> Requirements:
    """Return what has to be asked for this payment. KSNET's count of partial refunds is left to `check`."""
    pg, tax_free_left = payment.pg_provider, payment.tax_free_left
    wants_tax_free = pg in pg_facts.TAX_FREE_PGS
    return Requirements(
        account=pg_facts.needs_account(payment, now, contracts),
        tel=pg_facts.needs_tel(payment),
        reason=pg_facts.needs_reason(payment),
        requester=pg_facts.needs_requester(payment),
        partial_allowed=not first_broken(PARTIAL, _partial_refund(payment, now, contracts, vbank_fee)),
        tax_free=wants_tax_free and 0 < (tax_free_left or 0) < payment.refundable_amount,
        takes_tax_free=wants_tax_free and tax_free_left != 0,
        takes_vat=pg in pg_facts.VAT_PGS | pg_facts.VAT_PARTIAL_PGS,
        merchant_fee=pg_facts.merchant_fee(payment, vbank_fee),
    )


def _partial_refund(payment: Payment, now: datetime, contracts: frozenset[str], vbank_fee: Decimal) -> RefundContext:
    """Return some partial refund of this payment, to find out whether any is allowed; the amount does not matter."""
    return RefundContext(payment, RefundRequest(amount=payment.amount / 2), now, contracts, vbank_fee)
