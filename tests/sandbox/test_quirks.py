"""Untidiness: what cancels look like when i'mport, the PG or another desk does not keep to the guide."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import NOON, Cancel
from tests.sandbox_server import JSON, SandboxError, SandboxServer


def read(sandbox: SandboxServer, payment: JSON) -> JSON:
    answer: JSON = sandbox.api("GET", f"payments/{payment['imp_uid']}").json()["response"]
    return answer


@pytest.mark.parametrize("seconds", [-65, -3_600 * 9, 120])
def test_new_items_carry_a_shifted_time(sandbox: SandboxServer, cancel: Cancel, seconds: int) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk("clock_shift", seconds=seconds)

    [item] = cancel(imp_uid=payment["imp_uid"])["response"]["cancel_history"]

    assert item["cancelled_at"] == NOON + seconds


@pytest.mark.parametrize(
    ("quirk", "options", "expected"),
    [
        ("reason_altered", {"text": "고객 요청"}, "고객 요청"),
        ("reason_cut_bytes", {"limit": 8}, "환불 "),
        ("reason_cut_characters", {"limit": 3}, "환불 "),
        ("reason_replaced", {}, "환불 ? R-1"),
        ("reason_replaced", {"pattern": r"R-\d", "text": "*"}, "환불 😀 *"),
        ("reason_emptied", {}, ""),
    ],
)
def test_reason_comes_back_changed(
    sandbox: SandboxServer, cancel: Cancel, quirk: str, options: JSON, expected: str
) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk(quirk, **options)

    [item] = cancel(imp_uid=payment["imp_uid"], reason="환불 😀 R-1")["response"]["cancel_history"]

    assert item["reason"] == expected


@pytest.mark.parametrize(
    ("quirk", "total", "items"),
    [("item_hidden", 4_000, 0), ("total_late", 0, 1)],
)
def test_total_and_item_come_apart_until_completed(
    sandbox: SandboxServer, cancel: Cancel, quirk: str, total: int, items: int
) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk(quirk)

    answer = cancel(imp_uid=payment["imp_uid"], amount=4_000)["response"]
    completed = sandbox.complete(payment["imp_uid"])

    assert (answer["cancel_amount"], len(answer["cancel_history"])) == (total, items)
    assert (completed["cancel_amount"], completed["cancellable"]) == (4_000, 6_000)
    assert read(sandbox, payment)["cancel_history"] == completed["cancel_history"]


def test_item_is_identified_later(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk("id_missing")
    sandbox.quirk("pg_tid_missing")

    [first] = cancel(imp_uid=payment["imp_uid"], amount=4_000)["response"]["cancel_history"]
    sandbox.complete(payment["imp_uid"])
    [later] = read(sandbox, payment)["cancel_history"]

    assert ("cancellation_id" in first, first["pg_tid"]) == (False, "")
    assert (bool(later["cancellation_id"]), later["pg_tid"]) == (True, payment["pg_tid"])


def test_item_is_renamed(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    cancel(imp_uid=payment["imp_uid"], amount=1_000)

    sandbox.rename_item(payment["imp_uid"], new_id="cxl_later")

    assert read(sandbox, payment)["cancel_history"][0]["cancellation_id"] == "cxl_later"


def test_items_are_repeated_and_reordered(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(cancel_history=[{"amount": 1_000}, {"amount": 2_000}])
    sandbox.quirk("item_repeated")

    repeated = read(sandbox, payment)
    sandbox.quirk("items_reversed")
    reversed_too = read(sandbox, payment)

    assert [item["amount"] for item in repeated["cancel_history"]] == [1_000, 2_000, 2_000]
    assert len({item["cancellation_id"] for item in repeated["cancel_history"]}) == 2
    assert [item["amount"] for item in reversed_too["cancel_history"]] == [2_000, 2_000, 1_000]
    assert repeated["cancel_amount"] == 3_000


def test_twin_cancels_cannot_be_told_apart(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk("twin_cancel")

    answer = cancel(imp_uid=payment["imp_uid"], amount=4_000, reason="변심")["response"]

    first, second = answer["cancel_history"]
    assert answer["cancel_amount"] == 8_000
    assert {name: first[name] for name in ("amount", "reason", "cancelled_at", "pg_tid")} == {
        name: second[name] for name in ("amount", "reason", "cancelled_at", "pg_tid")
    }
    assert "cancellation_id" not in first


def test_sums_have_the_residue_of_floats(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(currency="USD", amount=10)
    sandbox.console_cancel(payment["imp_uid"], "0.1")
    sandbox.console_cancel(payment["imp_uid"], "0.2")
    sandbox.quirk("float_sums")

    text = sandbox.api("GET", f"payments/{payment['imp_uid']}").text

    assert '"cancel_amount": 0.30000000000000004' in text
    assert '"amount": 10.0' in text


@pytest.mark.parametrize(("after", "amounts"), [(False, [3_000, 1_000]), (True, [1_000, 3_000])])
def test_another_desk_cancels_at_the_same_moment(
    sandbox: SandboxServer, cancel: Cancel, after: bool, amounts: list[int]
) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk("rival_cancel", amount=3_000, after=after, times=1)

    answer = cancel(imp_uid=payment["imp_uid"], amount=1_000, checksum=10_000, reason="ours")["response"]

    assert [item["amount"] for item in answer["cancel_history"]] == amounts
    assert {item["reason"] for item in answer["cancel_history"]} == {"ours", "관리자페이지취소"}
    assert (answer["cancel_amount"], sandbox.quirks()) == (4_000, [])


def test_stale_readings_follow_a_cancel(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk("stale_reads", reads=2, imp_uid=payment["imp_uid"])

    answer = cancel(imp_uid=payment["imp_uid"], amount=4_000)["response"]

    assert answer["cancel_amount"] == 4_000
    assert [read(sandbox, payment)["cancel_amount"] for _ in range(3)] == [0, 0, 4_000]


@pytest.mark.parametrize(
    ("options", "total", "items", "status"),
    [
        ({}, 1_000, [1_000], "cancelled"),
        ({"amount": 1_500}, 3_500, [1_000, 2_500], "cancelled"),
        ({"status": "paid"}, 1_000, [1_000], "paid"),
        ({"status": "ready"}, 1_000, [1_000], "ready"),
        ({"keep_item": True}, 1_000, [1_000, 4_000], "cancelled"),
    ],
)
def test_cancel_is_taken_back(
    sandbox: SandboxServer, options: dict[str, Any], total: int, items: list[int], status: str
) -> None:
    payment = sandbox.create_payment(cancel_history=[{"amount": 1_000}, {"amount": 4_000}])

    left = sandbox.take_back(payment["imp_uid"], **options)
    shown = read(sandbox, payment)

    assert (shown["cancel_amount"], shown["status"]) == (total, status)
    assert [item["amount"] for item in shown["cancel_history"]] == items
    assert left["cancellable"] == 10_000 - total


def test_payment_whose_only_cancel_is_taken_back_is_paid_and_can_be_cancelled(
    sandbox: SandboxServer, cancel: Cancel
) -> None:
    payment = sandbox.create_payment(status="cancelled")

    sandbox.take_back(payment["imp_uid"])

    assert (read(sandbox, payment)["status"], read(sandbox, payment)["cancelled_at"]) == ("paid", 0)
    assert cancel(imp_uid=payment["imp_uid"], checksum=10_000)["code"] == 0


@pytest.mark.parametrize(
    ("fields", "balance"),
    [
        ({"cancel_history": [], "cancel_amount": 0, "status": "paid"}, 10_000),
        ({"cancel_amount": 7_000}, 3_000),
        ({"cancel_history": [{"amount": 2_000, "reason": "by hand"}]}, 8_000),
        ({"amount": 20_000, "buyer_name": "김철수"}, 16_000),
    ],
)
def test_stored_payment_is_patched(sandbox: SandboxServer, cancel: Cancel, fields: JSON, balance: int) -> None:
    payment = sandbox.create_payment(cancel_history=[{"amount": 4_000}])

    sandbox.patch(payment["imp_uid"], **fields)
    shown = read(sandbox, payment)

    plain = {name: value for name, value in fields.items() if name != "cancel_history"}
    assert {name: shown[name] for name in plain} == plain
    assert cancel(imp_uid=payment["imp_uid"], amount=1_000, checksum=balance)["code"] == 0


def test_any_value_is_shown_until_the_real_ones_are(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()
    odd = {"amount": "ten", "cancel_amount": None, "new_field": {"a": 1}, "cancel_history": [{"amount": "4,000"}]}

    sandbox.show(payment["imp_uid"], **odd)
    shown = read(sandbox, payment)
    sandbox.show(payment["imp_uid"])

    assert {name: shown[name] for name in odd} == odd
    assert read(sandbox, payment)["amount"] == 10_000


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gravity", {}),
        ("clock_shift", {"hours": 1}),
        ("clock_shift", {"seconds": "many"}),
        ("id_missing", {"times": 0}),
    ],
)
def test_impossible_quirk_is_refused(sandbox: SandboxServer, name: str, options: JSON) -> None:
    with pytest.raises(SandboxError, match="HTTP 400"):
        sandbox.quirk(name, **options)


def test_quirk_of_another_payment_does_nothing(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    sandbox.quirk("reason_emptied", imp_uid="imp_other")

    assert cancel(imp_uid=payment["imp_uid"], reason="변심")["response"]["cancel_history"][0]["reason"] == "변심"
    sandbox.clear_quirks()
    assert sandbox.quirks() == []


@pytest.mark.parametrize(("shown_as", "cancel_amount", "items"), [("ready", 0, 0), ("cancelled", 10_000, 1)])
def test_wrong_deposit_is_taken_back(sandbox: SandboxServer, shown_as: str, cancel_amount: int, items: int) -> None:
    payment = sandbox.create_payment(pay_method="vbank")

    found = sandbox.unpay(payment["imp_uid"], shown_as=shown_as)

    assert (found["status"], found["cancel_amount"], len(found["cancel_history"])) == (shown_as, cancel_amount, items)
