"""Classification of i'mport's responses to a cancel and to a read."""

import json
import logging
import traceback
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses
from django.views.debug import ExceptionReporter

from payments.gateway import (
    GatewayAuthFailed,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentUnknown,
)
from payments.gateway.iamport.client import IamportGateway
from tests.payments.gateway.samples import UID, cancel_request, cancelled_json, config, payment_json

API = "http://api.example"
TOKEN = {"code": 0, "response": {"access_token": "token-1", "now": 1_000, "expired_at": 2_800}}


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(f"{API}/users/getToken", json=TOKEN)
        yield mock


@pytest.fixture
def gateway() -> IamportGateway:
    return IamportGateway(config(API))


def answer_cancel(api: responses.RequestsMock, **answer: Any) -> None:
    api.post(f"{API}/payments/cancel", **answer)


def answer_read(api: responses.RequestsMock, **answer: Any) -> None:
    api.get(f"{API}/payments/{UID}", **answer)


def sent(api: responses.RequestsMock, path: str = "/payments/cancel") -> list[Any]:
    return [call.request for call in api.calls if call.request.path_url.startswith(path)]


def test_cancel_returns_the_updated_payment(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    answer_cancel(api, json={"code": 0, "message": None, "response": cancelled_json(1000)})
    payment = gateway.cancel(cancel_request())
    assert payment.cancel_amount == Decimal(1000)
    assert payment.cancel_history[0].cancellation_id == "c-1"


def test_cancel_sends_amount_checksum_and_given_fields_only(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    answer_cancel(api, json={"code": 0, "response": cancelled_json()})
    gateway.cancel(cancel_request())
    (request,) = sent(api)
    assert json.loads(request.body) == {
        "imp_uid": UID,
        "amount": 1000,
        "checksum": 10000,
        "reason": "changed mind",
    }
    assert request.headers["Authorization"] == "token-1"


def test_a_cancel_sends_account_taxes_and_requester_when_given(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    answer_cancel(api, json={"code": 0, "response": cancelled_json()})
    account = {"refund_holder": "Kim", "refund_bank": "BK88", "refund_account": "110", "refund_tel": "010"}
    gateway.cancel(
        cancel_request(
            **account,
            tax_free=Decimal(0),
            vat_amount=Decimal(90),
            retain_promotion=False,
            requester="customer",
            reason="",
        )
    )
    body = json.loads(sent(api)[0].body)
    assert {key: body[key] for key in account} == account
    assert (body["tax_free"], body["vat_amount"]) == (0, 90)
    assert body["extra"] == {"requester": "customer"}
    assert body["retain_promotion"] is False
    assert "reason" not in body


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1000", "1000"),
        ("1000.00", "1000"),
        ("1E+3", "1000"),
        ("0.1", "0.1"),
        ("19.99", "19.99"),
        ("0.10", "0.1"),
    ],
)
def test_amounts_are_sent_as_exact_json_numbers(
    api: responses.RequestsMock, gateway: IamportGateway, amount: str, text: str
) -> None:
    answer_cancel(api, json={"code": 0, "response": cancelled_json()})
    gateway.cancel(cancel_request(amount=Decimal(amount)))
    assert f'"amount":{text},' in sent(api)[0].body.decode()


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
def test_an_amount_that_is_not_above_zero_is_never_sent(
    api: responses.RequestsMock, gateway: IamportGateway, amount: str
) -> None:
    with pytest.raises(ValueError, match="above 0"):
        gateway.cancel(cancel_request(amount=Decimal(amount)))
    assert not api.calls


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"json": {"code": 1, "message": "이미 전액취소된 주문입니다."}}, GatewayRejected),
        ({"json": {"code": -1, "message": "no"}, "status": 400}, GatewayRejected),
        ({"json": {"code": -1, "message": "no"}, "status": 404}, GatewayRejected),
        ({"json": {"code": -1, "message": "no"}, "status": 429}, GatewayUnavailable),
        ({"body": "slow down", "status": 429}, GatewayUnavailable),
        ({"json": {"code": 1, "message": "no"}, "status": 500}, OutcomeUnknown),
        ({"json": {"code": 0, "response": cancelled_json()}, "status": 502}, OutcomeUnknown),
        ({"body": "<html>"}, OutcomeUnknown),
        ({"body": "forbidden", "status": 403}, OutcomeUnknown),
        ({"body": "", "status": 302, "headers": {"Location": f"{API}/payments/{UID}"}}, OutcomeUnknown),
        ({"json": {"code": 0, "response": cancelled_json()}, "status": 400}, OutcomeUnknown),
        ({"json": [1]}, OutcomeUnknown),
        ({"json": {"message": "?"}}, OutcomeUnknown),
        ({"json": {"code": "0", "response": cancelled_json()}}, OutcomeUnknown),
        ({"json": {"code": True, "response": cancelled_json()}}, OutcomeUnknown),
        ({"json": {"code": 0, "response": None}}, OutcomeUnknown),
        ({"json": {"code": 0, "response": {**cancelled_json(), "amount": None}}}, OutcomeUnknown),
        ({"json": {"code": 0, "response": cancelled_json(imp_uid="imp_2")}}, OutcomeUnknown),
        ({"body": '{"code": 0, "response": {"amount": NaN}}'}, OutcomeUnknown),
        ({"body": "[" * 100_000}, OutcomeUnknown),
        ({"body": requests.ReadTimeout()}, OutcomeUnknown),
        ({"body": requests.ConnectionError("reset")}, OutcomeUnknown),
        ({"body": requests.exceptions.SSLError("bad record mac")}, OutcomeUnknown),
        ({"body": requests.exceptions.ChunkedEncodingError("broken")}, OutcomeUnknown),
    ],
)
def test_each_response_to_a_cancel_is_classified_and_the_cancel_sent_once(
    api: responses.RequestsMock, gateway: IamportGateway, answer: dict[str, Any], error: type[GatewayError]
) -> None:
    answer_cancel(api, **answer)
    with pytest.raises(GatewayError) as raised:
        gateway.cancel(cancel_request())
    assert type(raised.value) is error
    assert len(sent(api)) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"json": {"code": -1, "message": "존재하지 않는 결제정보입니다."}, "status": 404}, PaymentUnknown),
        ({"json": {"code": 1, "message": "no"}}, GatewayRejected),
        ({"body": "<html>", "status": 404}, GatewayUnavailable),
        ({"json": {"code": 1}, "status": 503}, GatewayUnavailable),
        ({"body": "<html>"}, GatewayUnavailable),
        ({"json": {"code": 0, "response": payment_json(imp_uid="imp_2")}}, GatewayUnavailable),
        ({"json": {"code": 0, "response": payment_json(amount="?")}}, GatewayUnavailable),
        ({"body": requests.ReadTimeout()}, GatewayUnavailable),
    ],
)
def test_read_never_has_an_unknown_outcome(
    api: responses.RequestsMock, gateway: IamportGateway, answer: dict[str, Any], error: type[GatewayError]
) -> None:
    answer_read(api, **answer)
    with pytest.raises(GatewayError) as raised:
        gateway.payment(UID)
    assert type(raised.value) is error


def test_message_of_imort_is_trimmed_and_cut(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    answer_cancel(api, json={"code": -1, "message": "  결제취소에 실패하였습니다. " + "x" * 600})
    with pytest.raises(GatewayRejected) as raised:
        gateway.cancel(cancel_request())
    assert raised.value.message.startswith("결제취소에 실패하였습니다.")
    assert len(raised.value.message) == 500
    assert raised.value.gateway_code == -1


@pytest.mark.parametrize("message", [None, "", "  ", 5])
def test_refusal_without_a_message_gets_a_default_one(
    api: responses.RequestsMock, gateway: IamportGateway, message: object
) -> None:
    answer_cancel(api, json={"code": 7, "message": message})
    with pytest.raises(GatewayRejected, match="7"):
        gateway.cancel(cancel_request())


def test_a_cancel_refused_with_401_is_repeated_once_with_a_new_token(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    answer_cancel(api, status=401, json={"code": -1, "message": "Unauthorized"})
    answer_cancel(api, json={"code": 0, "response": cancelled_json()})
    assert gateway.cancel(cancel_request()).cancel_amount == 1000
    assert len(sent(api)) == len(sent(api, "/users/getToken")) == 2


def test_a_second_401_is_an_authentication_failure(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    answer_cancel(api, status=401, json={"code": -1})
    with pytest.raises(GatewayAuthFailed):
        gateway.cancel(cancel_request())
    assert len(sent(api)) == 2


def test_broken_connection_is_retried_for_reads_only(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    answer_read(api, body=requests.ConnectionError("reset"))
    answer_read(api, json={"code": 0, "response": payment_json()})
    assert gateway.payment(UID).imp_uid == UID


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 401, "json": {"code": -1, "message": "인증에 실패하였습니다."}}, GatewayAuthFailed),
        ({"status": 401, "body": ""}, GatewayAuthFailed),
        ({"json": {"code": -1, "message": "bad"}}, GatewayAuthFailed),
        ({"status": 500, "json": {"code": -1}}, GatewayUnavailable),
        ({"status": 403, "body": "<html>"}, GatewayUnavailable),
        ({"body": "<html>"}, GatewayUnavailable),
        (
            {"json": {"code": 0, "response": {"access_token": "a\nb", "now": 1, "expired_at": 2}}},
            GatewayUnavailable,
        ),
        ({"json": {"code": 0, "response": {"access_token": "ab"}}}, GatewayUnavailable),
        ({"body": requests.ReadTimeout()}, GatewayUnavailable),
        ({"body": requests.ConnectionError("refused")}, GatewayUnavailable),
    ],
)
def test_without_a_token_no_cancel_is_sent(
    gateway: IamportGateway, answer: dict[str, Any], error: type[GatewayError]
) -> None:
    with responses.RequestsMock() as api:
        api.post(f"{API}/users/getToken", **answer)
        with pytest.raises(GatewayError) as raised:
            gateway.cancel(cancel_request())
        assert type(raised.value) is error
        assert not sent(api)


@pytest.mark.parametrize("missing", ["imp_key", "imp_secret"])
def test_missing_keys_are_named_by_their_environment_variables(missing: str) -> None:
    gateway = IamportGateway(config(API, **{missing: ""}))
    with pytest.raises(GatewayAuthFailed, match="IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET"):
        gateway.payment(UID)


@pytest.mark.parametrize("uid", ["", ".", ".."])
def test_uid_with_path_characters_is_an_unknown_payment(gateway: IamportGateway, uid: str) -> None:
    with pytest.raises(PaymentUnknown):
        gateway.payment(uid)


def test_special_characters_in_a_uid_stay_in_their_path_segment(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    api.get(f"{API}/payments/a%2F..%3Fx%3D1", status=404, json={"code": -1, "message": "none"})
    with pytest.raises(PaymentUnknown):
        gateway.payment("a/..?x=1")


ACCOUNT = "-".join(["110", "98765", "4321"])


def with_locals(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_account_number_is_in_no_log_and_no_traceback(
    api: responses.RequestsMock, gateway: IamportGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.get(f"{API}/vbanks/holder", body=requests.ReadTimeout(f"/vbanks/holder?bank_num={ACCOUNT}"))
    with pytest.raises(GatewayUnavailable) as raised:
        gateway.account_holder(bank_code="088", account=ACCOUNT)
    assert ACCOUNT not in caplog.text + "".join(traceback.format_exception(raised.value))


def test_error_page_does_not_show_the_account_number(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    api.get(f"{API}/vbanks/holder", body=requests.ReadTimeout())
    with pytest.raises(GatewayUnavailable) as raised:
        gateway.account_holder(bank_code="088", account=ACCOUNT)
    report = ExceptionReporter(None, GatewayUnavailable, raised.value, raised.value.__traceback__)
    assert ACCOUNT not in str([frame["vars"] for frame in report.get_traceback_frames()])


def test_a_failed_cancel_shows_no_account_number_or_token_even_in_its_frames(
    api: responses.RequestsMock, gateway: IamportGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer_cancel(api, body=requests.ReadTimeout())
    with pytest.raises(OutcomeUnknown) as raised:
        gateway.cancel(cancel_request(refund_account=ACCOUNT))
    shown = caplog.text + with_locals(raised.value)
    assert ACCOUNT not in shown
    assert "token-1" not in shown


def test_a_failed_token_request_shows_no_secret_even_in_its_frames(
    gateway: IamportGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with responses.RequestsMock() as api:
        api.post(f"{API}/users/getToken", body=requests.ReadTimeout())
        with pytest.raises(GatewayUnavailable) as raised:
            gateway.payment(UID)
    shown = caplog.text + with_locals(raised.value)
    assert gateway.config.imp_secret not in shown


def test_each_call_is_logged_in_one_info_line(
    api: responses.RequestsMock, gateway: IamportGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="payments.gateway")
    answer_read(api, json={"code": 0, "response": payment_json()})
    gateway.payment(UID)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(", ")[:2] for line in lines] == [
        ["POST /users/getToken: HTTP 200", "code 0"],
        [f"GET /payments/{UID}: HTTP 200", "code 0"],
    ]


@pytest.mark.parametrize("written", ["110123456789", "110-123-456789", "110 123 456789", "1101-2345-6789"])
def test_account_number_in_a_refusal_is_masked(
    api: responses.RequestsMock, gateway: IamportGateway, written: str
) -> None:
    answer_cancel(api, json={"code": 1, "message": f"{written} 계좌(예금주 홍길동, 01012345678)로 환불할 수 없습니다."})
    request = cancel_request(refund_holder="홍길동", refund_account="110123456789", refund_tel="01012345678")
    with pytest.raises(GatewayRejected) as refusal:
        gateway.cancel(request)
    assert refusal.value.message == "•••• 6789 계좌(예금주 •••, •••• 5678)로 환불할 수 없습니다."


def test_refusal_is_stripped_of_characters_that_databases_reject(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    answer_cancel(api, json={"code": 1, "message": "한도\x00 \u202e초과\ud800"})
    with pytest.raises(GatewayRejected) as refusal:
        gateway.cancel(cancel_request())
    assert refusal.value.message == "한도 초과"


def test_other_numbers_in_a_refusal_are_kept(api: responses.RequestsMock, gateway: IamportGateway) -> None:
    message = "주문 9110123456789 의 잔액은 110,000원입니다."
    answer_cancel(api, json={"code": 1, "message": message})
    with pytest.raises(GatewayRejected) as refusal:
        gateway.cancel(cancel_request(refund_account="110123456789"))
    assert refusal.value.message == message


def test_account_number_in_a_refused_holder_lookup_is_masked(
    api: responses.RequestsMock, gateway: IamportGateway
) -> None:
    api.get(f"{API}/vbanks/holder", json={"code": 1, "message": "110123456789: 없는 계좌"})
    with pytest.raises(GatewayRejected) as refusal:
        gateway.account_holder(bank_code="088", account="110123456789")
    assert refusal.value.message == "•••• 6789: 없는 계좌"
