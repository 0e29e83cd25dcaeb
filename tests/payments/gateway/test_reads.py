"""Read payments, balances and account holders."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from payments.gateway import Balance, GatewayRejected, GatewayUnavailable
from payments.gateway.iamport.client import IamportGateway
from payments.gateway.iamport.listing import PAGE_SIZE
from tests.payments.gateway.samples import UID, config, payment_json

API = "http://api.example"
TOKEN = {"code": 0, "response": {"access_token": "token-1", "now": 1_000, "expired_at": 2_800}}
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(f"{API}/users/getToken", json=TOKEN)
        yield mock


@pytest.fixture
def gateway() -> IamportGateway:
    return IamportGateway(config(API))


def queries(api: responses.RequestsMock, path: str) -> list[dict[str, list[str]]]:
    urls = [urlsplit(call.request.url or "") for call in api.calls]
    return [parse_qs(url.query) for url in urls if url.path == path]


def listing(uids: list[str], *, total: int, following: int = 0) -> dict[str, Any]:
    payments = [payment_json(imp_uid=uid) for uid in uids]
    return {"code": 0, "response": {"total": total, "previous": 0, "next": following, "list": payments}}


def listed(gateway: IamportGateway, days: float = 1) -> list[list[str]]:
    pages = gateway.payments_between(START, START + timedelta(days=days))
    return [[payment.imp_uid for payment in page.payments] for page in pages]


def test_many_payments_are_read_a_hundred_per_call(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/payments", json={"code": 0, "response": []})
    gateway.payments([f"imp_{number}" for number in range(201)] + ["imp_1", ""])
    assert [len(query["imp_uid[]"]) for query in queries(api, "/payments")] == [100, 100, 1]


@pytest.mark.parametrize("code", [0, -1])
def test_unknown_and_foreign_payments_are_left_out(
    api: responses.RequestsMock, gateway: IamportGateway, code: int
) -> None:
    found = [payment_json(), payment_json(imp_uid="imp_foreign"), payment_json(imp_uid="imp_2", amount=None)]
    api.get(f"{API}/payments", status=207, json={"code": code, "response": found})
    assert [payment.imp_uid for payment in gateway.payments([UID, "imp_2", "imp_3"])] == [UID]


def test_unknown_payments_give_an_empty_list(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/payments", status=404, json={"code": -1, "message": "none"})
    assert gateway.payments(["imp_1", "imp_2"]) == []


def test_single_payment_is_read_by_id_even_from_a_test_channel(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    asked = responses.matchers.query_param_matcher({"include_sandbox": "true"})
    api.get(f"{API}/payments/{UID}", match=[asked], json={"code": 0, "response": payment_json()})
    assert [payment.imp_uid for payment in gateway.payments([UID])] == [UID]
    api.get(f"{API}/payments/imp_2", status=404, json={"code": -1, "message": "none"})
    assert gateway.payments(["imp_2"]) == []
    api.get(f"{API}/payments/imp_3", json={"code": 0, "response": payment_json(imp_uid="imp_3", amount=None)})
    assert gateway.payments(["imp_3"]) == []


def test_no_uids_make_no_call(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    assert gateway.payments([]) == []
    assert not api.calls


def test_pages_are_read_until_there_is_no_next(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/payments/status/all", json=listing(["imp_1", "imp_2"], total=3, following=2))
    api.get(f"{API}/payments/status/all", json=listing(["imp_3"], total=3))
    assert listed(gateway) == [["imp_1", "imp_2"], ["imp_3"]]
    first = queries(api, "/payments/status/all")[0]
    assert (first["page"], first["limit"], first["sorting"]) == (["1"], [str(PAGE_SIZE)], ["updated"])


def test_long_period_is_split_into_windows_of_at_most_90_days(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    api.get(f"{API}/payments/status/all", json=listing([], total=0))
    listed(gateway, days=200)
    spans = [(int(q["from"][0]), int(q["to"][0])) for q in queries(api, "/payments/status/all")]
    assert len(spans) == 3
    assert spans[0][0] == START.timestamp()
    assert spans[-1][1] == (START + timedelta(days=200)).timestamp()
    assert all(last - first < 90 * 86_400 for first, last in spans)
    assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(spans))


def test_payment_on_two_pages_is_returned_once(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/payments/status/all", json=listing(["imp_1", "imp_2"], total=3, following=2))
    api.get(f"{API}/payments/status/all", json=listing(["imp_2", "imp_3"], total=4))
    assert listed(gateway) == [["imp_1", "imp_2"], ["imp_3"]]


def test_payment_that_moves_while_paging_is_not_missed(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/payments/status/all", json=listing(["imp_1", "imp_2"], total=4, following=2))
    api.get(f"{API}/payments/status/all", json=listing(["imp_4"], total=3))
    api.get(f"{API}/payments/status/all", json=listing(["imp_2", "imp_3"], total=3, following=2))
    api.get(f"{API}/payments/status/all", json=listing(["imp_4"], total=3))
    assert listed(gateway) == [["imp_1", "imp_2"], ["imp_3"], ["imp_4"]]


def test_listing_that_keeps_changing_ends(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    for total in range(20, 0, -2):
        api.get(f"{API}/payments/status/all", json=listing(["imp_1"], total=total, following=2))
        api.get(f"{API}/payments/status/all", json=listing(["imp_2"], total=total - 1))
    assert listed(gateway) == [["imp_1"], [], [], [], ["imp_2"]]


def test_one_unreadable_payment_does_not_hide_the_others(
    api: responses.RequestsMock, gateway: IamportGateway, caplog: pytest.LogCaptureFixture
) -> None:
    page = listing(["imp_1", "imp_2"], total=2)
    page["response"]["list"][0]["amount"] = "lots"
    api.get(f"{API}/payments/status/all", json=page)
    (read,) = gateway.payments_between(START, START)
    assert [payment.imp_uid for payment in read.payments] == ["imp_2"]
    assert read.unreadable == ("imp_1",)
    assert "imp_1" in caplog.text


@pytest.mark.parametrize("status", [400, 404])
def test_empty_period_and_page_beyond_the_last_one_are_no_errors(
    api: responses.RequestsMock, gateway: IamportGateway, status: int
) -> None:
    nothing: dict[str, Any] = {"status": status, "json": {"code": -1, "message": "none", "response": None}}
    first = api.get(f"{API}/payments/status/all", **nothing)
    assert listed(gateway) == [[]]
    api.remove(first)
    page = listing(["imp_1", "imp_2"], total=3, following=2)
    api.get(f"{API}/payments/status/all", json=page)
    api.get(f"{API}/payments/status/all", **nothing)  # the third one has left the period: start again
    api.get(f"{API}/payments/status/all", json=listing(["imp_1", "imp_2"], total=2))
    assert listed(gateway) == [["imp_1", "imp_2"], []]


def test_every_payment_of_an_order_is_read(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    order = "A 1 가"
    url = f"{API}/payments/findAll/A%201%20%EA%B0%80"
    first, second = (listing([uid], total=2, following=n) for uid, n in (("imp_1", 2), ("imp_2", 0)))
    for page in (first, second):
        page["response"]["list"][0]["merchant_uid"] = order
        api.get(url, json=page)
    first["response"]["list"] += [payment_json(imp_uid="imp_foreign"), payment_json(imp_uid="imp_3", amount=None)]
    assert [payment.imp_uid for payment in gateway.payments_of_order(order)] == ["imp_1", "imp_2"]


@pytest.mark.parametrize("order", ["order-9", ".", "..", ""])
def test_an_unknown_order_has_no_payments(api: responses.RequestsMock, gateway: IamportGateway, order: str) -> None:
    api.get(f"{API}/payments/findAll/order-9", status=404, json={"code": -1, "message": "none"})
    assert gateway.payments_of_order(order) == []


def test_invalid_page_is_unavailable(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/payments/status/all", json={"code": 0, "response": [1]})
    with pytest.raises(GatewayUnavailable, match="answer is not valid"):
        listed(gateway)


def test_naive_times_are_rejected(gateway: IamportGateway) -> None:
    with pytest.raises(ValueError, match="aware"):
        gateway.payments_between(START.replace(tzinfo=None), START)


def parts(tax_free: object) -> dict[str, object]:
    return {"tax_free": tax_free, "supply": 800, "vat": 80, "service": 0}


@pytest.mark.parametrize(
    ("primary", "secondary", "discount", "tax_free", "discounted"),
    [
        (parts(3_000), parts(0), parts(0), 3_000, 0),
        (parts(3_000), parts(500), parts(200), 3_500, 200),
        (parts(10), None, None, 10, 0),
        (parts(None), parts(0), parts(0), 0, 0),
    ],
)
def test_tax_free_parts_of_a_balance_are_added_up_without_the_discount(
    api: responses.RequestsMock,
    gateway: IamportGateway,
    primary: object,
    secondary: object,
    discount: object,
    tax_free: int,
    discounted: int,
) -> None:
    """`amount` is the first total, also after cancels; `histories` and `cash_receipt` repeat other states."""
    answer = {"amount": 5_000, "primary": primary, "secondary": secondary, "discount": discount}
    answer |= {"cash_receipt": parts(900), "histories": [{"created": 1, "primary": parts(4_000)}]}
    api.get(f"{API}/payments/{UID}/balance", json={"code": 0, "response": answer})
    assert gateway.balance(UID) == Balance(Decimal(tax_free), Decimal(discounted))


@pytest.mark.parametrize("answer", [None, {}, {"primary": {"tax_free": "much"}}, {"primary": {}, "discount": 0}])
def test_invalid_balance_is_unavailable(api: responses.RequestsMock, gateway: IamportGateway, answer: object) -> None:
    api.get(f"{API}/payments/{UID}/balance", json={"code": 0, "response": answer})
    with pytest.raises(GatewayUnavailable):
        gateway.balance(UID)


def test_account_holder_is_looked_up_by_bank_and_number(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/vbanks/holder", json={"code": 0, "response": {"bank_holder": "김철수"}})
    assert gateway.account_holder(bank_code="088", account="110") == "김철수"
    assert queries(api, "/vbanks/holder") == [{"bank_code": ["088"], "bank_num": ["110"]}]


@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize("message", ["예금주 조회 실패", "존재하지 않는 계좌입니다."])
def test_an_unknown_account_is_a_refusal(
    api: responses.RequestsMock, gateway: IamportGateway, status: int, message: str
) -> None:
    api.get(f"{API}/vbanks/holder", status=status, json={"code": -1, "message": message})
    with pytest.raises(GatewayRejected, match=message):
        gateway.account_holder(bank_code="088", account="110")


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "body": "<h1>Not Found</h1>"},
        {"status": 404, "json": {"code": -1, "message": "Not Found"}},
        {"status": 404, "json": {"code": -1, "message": None}},
        {"status": 404, "json": {"status": 404, "error": "Not Found", "path": "/vbanks/holder"}},
        {"status": 400, "json": {"code": 1, "message": "bank_code, bank_num 파라메터가 누락되었습니다."}},
        {"status": 400, "json": {"code": 1, "message": "예금주 조회 서비스가 종료되었습니다."}},
        {"status": 405, "json": {"code": -1, "message": "계좌 조회: Method Not Allowed"}},
        {"status": 410, "body": ""},
        {"status": 503, "json": {"code": -1, "message": "계좌 조회 실패"}},
        {"status": 200, "json": {"code": 0, "response": None}},
        {"body": requests.ReadTimeout()},
    ],
)
def test_a_holder_that_cannot_be_looked_up_is_not_a_refusal(
    api: responses.RequestsMock, gateway: IamportGateway, answer: dict[str, Any]
) -> None:
    api.get(f"{API}/vbanks/holder", **answer)
    with pytest.raises(GatewayUnavailable):
        gateway.account_holder(bank_code="088", account="110")
