"""Read IAMPORT_CONTRACTS: what the shop's contracts with PGs allow besides the usual."""

from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

CONTRACTS = frozenset(
    {
        "html5_inicis_phone_partial",  # without effect: Inicis refunds in part without it
        "kcp_phone_partial",
        "kcp_phone_next_month",
        "vbank_refund",
        "welcome_partial",
    }
)

# A virtual-account refund contract can be limited to one PG (`vbank_refund:PG`); without a PG it covers all.
PER_PG = "vbank_refund"
# A PG through which the shop also sells tax-free goods (`mixed_tax:PG`).
MIXED_TAX = "mixed_tax"


def known_contracts(names: Iterable[str]) -> frozenset[str]:
    """Return the names as a set.

    Raises `ImproperlyConfigured` for an unknown name: a misspelt one would silently reject refunds.
    """
    contracts = frozenset(names)
    for name in sorted(contracts):
        base, colon, provider = name.partition(":")
        known = base in CONTRACTS and (not colon or (base == PER_PG and provider))
        if not known and not (base == MIXED_TAX and provider):
            allowed = ", ".join([*sorted(CONTRACTS), f"{PER_PG}:PG", f"{MIXED_TAX}:PG"])
            raise ImproperlyConfigured(f"IAMPORT_CONTRACTS has the unknown name {name}: use any of {allowed}")
    return contracts
