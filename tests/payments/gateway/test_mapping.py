"""Convert i'mport's JSON to our values."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pytest_django import Settings

from payments import limits
from payments.gateway.iamport.listing import pages_between
from payments.gateway.iamport.mapping import balance_from, payment_from
from payments.gateway.iamport.wire import Unreadable, decode, encode
from tests.payments.gateway.samples import UID, cancelled_json, payment_json


@pytest.mark.parametrize(
    ("number", "pages"), [(2, 2), ("2", 2), (Decimal("2"), 2), (None, 1), ("", 1), ("x", 1), ([2], 1), ("9" * 5000, 1)]
)
def test_the_numbers_of_a_page_come_as_numbers_or_text(number: object, pages: int) -> None:
    answers = iter([{"total": number, "next": number}, {"total": number, "next": 0}])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    read = pages_between(lambda _call, mapped: mapped({**next(answers), "list": [payment_json()]}), start, start, "all")
    assert len(list(read)) == pages


def test_missing_fields_get_defaults() -> None:
    raw = {"imp_uid": UID, "status": "ready", "amount": 1, "cancel_amount": 0}
    payment = payment_from(raw)
    assert (payment.currency, payment.merchant_uid, payment.cancel_history) == ("KRW", "", ())
    assert payment.paid_at is None
    assert payment.card_type is None


@pytest.mark.parametrize("amount", [10, Decimal("10"), "10", "10.00"])
def test_amounts_may_come_as_numbers_or_text(amount: object) -> None:
    assert payment_from(payment_json(amount=amount)).amount == Decimal(10)


@pytest.mark.parametrize(
    ("currency", "sent", "read"),
    [
        ("USD", "0.30000000000000004", "0.30"),
        ("USD", "5.9999999999", "6.00"),
        ("USD", "1e-17", "0.00"),
        ("KRW", "1000.0", "1000"),
        ("KRW", "999.9999999999999", "1000"),
        ("JPY", "1200.0000000000002", "1200"),
        ("usd", "12.30", "12.30"),
        ("KWD", "1.2340000000000002", "1.234"),
        ("BHD", "0.005", "0.005"),
        ("IQD", "1000.25", "1000.250"),
        ("RSD", "100.5", "100.50"),
    ],
)
def test_amounts_are_rounded_to_the_currency(currency: str, sent: str, read: str) -> None:
    shown = json.loads(
        f'''{{"currency": "{currency}", "amount": {sent}, "cancel_amount": {sent},
        "cancel_history": [{{"amount": {sent}, "cancellation_id": "a"}}]}}''',
        parse_float=Decimal,
    )
    payment = payment_from(payment_json(**shown))
    amounts = [payment.amount, payment.cancel_amount, *(item.amount for item in payment.cancel_history)]
    assert {str(amount) for amount in amounts} == {read}
    assert len(payment.cancel_history) == (Decimal(read) > 0)


def test_a_balance_is_rounded() -> None:
    third, residue = {"tax_free": Decimal("333.33333333333331")}, {"tax_free": Decimal("0.30000000000000004")}
    balance = balance_from({"primary": third, "secondary": third, "discount": residue})
    assert (balance.tax_free, balance.discounted_tax_free) == (Decimal("666.666"), Decimal("0.3"))


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999999999999999999999", "9" * 5000])
def test_an_impossible_number_spoils_its_own_payment_only(number: str) -> None:
    response = decode(200, f'{{"code": 0, "response": [{{"amount": {number}}}, 5]}}'.encode()).response
    assert response[1] == 5
    with pytest.raises(Unreadable, match="amount"):
        payment_from(payment_json(amount=response[0]["amount"]))


@pytest.mark.parametrize("amount", [None, "", "ten", "NaN", "Infinity", -1, True, [1], "1e400", {}])
@pytest.mark.parametrize("name", ["amount", "cancel_amount"])
def test_payment_with_an_invalid_amount_is_unreadable(name: str, amount: object) -> None:
    with pytest.raises(Unreadable, match=name):
        payment_from(payment_json(**{name: amount}))


@pytest.mark.parametrize("imp_uid", [None, 5, "", " "])
def test_a_payment_without_its_number_is_unreadable(imp_uid: object) -> None:
    with pytest.raises(Unreadable):
        payment_from(payment_json(imp_uid=imp_uid))


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Pending", "pending"),
        ("partial_cancelled", "partial_cancelled"),
        ("보류\n중", "보류 중"),
        ("x" * 99, "x" * 32),
        *((value, "unknown") for value in ("", None, [], {}, "\x00")),
    ],
)
def test_any_status_can_be_read(sent: object, read: str) -> None:
    assert payment_from(payment_json(status=sent)).status == read


@pytest.mark.parametrize("name", ["amount", "cancel_amount"])
@pytest.mark.parametrize("amount", [10**13, 12_345_678_901_234, "9999999999999.9999", "1e20", 10**14])
def test_an_amount_that_no_column_holds_is_unreadable(name: str, amount: object) -> None:
    with pytest.raises(Unreadable, match=name):
        payment_from(payment_json(**{name: amount}))
    assert payment_from(payment_json(amount=10**13 - 1)).amount == 10**13 - 1


@pytest.mark.parametrize(("name", "limit"), [("imp_uid", 32), ("merchant_uid", 40)])
def test_a_number_that_is_too_long_is_unreadable_and_not_cut(name: str, limit: int) -> None:
    assert getattr(payment_from(payment_json(**{name: "한" * limit})), name) == "한" * limit
    for number in ("x" * (limit + 1), "한" * 5000):
        with pytest.raises(Unreadable, match=name):
            payment_from(payment_json(**{name: number}))


@pytest.mark.parametrize("letter", ["x", "한", "\U0001f600"])
def test_texts_are_cut_to_their_columns(letter: str) -> None:
    long = letter * 3000
    item = {"amount": 5, "cancellation_id": long, "pg_tid": long, "reason": long}
    payment = payment_from(
        payment_json(**dict.fromkeys(limits.TEXTS, long), promotion={"id": long}, cancel_history=[item])
    )
    assert {name: len(getattr(payment, name)) for name in limits.TEXTS} == limits.TEXTS
    (cancel,) = payment.cancel_history
    assert (len(cancel.cancellation_id), len(cancel.pg_tid), len(cancel.reason)) == (160, 100, 255)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://receipts.example/1?a=b", True),
        ("HTTP://receipts.example", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>1</script>", False),
        ("//receipts.example/1", False),
        ("receipts.example/1", False),
        ("https:///1", False),
        ("https://a b", False),
        ("https://receipts.example/" + "x" * 500, False),
        (5, False),
    ],
)
def test_only_whole_web_addresses_are_kept(address: object, kept: bool) -> None:
    item = {"amount": 5, "cancellation_id": "a", "receipt_url": address}
    payment = payment_from(payment_json(receipt_url=address, cancel_history=[item]))
    assert {payment.receipt_url, payment.cancel_history[0].receipt_url} == {address if kept else ""}


@pytest.mark.parametrize("currency", ["USDT", "원", "US", 840])
def test_a_payment_without_a_currency_code_is_unreadable(currency: object) -> None:
    with pytest.raises(Unreadable, match="currency"):
        payment_from(payment_json(currency=currency))


@pytest.mark.parametrize("raw", [None, [], "x", 5])
def test_json_that_is_not_an_object_is_rejected(raw: object) -> None:
    with pytest.raises(Unreadable):
        payment_from(raw)


@pytest.mark.parametrize("history", [{}, [None], [{"amount": None}], [{"amount": -5}]])
def test_invalid_history_is_unreadable(history: object) -> None:
    with pytest.raises(Unreadable):
        payment_from(payment_json(cancel_history=history))


def test_cancel_of_zero_is_ignored() -> None:
    history = [{"amount": 0, "cancellation_id": "a"}, {"amount": 5, "cancellation_id": "b"}]
    shown = payment_from(payment_json(cancel_history=history)).cancel_history
    assert [item.cancellation_id for item in shown] == ["b"]


def test_a_missing_history_and_an_item_without_an_identity_are_accepted() -> None:
    assert payment_from(payment_json(cancel_history=None)).cancel_history == ()
    (item,) = payment_from(payment_json(cancel_history=[{"amount": 5, "cancelled_at": 0}])).cancel_history
    assert (item.amount, item.cancelled_at, item.cancellation_id) == (Decimal(5), None, "")


@pytest.mark.parametrize(
    "value", [0, None, "", "soon", "NaN", -1, 10**30, {}, 4_102_444_800, 253_402_300_799, Decimal("1e99999999")]
)
def test_invalid_time_is_none(value: object) -> None:
    assert payment_from(payment_json(paid_at=value)).paid_at is None


def test_times_are_aware() -> None:
    assert payment_from(payment_json(paid_at="1700000000")).paid_at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), ("1", 1), (None, None), ("", None), (7, None)])
def test_card_types_come_as_numbers_or_text(value: object, expected: int | None) -> None:
    assert payment_from(payment_json(card_type=value)).card_type == expected


@pytest.mark.parametrize(("value", "expected"), [(1, True), (True, True), ("true", True), (0, False), (None, False)])
def test_flags_come_in_many_forms(value: object, expected: bool) -> None:
    assert payment_from(payment_json(escrow=value)).escrow is expected


def test_text_is_stripped_of_characters_that_databases_reject() -> None:
    payment = payment_from(payment_json(name="티\x00셔츠\ud800", buyer_name=None, buyer_tel=1012345678))
    assert (payment.name, payment.buyer_name, payment.buyer_tel) == ("티셔츠", "", "1012345678")


@pytest.mark.parametrize("letter", ["\u202a", "\u202e", "\u2066", "\u2069", "\x1b", "\x7f", "\x9f"])
def test_bidi_characters_are_stripped_from_displayed_text(letter: str) -> None:
    odd, item = f"환불{letter}됨", {"amount": 5, "cancellation_id": f"c{letter}1", "pg_tid": f"t{letter}1"}
    shown = dict.fromkeys(("name", "buyer_name", "fail_reason", "cancel_reason", "vbank_holder"), odd)
    payment = payment_from(payment_json(**shown, cancel_history=[{**item, "reason": odd}]))
    (cancel,) = payment.cancel_history
    assert {getattr(payment, name) for name in shown} | {cancel.reason} == {"환불됨"}
    assert (cancel.cancellation_id, cancel.pg_tid) == (f"c{letter}1", f"t{letter}1")


def test_ids_stay_unchanged() -> None:
    payment = payment_from(payment_json(imp_uid="imp\u202e1", merchant_uid="a\u202eb", pg_tid="c\u2066d"))
    assert (payment.imp_uid, payment.merchant_uid, payment.pg_tid) == ("imp\u202e1", "a\u202eb", "c\u2066d")


def test_line_breaks_in_text_become_spaces() -> None:
    assert payment_from(payment_json(name="티셔츠\r\n파란색\u2028L\t")).name == "티셔츠 파란색 L"


def promotion_of(promotion: object) -> tuple[bool, str, Decimal]:
    payment = payment_from(cancelled_json(promotion=promotion))
    return payment.has_promotion, payment.promotion_id, payment.promotion_discount


def test_promotion_is_recognised() -> None:
    assert promotion_of({"id": "p", "discount": 1000}) == (True, "p", 1_000)
    assert promotion_of({"id": "p", "discount": "1000.004"}) == (True, "p", 1_000)
    assert promotion_of({"discount": 500}) == (True, "", 500)
    assert promotion_of({"id": "p"}) == promotion_of({"id": "p", "discount": "much"}) == (True, "p", 0)
    nothing = (None, {}, {"id": None, "discount": 0}, "", [])
    assert {promotion_of(promotion) for promotion in nothing} == {(False, "", 0)}


@pytest.mark.parametrize(("after", "amount"), [(False, 9_000), (True, 10_000)])
def test_amount_is_that_of_the_order_before_the_discount(settings: Settings, after: bool, amount: int) -> None:
    settings.IAMPORT_AMOUNT_AFTER_DISCOUNT = after
    assert payment_from(payment_json(amount=9_000, promotion={"id": "p", "discount": 1_000})).amount == amount
    assert payment_from(payment_json(amount=9_000, promotion=None)).amount == 9_000


def test_amounts_are_never_floats() -> None:
    response = decode(200, b'{"code": 0, "response": {"amount": 0.1}}').response
    assert response == {"amount": Decimal("0.1")}
    assert encode({"a": Decimal("0.30"), "b": {"c": "한"}, "d": None}) == '{"a":0.3,"b":{"c":"\\ud55c"},"d":null}'
