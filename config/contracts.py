"""What a merchant's contract allows beyond a PG's normal rules, named in IAMPORT_CONTRACTS."""

from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

CONTRACTS = frozenset({"html5_inicis_phone_partial", "kcp_phone_partial", "kcp_phone_next_month", "vbank_refund"})

# A virtual-account refund contract is made with one PG: `vbank_refund:PG`; without a PG it means all of them.
PER_PG = "vbank_refund"


def known_contracts(names: Iterable[str]) -> frozenset[str]:
    """The names as a set; a misspelt one would silently refuse refunds, so it stops the process."""
    contracts = frozenset(names)
    for name in sorted(contracts):
        base, colon, provider = name.partition(":")
        if base not in CONTRACTS or (colon and (base != PER_PG or not provider)):
            allowed = ", ".join([*sorted(CONTRACTS), f"{PER_PG}:PG"])
            raise ImproperlyConfigured(f"IAMPORT_CONTRACTS has the unknown name {name}: use any of {allowed}")
    return contracts
