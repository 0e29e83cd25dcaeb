from itertools import chain, combinations

import pytest

from payments import banks
from payments.banks import bank_by_code, banks_for, resolve_bank, wire_code

SHINHAN = bank_by_code("088")


@pytest.mark.parametrize(
    "text",
    [
        "088",
        "88",
        " 88 ",
        "８８",
        "BK88",
        "bk88",
        "신한은행",
        "신한",
        " 신한 은행 ",
        "Shinhan Bank",
        "shinhan",
        "SHINHANBANK",
    ],
)
@pytest.mark.parametrize("pg", ["kcp", "html5_inicis", "tosspayments", "daou", "somepg"])
def test_bank_is_found_by_every_spelling(text: str, pg: str) -> None:
    assert SHINHAN is not None
    assert resolve_bank(text, pg) == SHINHAN


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("국민은행", "004"),
        ("KB국민은행", "004"),
        ("kookmin", "004"),
        ("기업", "003"),
        ("NH농협은행", "011"),
        ("iM뱅크", "031"),
        ("카카오", "090"),
        ("K뱅크", "089"),
        ("케이뱅크", "089"),
        ("새마을금고", "045"),
        ("하나", "081"),
        ("우체국", "071"),
    ],
)
def test_common_short_and_long_names_are_known(text: str, code: str) -> None:
    assert resolve_bank(text, "kcp") == bank_by_code(code)


@pytest.mark.parametrize("text", ["", "  ", "999", "8", "bank", "은행", "No Such Bank", "BK00", "0088", "신한카드"])
def test_text_without_a_bank_finds_none(text: str) -> None:
    assert resolve_bank(text, "kcp") is None


@pytest.mark.parametrize(("text", "code"), [("12", "081"), ("11", "023"), ("012", "012"), ("88", "088")])
def test_daou_codes_take_precedence_for_daou(text: str, code: str) -> None:
    assert resolve_bank(text, "daou") == bank_by_code(code)


def test_daou_codes_are_unknown_to_other_pgs() -> None:
    assert resolve_bank("12", "kcp") == bank_by_code("012")
    assert resolve_bank("08", "kcp") is None


@pytest.mark.parametrize(
    ("pg", "code"),
    [
        ("kcp", "BK88"),
        ("KCP_QUICK", "BK88"),
        ("html5_inicis", "88"),
        ("inicis", "88"),
        ("daou", "10"),
        ("tosspayments", "088"),
        ("smartro_v2", "088"),
        ("nice_v2", "088"),
        ("welcome", "088"),
        ("newpg", "088"),
        ("", "088"),
    ],
)
def test_each_pg_gets_its_own_bank_code(pg: str, code: str) -> None:
    assert SHINHAN is not None
    assert wire_code(SHINHAN, pg) == code


def test_bank_that_the_pg_does_not_list_has_no_code_and_is_not_offered() -> None:
    kakao = bank_by_code("090")
    assert kakao is not None
    assert wire_code(kakao, "daou") is None
    assert kakao not in banks_for("daou")
    assert kakao in banks_for("kcp")


def test_a_pg_outside_the_table_offers_every_bank() -> None:
    assert len(banks_for("newpg")) == 23
    assert [bank.code for bank in banks_for("daou")] == sorted(bank.code for bank in banks_for("daou"))
    assert len(banks_for("daou")) == 10


def test_no_two_banks_share_a_spelling() -> None:
    for one, other in combinations(banks._banks(), 2):
        assert not one.spellings & other.spellings


@pytest.mark.parametrize("pg", ["kcp", "html5_inicis", "daou", "danal", "nice_v2", "welcome", "newpg"])
def test_every_offered_bank_is_found_again_by_its_wire_code_and_both_names(pg: str) -> None:
    for bank in banks_for(pg):
        spellings = chain([wire_code(bank, pg) or ""], [bank.name_ko, bank.name_en])
        assert {resolve_bank(text, pg) for text in spellings} == {bank}


def test_unknown_standard_code_finds_no_bank() -> None:
    assert bank_by_code("000") is None
