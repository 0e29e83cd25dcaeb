"""Classification of refused cancels by their text."""

import pytest

from payments.gateway import classify_refusal
from payments.gateway.iamport.refusal_table import TABLE

PREFIX = "결제취소에 실패하였습니다. "
ROWS = [(kind, pg, row) for kind, rows in TABLE.items() for row in rows for pg in row.pgs.split() or ["any_pg"]]


@pytest.mark.parametrize(
    ("pg_provider", "said", "kind"),
    [
        ("html5_inicis", "[500626|기 취소 거래]", "already_cancelled"),
        ("inicis", "[504626|기취소 거래]", "already_cancelled"),
        ("nice", "해당거래 취소실패(기취소성공) : 전화 문의(1661-0808)", "already_cancelled"),
        ("nice_v2", "취소금액이 미정산 금액보다 큽니다.", "settlement_short"),
        ("kakaopay", "(requested cancel amount is bigger than cancelable amount)", "other"),
        ("any_pg", "이미 전액취소된 주문입니다.", "already_cancelled"),
        ("any_pg", "취소할 결제건이 존재하지 않습니다.", "other"),
        ("kcp", "8178: 상계가능한 정산예정금액이 부족합니다.", "settlement_short"),
        ("kcp_quick", "상계가능 정산금액 부족", "settlement_short"),
        ("danal", "취소불가 상태입니다.", "settlement_short"),
        ("daou", "[9029] 취소가능 금액이 부족합니다.", "settlement_short"),
        ("danal_tpay", "일취소 한도 초과", "shop_limit"),
        ("tosspayments", "취소할 수 있는 기간을 초과하였습니다.", "period_over"),
        ("naverpay", "취소 기한이 만료되었습니다.", "period_over"),
        ("nice_v2", "에스크로 부분취소 불가", "not_in_part"),
        ("kcp", "구매확정 완료된 거래건입니다.", "buyer_confirmed"),
        ("naverpay", "이전에 요청한 취소가 완료되지 않았습니다.", "already_running"),
        ("tosspayments", "환불계좌번호와 예금주명이 일치하지 않습니다.", "account_wrong"),
        ("kcp", "당월 환불 불가 거래입니다.", "use_plain_cancel"),
        ("uplus", "현금영수증 취소를 하실 수 없습니다.", "receipt_first"),
        ("html5_inicis", "취소불가 가맹점", "not_allowed"),
        ("naverpay", "서비스 점검 중입니다.", "pg_down"),
        ("kcp", "비과세 금액 초과", "other"),
        ("kcp", "알 수 없는 오류", "other"),
        ("kcp", "", "other"),
    ],
)
def test_a_refusal_is_classified_by_its_text(pg_provider, said, kind):
    assert classify_refusal(PREFIX + said, pg_provider=pg_provider).kind == kind
    assert classify_refusal(said, pg_provider=pg_provider).kind == kind


def test_every_text_of_the_table_is_recognised_inside_a_message():
    for kind, pg_provider, row in ROWS:
        said = f"{PREFIX}거래번호 123: {row.fragment} (문의 1544-8178)"
        found = classify_refusal(said, pg_provider=pg_provider)
        assert found.kind == kind, said
        assert row.step in (None, found.next_step), said


@pytest.mark.parametrize("form", ["[{}|알 수 없는 문구]", "실패 ({})", "{}: 실패"])
def test_every_code_of_the_table_is_recognised_where_codes_are(form):
    for kind, pg_provider, row in ROWS:
        for code in row.codes.split():
            said = form.format(code.replace("xx", "01"))
            kinds = {kind} if code != "2015" else {"already_cancelled", "already_running"}
            assert classify_refusal(said, pg_provider=pg_provider).kind in kinds, said


def test_text_comes_before_a_code_with_another_meaning():
    found = classify_refusal("[8178|기취소된 신용카드 거래]", pg_provider="kcp")
    assert found.kind == "already_cancelled"


@pytest.mark.parametrize(
    ("pg_provider", "said", "kind"),
    [
        ("nice", "부분취소 불가능 거래 (취소 한도 초과)", "not_in_part"),
        ("danal_tpay", "부분 취소 불가: 상계가능한 정산예정금액이 부족", "settlement_short"),
        ("html5_inicis", "부분취소가 불가능한 충전식 카드 (취소한도초과)", "not_in_part"),
    ],
)
def test_the_longest_text_wins(pg_provider, said, kind):
    assert classify_refusal(said, pg_provider=pg_provider).kind == kind


@pytest.mark.parametrize("said", ["환불 금액 35,000원", "고객센터 (02)1544-8178", "2026.11.27 실패", "주문 8178 실패"])
@pytest.mark.parametrize("pg_provider", ["danal", "kcp"])
def test_numbers_that_are_no_codes_do_not_count(pg_provider, said):
    assert classify_refusal(said, pg_provider=pg_provider).kind == "other"


@pytest.mark.parametrize("pg_provider", ["", "some_new_pg", "kcp_next"])
@pytest.mark.parametrize("said", ["[8178|상계가능한 정산예정금액이 부족]", "미정산 금액보다 큽니다", "RF31"])
def test_texts_of_another_pg_do_not_count(pg_provider, said):
    assert classify_refusal(said, pg_provider=pg_provider).kind == "other"


@pytest.mark.parametrize("said", ["취소한도초과", "취소 한도 초과", "취소  한도\u00a0초과", "[500906|취소한도초과]"])
def test_spaces_do_not_matter(said):
    assert classify_refusal(said, pg_provider="html5_inicis").kind == "settlement_short"


@pytest.mark.parametrize(("code", "step"), [("500906", "pay_in"), ("1200K5", "wait_for_sales")])
def test_the_code_decides_between_equal_texts(code, step):
    assert classify_refusal(f"[{code}|취소한도초과]", pg_provider="html5_inicis").next_step == step


@pytest.mark.parametrize("kind", ["already_cancelled", "already_running"])
def test_no_step_after_money_that_may_have_moved_is_another_try(kind):
    safe = {"compare", "wait", "ask_pg"}
    for row in TABLE[kind]:
        assert classify_refusal(row.fragment, pg_provider=row.pgs.split(" ")[0]).next_step in safe
