"""Rules about the bank account of a refund, and its format for i'mport."""

from dataclasses import replace

import pytest

from refunds.policies import WireAccount, wire_account
from tests.refunds.policies.cases import ACCOUNT, TEL, asking, only_violation, paid, seoul, violations


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "expected"),
    [
        ("html5_inicis", "vbank", ["account_required"]),
        ("some_new_pg", "vbank", ["account_required"]),
        ("smartro_v2", "trans", ["account_required"]),
        ("welcome", "vbank", ["account_required"]),
        ("welcome", "trans", ["account_required"]),
        ("welcome", "card", []),
        ("smartro", "trans", []),
        ("html5_inicis", "trans", []),
        ("smartro_v2", "card", []),
    ],
)
def test_account_is_required_if_the_pg_cannot_refund_to_the_source(pg_provider, pay_method, expected):
    assert violations(asking(paid(pg_provider, pay_method), **TEL)) == expected


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        (["refund_holder"], "refund_holder"),
        (["refund_bank"], "refund_bank"),
        (["refund_account"], "refund_account"),
        (["refund_bank", "refund_account"], "refund_bank"),
        (["refund_holder", "refund_bank", "refund_account"], "refund_holder"),
    ],
)
@pytest.mark.parametrize("nothing", ["", " "])
def test_the_first_missing_part_of_the_account_is_named(missing, field, nothing):
    account = ACCOUNT | dict.fromkeys(missing, nothing)
    violation = only_violation(asking(paid(pay_method="vbank"), **account))
    assert (violation.code, violation.field) == ("account_required", field)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("12345", ["account_invalid"]),
        ("123456", []),
        ("1" * 20, []),
        ("1" * 21, ["account_invalid"]),
        ("110-123-456789", []),
        (" 110 123 456789 ", []),
        ("110\u2013123\u2013456789", []),
        ("110-123-45678a", ["account_invalid"]),
        ("١٢٣٤٥٦٧", ["account_invalid"]),
        ("------", ["account_invalid"]),
    ],
)
def test_an_account_number_has_6_to_20_digits(typed, expected):
    account = ACCOUNT | {"refund_account": typed}
    assert violations(asking(paid(pay_method="vbank"), **account)) == expected


@pytest.mark.parametrize(
    ("pg_provider", "bank", "expected"),
    [
        ("html5_inicis", "신한은행", []),
        ("html5_inicis", "088", []),
        ("html5_inicis", "088 은행 아님", ["bank_unknown"]),
        ("html5_inicis", "999", ["bank_unknown"]),
        ("html5_inicis", "005", ["bank_not_listed"]),
        ("daou", "005", []),
        ("some_new_pg", "005", []),
    ],
)
def test_bank_must_be_known_and_supported_by_the_pg(pg_provider, bank, expected):
    account = ACCOUNT | {"refund_bank": bank}
    assert violations(asking(paid(pg_provider, "vbank"), **account)) == expected


def test_message_contains_the_bank_as_typed():
    violation = only_violation(asking(paid(pay_method="vbank"), **ACCOUNT | {"refund_bank": "5%은행"}))
    assert violation.field == "refund_bank"
    assert "“5%은행”" in violation.message


@pytest.mark.parametrize(
    ("pg_provider", "pay_method", "expected"),
    [
        ("smartro", "vbank", ["tel_required"]),
        ("smartro", "trans", []),
        ("smartro_v2", "vbank", ["tel_required"]),
        ("smartro_v2", "trans", ["tel_required"]),
        ("welcome", "vbank", ["tel_required"]),
        ("welcome", "trans", ["tel_required"]),
        ("welcome", "card", []),
        ("smartro", "card", []),
        ("smartro_v2", "card", []),
        ("daou", "vbank", []),
    ],
)
def test_smartro_and_welcome_need_the_holders_telephone(pg_provider, pay_method, expected):
    assert violations(asking(paid(pg_provider, pay_method), **ACCOUNT)) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("010-1234-5678", []),
        ("01012345678", []),
        ("02-123-4567", []),
        ("+82 10-1234-5678", []),
        ("+82 (0)10-1234-5678", []),
        ("02123456", ["tel_invalid"]),
        ("010-1234-56789", ["tel_invalid"]),
        ("1234-5678", ["tel_invalid"]),
        ("010-1234-567x", ["tel_invalid"]),
    ],
)
def test_a_telephone_number_is_a_complete_korean_one(typed, expected):
    assert violations(asking(paid("smartro", "vbank"), **ACCOUNT, refund_tel=typed)) == expected


def test_every_invalid_account_input_is_reported_together():
    context = asking(
        paid("smartro", "vbank"),
        refund_holder="",
        refund_bank="?",
        refund_account="1",
        refund_tel="1",
    )
    assert violations(context) == ["account_required", "bank_unknown", "account_invalid", "tel_invalid"]


def test_unneeded_account_is_neither_checked_nor_sent():
    context = asking(
        paid("html5_inicis", "card"),
        refund_holder="홍길동",
        refund_bank="?",
        refund_account="1",
        refund_tel="1",
    )
    assert violations(context) == []
    assert wire_account(context) == WireAccount()


@pytest.mark.parametrize(
    ("pg_provider", "bank"), [("kcp", "BK88"), ("html5_inicis", "88"), ("smartro", "088"), ("welcome", "088")]
)
def test_account_is_sent_with_the_pgs_bank_code_and_the_telephone(pg_provider, bank):
    account = ACCOUNT | {"refund_bank": "신한은행", "refund_holder": " 홍길동 "}
    assert wire_account(asking(paid(pg_provider, "vbank"), **account, **TEL)) == WireAccount(
        holder="홍길동", bank=bank, account="110123456789", tel="01012345678", standard_bank="088"
    )


@pytest.mark.parametrize("typed", ["", "1234", "not a number"])
def test_a_telephone_that_is_not_needed_is_sent_only_if_it_is_one(typed):
    context = asking(paid("kcp", "vbank"), **ACCOUNT, refund_tel=typed)
    assert violations(context) == []
    assert wire_account(context).tel == ""


@pytest.mark.parametrize(
    ("bank_of_payment", "typed", "bank", "expected"),
    [
        ({"vbank_code": "088"}, "110-123-456789", "088", ["account_is_virtual"]),
        ({"vbank_code": "88"}, "110123456789", "신한", ["account_is_virtual"]),
        ({"vbank_name": "신한은행"}, "110 123 456789", "088", ["account_is_virtual"]),
        ({}, "110-123-456789", "088", ["account_is_virtual"]),
        ({"vbank_code": "004"}, "110-123-456789", "088", []),
        ({"vbank_code": "088"}, "110-123-456780", "088", []),
        ({"vbank_code": "088"}, "110-123-45678", "088", []),
    ],
)
def test_virtual_account_that_was_paid_into_cannot_receive_the_refund(bank_of_payment, typed, bank, expected):
    for vbank_num in ("110123456789", "110-123-456789"):
        payment = paid(pay_method="vbank", vbank_num=vbank_num, **bank_of_payment)
        account = ACCOUNT | {"refund_account": typed, "refund_bank": bank}
        assert violations(asking(payment, **account)) == expected
    assert violations(asking(paid(pay_method="vbank", vbank_num=""), **ACCOUNT)) == []


def test_telephone_number_is_sent_without_its_country_code():
    context = asking(paid("smartro", "trans"), refund_tel="+82 10-1234-5678")
    assert wire_account(context) == WireAccount(tel="01012345678")


@pytest.mark.parametrize(("now", "sent"), [(seoul(2026, 3, 31), ""), (seoul(2026, 4, 1), "110123456789")])
def test_account_of_a_kcp_phone_payment_is_sent_only_after_its_month(now, sent):
    context = asking(paid("kcp", "phone"), now=now, contracts=["kcp_phone_next_month"], **ACCOUNT)
    assert wire_account(context).account == sent


def test_account_is_not_in_repr():
    account = wire_account(asking(paid(pay_method="vbank"), **ACCOUNT, **TEL))
    assert "110" not in f"{account!r} {account}"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("110123456789", ["account_in_reason"]),
        ("신한 110 123-456789로", ["account_in_reason"]),
        ("1１0-1２3 / 45６789", ["account_in_reason"]),
        ("088110123456789", ["account_in_reason"]),
        ("an earlier one: 352.0617.4429.83", ["account_in_reason"]),
        ("110123456780", []),
        ("110 size 123 456789", []),
        ("", []),
    ],
)
def test_the_reason_cannot_contain_an_account_number(reason, expected):
    context = asking(paid(pay_method="vbank"), **ACCOUNT, reason=reason)
    known = frozenset({"3520617442983"})
    assert violations(replace(context, known_accounts=known)) == expected


def test_an_account_that_no_refund_needs_cannot_stand_in_the_reason_either():
    assert violations(asking(paid(), refund_account="110-123-456789", reason="110123456789")) == ["account_in_reason"]
