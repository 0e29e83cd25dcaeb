"""The tax parts of cancels, PG by PG, and PAYCO's balance."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import NOON, Cancel
from tests.sandbox_server import JSON, SandboxServer


def mixed(pg: str, **fields: object) -> JSON:
    return {"pg_provider": pg, "tax_free": 4_000, **fields}


def booked(sandbox: SandboxServer, imp_uid: str) -> JSON:
    part: JSON = sandbox.payment(imp_uid)["cancel_parts"][-1]
    return part


COUNTED: dict[str, tuple[JSON, JSON, int]] = {
    "inicis without a part: all of it": (mixed("html5_inicis"), {"amount": 3_000}, 3_000),
    "inicis with 0": (mixed("html5_inicis"), {"amount": 3_000, "tax_free": 0}, 0),
    "inicis exactly as sent": (mixed("html5_inicis"), {"amount": 3_000, "tax_free": 500}, 500),
    "kcp": (mixed("kcp"), {"amount": 3_000, "tax_free": 500}, 500),
    "another PG counts a missing part as 0": (mixed("nice_v2"), {"amount": 3_000}, 0),
    "another PG counts a given part": (mixed("ksnet"), {"amount": 3_000, "tax_free": 500}, 500),
    "smartro_v2 in full": (mixed("smartro_v2"), {"tax_free": 1}, 4_000),
    "taxable MID": ({"pg_provider": "tosspayments"}, {"amount": 3_000, "tax_free": 500}, 0),
    "daou by transfer": (mixed("daou", pay_method="trans"), {"amount": 3_000, "tax_free": 500}, 0),
    "part of kakaopay at daou": (mixed("daou", emb_pg_provider="kakaopay"), {"amount": 3_000, "tax_free": 500}, 0),
    "kakaopay": (mixed("kakaopay", pay_method="kakaopay"), {"amount": 3_000, "tax_free": 500}, 500),
}


@pytest.mark.parametrize(("fields", "body", "tax_free"), COUNTED.values(), ids=COUNTED.keys())
def test_tax_free_part_is_counted_as_the_pg_does(
    sandbox: SandboxServer, cancel: Cancel, fields: JSON, body: JSON, tax_free: int
) -> None:
    imp_uid = sandbox.create_payment(**fields)["imp_uid"]

    assert cancel(imp_uid=imp_uid, **body)["code"] == 0
    assert booked(sandbox, imp_uid)["tax_free"] == tax_free


@pytest.mark.parametrize("pg", ["kcp", "kcp_quick", "kicc", "nice", "payco", "toss_brandpay"])
@pytest.mark.parametrize("body", [{}, {"amount": 3_000}])
def test_tax_free_part_is_required_in_part_and_in_full(
    sandbox: SandboxServer, cancel: Cancel, pg: str, body: JSON
) -> None:
    payment = sandbox.create_payment(**mixed(pg))

    assert cancel(imp_uid=payment["imp_uid"], **body)["code"] == 1


def test_mid_that_became_mixed_changes_its_old_payments(sandbox: SandboxServer, cancel: Cancel) -> None:
    imp_uid = sandbox.create_payment()["imp_uid"]
    sandbox.settings(mixed_mids=["html5_inicis"])

    cancel(imp_uid=imp_uid, amount=3_000)

    assert booked(sandbox, imp_uid)["tax_free"] == 3_000


def test_mobilians_counts_the_parts_of_the_first_cancel_only(sandbox: SandboxServer, cancel: Cancel) -> None:
    imp_uid = sandbox.create_payment(**mixed("mobilians"))["imp_uid"]

    cancel(imp_uid=imp_uid, amount=1_000, tax_free=400)
    first = booked(sandbox, imp_uid)["tax_free"]
    cancel(imp_uid=imp_uid, amount=1_000, tax_free=400)

    assert (first, booked(sandbox, imp_uid)["tax_free"]) == (400, 0)


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"pg_provider": "kakaopay", "pay_method": "kakaopay"}, {"vat_amount": 90}),
        ({"pg_provider": "tosspay_v2", "vat_amount": 800}, {}),
    ],
)
def test_vat_that_went_wrong_spoils_the_next_partial_cancel(
    sandbox: SandboxServer, cancel: Cancel, fields: JSON, body: JSON
) -> None:
    imp_uid = sandbox.create_payment(**fields)["imp_uid"]

    first = cancel(imp_uid=imp_uid, amount=1_000, **body)
    second = cancel(imp_uid=imp_uid, amount=1_000, **body)

    assert (first["code"], second["code"]) == (0, 1)
    assert "bigger than cancelable amount" in second["message"]


def test_balance_is_paycos_alone(sandbox: SandboxServer) -> None:
    card = sandbox.create_payment()

    assert sandbox.api("GET", f"payments/{card['imp_uid']}/balance").status_code == 405
    assert sandbox.api("GET", "payments/imp_unknown/balance").status_code == 404


def test_balance_shows_what_is_left_and_earlier_states(sandbox: SandboxServer, cancel: Cancel) -> None:
    points = {"secondary": {"supply": 910, "vat": 90}, "discount": {"tax_free": 500}}
    payment = sandbox.create_payment(pg_provider="payco", amount=15_000, tax_free=4_000, other_means=points)
    sandbox.settings(now=NOON + 60)
    cancel(imp_uid=payment["imp_uid"], amount=6_500, tax_free=1_000)

    left = sandbox.api("GET", f"payments/{payment['imp_uid']}/balance").json()["response"]

    nothing = {"tax_free": 0, "supply": 0, "vat": 0, "service": 0}
    assert left["amount"] == 15_000
    assert left["primary"] == {"tax_free": 2_500, "supply": 4_090, "vat": 410, "service": 0}
    assert left["secondary"] == {"tax_free": 0, "supply": 910, "vat": 90, "service": 0}
    assert left["discount"] == {"tax_free": 500, "supply": 0, "vat": 0, "service": 0}
    assert left["cash_receipt"] == nothing
    [first] = left["histories"]
    assert (first["created"], first["primary"]["tax_free"]) == (payment["paid_at"], 3_500)
