"""The read endpoints."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import NOON
from tests.sandbox_server import JSON, SandboxServer

DAY = 24 * 60 * 60


def imp_uids(page: JSON) -> list[str]:
    return [payment["imp_uid"] for payment in page["response"]["list"]]


def test_unknown_payment_is_a_404_with_code_minus_one(sandbox: SandboxServer) -> None:
    answer = sandbox.api("GET", "payments/imp_unknown")

    assert answer.status_code == 404
    assert answer.json() == {"code": -1, "message": "존재하지 않는 결제정보입니다.", "response": None}


def test_payment_has_zero_for_never_and_null_for_nothing(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment()

    found = sandbox.api("GET", f"payments/{payment['imp_uid']}/").json()["response"]

    assert (found["paid_at"], found["cancelled_at"], found["failed_at"]) == (NOON, 0, 0)
    assert (found["cancel_reason"], found["vbank_num"], found["promotion"]) == (None, None, None)


def test_test_channel_payment_is_found_only_on_request(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(sandbox=True)

    assert sandbox.api("GET", f"payments/{payment['imp_uid']}").status_code == 404
    assert sandbox.api("GET", f"payments/{payment['imp_uid']}?include_sandbox=true").json()["response"]["sandbox"]
    assert imp_uids(sandbox.api("GET", "payments/status/paid").json()) == [payment["imp_uid"]]
    assert sandbox.api("GET", f"payments/find/{payment['merchant_uid']}").status_code == 200
    assert sandbox.api("GET", f"payments?imp_uid[]={payment['imp_uid']}").status_code == 200
    assert sandbox.api("POST", "payments/cancel", json={"imp_uid": payment["imp_uid"]}).json()["code"] == 0


def test_batch_answers_207_when_some_are_missing(sandbox: SandboxServer) -> None:
    first, second = sandbox.create_payments([{"imp_uid": "imp_1"}, {"merchant_uid": "order-2"}])

    complete = sandbox.api("GET", "payments?imp_uid[]=imp_1&merchant_uid[]=order-2")
    partial = sandbox.api("GET", "payments?imp_uid[]=imp_1&imp_uid[]=imp_9")

    assert complete.status_code == 200
    assert [found["imp_uid"] for found in complete.json()["response"]] == [
        first["imp_uid"],
        second["imp_uid"],
    ]
    assert (partial.status_code, partial.json()["code"], len(partial.json()["response"])) == (207, 0, 1)


def test_batch_takes_at_most_a_hundred(sandbox: SandboxServer) -> None:
    query = "&".join(f"imp_uid[]=imp_{number}" for number in range(101))

    assert sandbox.api("GET", f"payments?{query}").status_code == 400


def test_batch_without_a_match_is_a_404(sandbox: SandboxServer) -> None:
    assert sandbox.api("GET", "payments?imp_uid[]=imp_9&merchant_uid[]=order-9").status_code == 404


def test_find_answers_the_newest_and_findall_every_match(sandbox: SandboxServer) -> None:
    sandbox.create_payments(
        [
            {"imp_uid": "imp_old", "merchant_uid": "order-1", "status": "failed", "started_at": NOON - 60},
            {"imp_uid": "imp_new", "merchant_uid": "order-1", "started_at": NOON},
        ]
    )

    assert sandbox.api("GET", "payments/find/order-1").json()["response"]["imp_uid"] == "imp_new"
    assert sandbox.api("GET", "payments/find/order-1/failed").json()["response"]["imp_uid"] == "imp_old"
    assert sandbox.api("GET", "payments/find/order-1/ready").status_code == 404
    assert imp_uids(sandbox.api("GET", "payments/findAll/order-1").json()) == ["imp_new", "imp_old"]
    assert imp_uids(sandbox.api("GET", "payments/findAll/order-1?sorting=started").json()) == [
        "imp_old",
        "imp_new",
    ]


def test_status_list_pages_by_the_time_of_the_final_status(sandbox: SandboxServer) -> None:
    sandbox.create_payments(
        [{"imp_uid": f"imp_{day}", "paid_at": NOON - day * DAY} for day in range(5)]
        + [{"imp_uid": "imp_ancient", "paid_at": NOON - 200 * DAY}]
    )
    sandbox.console_cancel("imp_ancient", 100)

    paid = sandbox.api("GET", f"payments/status/paid?limit=2&page=2&from={NOON - 3 * DAY}&to={NOON}").json()
    cancelled = sandbox.api("GET", "payments/status/cancelled").json()

    assert imp_uids(paid) == ["imp_2", "imp_3"]
    assert {name: paid["response"][name] for name in ("total", "previous", "next")} == {
        "total": 4,
        "previous": 1,
        "next": 0,
    }
    assert imp_uids(cancelled) == ["imp_ancient"]


@pytest.mark.parametrize(
    "query",
    [f"from={NOON - 91 * DAY}&to={NOON}", "limit=1001", "sorting=amount", f"from={NOON}&to={NOON - 1}"],
)
def test_impossible_status_list_is_refused(sandbox: SandboxServer, query: str) -> None:
    answer = sandbox.api("GET", f"payments/status/all?{query}")

    assert (answer.status_code, answer.json()["response"]) == (400, None)


@pytest.mark.parametrize("path", ["status/pending", "status/lost", "findAll/order-1/lost", "status/paid?page=2"])
def test_status_or_page_that_does_not_exist_is_a_400(sandbox: SandboxServer, path: str) -> None:
    sandbox.create_payment(merchant_uid="order-1")

    assert sandbox.api("GET", f"payments/{path}").status_code == 400
    assert sandbox.api("GET", "payments/status/failed").json()["response"]["list"] == []


def test_pending_payment_is_listed_with_all_by_its_start(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(status="pending", pg_provider="paypal_v2", started_at=NOON - DAY)

    listed = sandbox.api("GET", f"payments/status/all?from={NOON - DAY}&to={NOON - DAY}").json()

    assert imp_uids(listed) == [payment["imp_uid"]]
    assert payment["paid_at"] == 0


def test_payment_of_a_sub_merchant_needs_its_tier(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(tier="abc")

    assert sandbox.api("GET", f"payments/{payment['imp_uid']}").status_code == 404
    assert sandbox.api("GET", f"payments/{payment['imp_uid']}", headers={"Tier": "abc"}).status_code == 200
    assert sandbox.api("POST", "payments/cancel", json={"imp_uid": payment["imp_uid"]}).json()["code"] == 1


def test_depositor_is_shown_on_request(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(pg_provider="daou", remitter="김입금")

    found = sandbox.api("GET", f"payments/{payment['imp_uid']}?extension=true").json()["response"]

    assert found["extension"] == {"REMITTER": "김입금"}


def test_account_holder_is_known_by_rule_or_by_name(sandbox: SandboxServer) -> None:
    demo = sandbox.api("GET", "vbanks/holder?bank_code=088&bank_num=110123456789")
    unknown = sandbox.api("GET", "vbanks/holder?bank_code=088&bank_num=110123450000")
    no_bank = sandbox.api("GET", "vbanks/holder?bank_code=999&bank_num=110123456789")

    assert demo.json()["response"] == {"bank_holder": "홍길동"}
    assert (unknown.status_code, no_bank.status_code) == (404, 404)
    assert sandbox.api("GET", "vbanks/holder?bank_code=088").status_code == 400
    sandbox.settings(holder_gone=True)
    assert sandbox.api("GET", "vbanks/holder?bank_code=088&bank_num=110123456789").status_code == 404


def test_banks_are_listed_with_their_standard_codes(sandbox: SandboxServer) -> None:
    banks = sandbox.api("GET", "banks").json()["response"]

    assert {"code": "088", "name": "신한은행"} in banks
    assert sandbox.api("GET", "banks/088").json()["response"] == {"code": "088", "name": "신한은행"}
    assert sandbox.api("GET", "banks/999").status_code == 404


@pytest.mark.parametrize("path", ["payments/imp_1", "banks", "payments/status/all", "payments/cancel"])
def test_wrong_method_is_refused(sandbox: SandboxServer, path: str) -> None:
    assert sandbox.api("PATCH", path).status_code == 405
