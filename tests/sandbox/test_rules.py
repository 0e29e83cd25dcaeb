"""Every refusal of a cancel: its code, and that no money moved."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.sandbox.conftest import NOON, Cancel
from tests.sandbox_server import JSON, SandboxServer

SEOUL = timezone(timedelta(hours=9))
ACCOUNT = {"refund_holder": "홍길동", "refund_bank": "088", "refund_account": "110-123-456789"}
INICIS_ACCOUNT = {**ACCOUNT, "refund_bank": "88"}


def at(*moment: int) -> int:
    """Return the UNIX time of a moment in Seoul."""
    return int(datetime(*moment, tzinfo=SEOUL).timestamp())  # type: ignore[misc,arg-type]


def vbank(pg: str, **fields: Any) -> JSON:
    return {"pay_method": "vbank", "pg_provider": pg, **fields}


def phone(pg: str, **fields: Any) -> JSON:
    return {"pay_method": "phone", "pg_provider": pg, **fields}


REFUSED: dict[str, tuple[JSON, JSON, int]] = {
    "checksum differs": ({}, {"amount": 1_000, "checksum": 9_000}, 1),
    "more than the balance": ({"cancel_amount": 5_000}, {"amount": 6_000}, -1),
    "a fraction of a won": ({}, {"amount": "0.5"}, 1),
    "negative amount": ({}, {"amount": -1_000}, 1),
    "amount is not a number": ({}, {"amount": "천원"}, 1),
    "waiting for a deposit": (vbank("nice", status="ready"), dict(ACCOUNT), 1),
    "payment failed": ({"status": "failed"}, {}, 1),
    "naverpay without reason": ({"pg_provider": "naverpay"}, {}, 1),
    "naverpay with a wrong requester": (
        {"pg_provider": "naverpay"},
        {"reason": "변심", "extra": {"requester": "robot"}},
        1,
    ),
    "mixed payment without tax_free": ({"pg_provider": "kcp", "tax_free": 4_000}, {"amount": 1_000}, 1),
    "tax_free exceeds its share": (
        {"pg_provider": "nice", "tax_free": 4_000},
        {"amount": 6_000, "tax_free": 5_000},
        1,
    ),
    "taxable part exceeds its share": (
        {"pg_provider": "nice", "tax_free": 4_000},
        {"amount": 7_000, "tax_free": 0},
        1,
    ),
    "VAT was given but is missing": ({"vat_amount": 800}, {"amount": 1_000}, 1),
    "VAT exceeds what is left": ({"vat_amount": 800}, {"amount": 1_000, "vat_amount": 900}, 1),
    "vbank without account": (vbank("nice"), {}, 1),
    "vbank with half an account": (vbank("nice"), {"refund_holder": "홍길동", "refund_bank": "088"}, 1),
    "vbank with another PG's bank code": (vbank("html5_inicis"), dict(ACCOUNT), -1),
    "vbank with a bank the PG does not list": (vbank("nice_v2"), {**ACCOUNT, "refund_bank": "002"}, -1),
    "vbank with letters in the account": (vbank("nice"), {**ACCOUNT, "refund_account": "abc"}, -1),
    "danal vbank": (vbank("danal"), dict(ACCOUNT), 1),
    "smartro vbank without telephone": (vbank("smartro"), dict(ACCOUNT), 1),
    "smartro_v2 transfer without account": ({"pay_method": "trans", "pg_provider": "smartro_v2"}, {}, 1),
    "part of a phone payment": (phone("danal"), {"amount": 1_000}, -1),
    "phone payment of last month": (
        phone("danal", paid_at=at(2026, 2, 28, 23, 59)),
        {},
        -1,
    ),
    "part of an inicis phone payment": (phone("html5_inicis"), {"amount": 1_000}, -1),
    "part of a ksnet phone payment": (phone("ksnet"), {"amount": 1_000}, -1),
    "ksnet after six months": ({"pg_provider": "ksnet", "paid_at": at(2025, 9, 16, 11, 59)}, {}, -1),
    "ksnet's tenth partial cancel": (
        {"pg_provider": "ksnet", "cancel_history": [{"amount": 100}] * 9},
        {"amount": 100},
        -1,
    ),
    "part of a gift certificate": (
        {"pg_provider": "tosspayments", "pay_method": "cultureland"},
        {"amount": 1_000},
        -1,
    ),
    "part of an escrow payment": ({"escrow": True}, {"amount": 1_000}, -1),
    "escrow payment that the buyer confirmed": (
        {"pg_provider": "kcp", "escrow": True, "escrow_confirmed": True},
        {},
        -1,
    ),
    "welcome transfer without telephone": ({"pay_method": "trans", "pg_provider": "welcome"}, dict(ACCOUNT), 1),
    "naverpay after 1,095 days": (
        {"pg_provider": "naverpay", "paid_at": at(2023, 3, 16, 12)},
        {"reason": "변심"},
        -1,
    ),
    "kcp phone of this month to an account": (phone("kcp"), {**ACCOUNT, "refund_bank": "BK88"}, -1),
    "cancelled at the PG's console": ({"cancelled_at_pg": True}, {}, -1),
    "test payment of yesterday": ({"sandbox": True, "paid_at": at(2026, 3, 15, 23)}, {}, -1),
    "part of a test payment": ({"sandbox": True, "pg_provider": "nice"}, {"amount": 1_000}, -1),
    "test virtual account": (vbank("tosspayments", sandbox=True), dict(ACCOUNT), -1),
    "Naver Pay order": ({"pg_provider": "naverco"}, {"reason": "변심"}, 1),
    "part of a foreign card payment": ({"foreign_card": True}, {"amount": 1_000}, -1),
    "part of a payment with card points": ({"card_points": True}, {"amount": 1_000}, -1),
}


@pytest.mark.parametrize(("fields", "body", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_cancel_moves_nothing(
    sandbox: SandboxServer, cancel: Cancel, fields: JSON, body: JSON, code: int
) -> None:
    before = sandbox.create_payment(**fields)

    answer = cancel(imp_uid=before["imp_uid"], **body)

    assert (answer["code"], answer["response"]) == (code, None)
    assert answer["message"]
    assert sandbox.payment(before["imp_uid"]) == before


ALLOWED: dict[str, tuple[JSON, JSON]] = {
    "naverpay with reason and requester": (
        {"pg_provider": "naverpay"},
        {"reason": "변심", "extra": {"requester": "customer"}},
    ),
    "mixed payment with tax_free": (
        {"pg_provider": "kcp", "tax_free": 4_000},
        {"amount": 1_000, "tax_free": 0},
    ),
    "VAT given again": ({"vat_amount": 800}, {"amount": 1_000, "vat_amount": 80}),
    "VAT of a PG that does not take it": ({"pg_provider": "kcp", "vat_amount": 800}, {"amount": 1_000}),
    "tosspay_v2 in full without VAT": ({"pg_provider": "tosspay_v2", "vat_amount": 800}, {}),
    "inicis vbank": (vbank("html5_inicis"), dict(INICIS_ACCOUNT)),
    "kcp vbank": (vbank("kcp"), {**ACCOUNT, "refund_bank": "BK88"}),
    "smartro vbank with telephone": (vbank("smartro"), {**ACCOUNT, "refund_tel": "010-1234-5678"}),
    "whole phone payment of this month": (phone("danal", paid_at=at(2026, 3, 1, 0, 0)), {}),
    "ksnet within six months": ({"pg_provider": "ksnet", "paid_at": at(2025, 9, 16, 12, 0)}, {}),
    "whole escrow payment": ({"escrow": True}, {"amount": 10_000}),
}


@pytest.mark.parametrize(("fields", "body"), ALLOWED.values(), ids=ALLOWED.keys())
def test_cancel_within_the_rules_is_executed(sandbox: SandboxServer, cancel: Cancel, fields: JSON, body: JSON) -> None:
    payment = sandbox.create_payment(**fields)

    answer = cancel(imp_uid=payment["imp_uid"], **body)

    assert (answer["code"], answer["message"]) == (0, None)
    assert len(answer["response"]["cancel_history"]) == 1


@pytest.mark.parametrize(("hour", "minute", "code"), [(22, 59, 0), (23, 0, -1), (5, 59, -1), (6, 0, 0)])
def test_ksnet_does_not_refund_virtual_accounts_at_night(
    sandbox: SandboxServer, cancel: Cancel, hour: int, minute: int, code: int
) -> None:
    payment = sandbox.create_payment(**vbank("ksnet"))
    sandbox.settings(now=at(2026, 3, 17, hour, minute))

    assert cancel(imp_uid=payment["imp_uid"], **ACCOUNT)["code"] == code


CONTRACTS: dict[str, tuple[str, JSON, JSON]] = {
    "inicis phone in part": ("html5_inicis_phone_partial", phone("html5_inicis"), {"amount": 1_000}),
    "kcp phone in part": ("kcp_phone_partial", phone("kcp"), {"amount": 1_000}),
    "kcp phone next month": (
        "kcp_phone_next_month",
        phone("kcp", paid_at=at(2026, 2, 1, 9)),
        {**ACCOUNT, "refund_bank": "BK88"},
    ),
    "virtual account refunds": ("vbank_refund", vbank("nice"), dict(ACCOUNT)),
}


@pytest.mark.parametrize(("contract", "fields", "body"), CONTRACTS.values(), ids=CONTRACTS.keys())
def test_contract_allows_what_is_refused_without_it(
    sandbox: SandboxServer, cancel: Cancel, contract: str, fields: JSON, body: JSON
) -> None:
    payment = sandbox.create_payment(**fields)

    sandbox.settings(contracts={contract: False})
    without = cancel(imp_uid=payment["imp_uid"], **body)
    sandbox.settings(contracts={contract: True})
    with_contract = cancel(imp_uid=payment["imp_uid"], **body)

    assert without["code"] != 0
    assert with_contract["code"] == 0


def test_kcp_next_month_needs_an_account_even_with_the_contract(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment(**phone("kcp", paid_at=at(2026, 2, 1, 9)))
    sandbox.settings(contracts={"kcp_phone_next_month": True})

    assert cancel(imp_uid=payment["imp_uid"])["code"] == -1


def test_month_is_seoul_time(sandbox: SandboxServer, cancel: Cancel) -> None:
    # 00:30 on April 1st in Seoul is still March in UTC.
    payment = sandbox.create_payment(**phone("danal", paid_at=NOON))
    sandbox.settings(now=at(2026, 4, 1, 0, 30))

    assert cancel(imp_uid=payment["imp_uid"])["code"] == -1
