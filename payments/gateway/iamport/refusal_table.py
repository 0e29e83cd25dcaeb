"""Texts with which PGs refuse a cancel, and what each means. i'mport passes them through; it has no codes of its own.

Sources: error tables of i'mport and of the PGs, and refusals quoted by public clients. How often i'mport shows a PG's
code at all is not known. Rows of the first two kinds come first: of two rows that fit equally, the first one counts,
and those two mean that the money may already be back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from payments.gateway.base import NextStep, RefusalClass

ANY = ""
INICIS = "html5_inicis inicis"
KCP = "kcp kcp_quick kcp_billing"
NICE = "nice nice_v2"
TOSS_OLD = "uplus tosspayments"
TOSS = "tosspayments toss_brandpay"
DANAL_PHONE = "danal"
DANAL_TPAY = "danal_tpay"
DANAL_BOTH = "danal danal_tpay"
DAOU = "daou"
MOBILIANS = "mobilians mobilians_v2"
PHONE_BILLS = "danal mobilians mobilians_v2"
KAKAO = "kakaopay"
NAVER = "naverpay"


@dataclass(frozen=True, slots=True)
class Row:
    """A text or code of some PGs. `pgs` is empty for any PG; an `x` in `codes` is any digit. Several are spaced apart.

    `step` is what to do next, if it is not what is usual for the class.
    """

    pgs: str
    fragment: str
    codes: str = ""
    step: NextStep | None = None


USUAL_STEPS: Mapping[RefusalClass, NextStep] = {
    "already_cancelled": "compare",
    "already_running": "wait",
    "settlement_short": "wait_for_sales",
    "shop_limit": "ask_pg_contract",
    "period_over": "outside",
    "not_in_part": "in_full",
    "buyer_confirmed": "outside",
    "account_wrong": "other_account",
    "use_plain_cancel": "without_account",
    "receipt_first": "receipt_later",
    "not_allowed": "ask_pg_contract",
    "pg_down": "later",
    "other": "read_message",
}

TABLE: Mapping[RefusalClass, tuple[Row, ...]] = {
    "already_cancelled": (
        Row(ANY, "이미 전액취소된 주문"),
        Row(INICIS, "기 취소 거래", "5xx626"),
        Row(INICIS, "이미 취소 된", "120025"),
        Row(INICIS, "기 취소된", "160353"),
        Row(KCP, "기취소된 신용카드", "8133"),
        Row(KCP, "기 환불 완료", "8337"),
        Row(NICE, "취소 완료 거래", "2013"),
        Row(NICE, "기취소성공", "2015"),
        Row(TOSS_OLD, "이미 취소가 되었거나", "S020"),
        Row(TOSS_OLD, "이미 정상 처리", "RF35"),
        Row(TOSS, "이미 취소된 결제", "ALREADY_CANCELED_PAYMENT"),
        Row(MOBILIANS, "이미 취소", "0044"),
        Row(DANAL_PHONE, "이미 취소된 거래", "507"),
        Row(DANAL_TPAY, "이미 취소된 거래건", "1115"),
        Row(KAKAO, "이미취소된거래", "2003"),
        Row(NAVER, "이미 전체 취소", "AlreadyCanceled"),
    ),
    "already_running": (
        Row(KCP, "진행중 거래", "8040"),
        Row(KCP, "기 환불 요청된", "8340"),
        Row(KCP, "취소 진행중", "8387 8388"),
        Row(KCP, "환불 완료 또는 진행중", "8E01"),
        Row(TOSS_OLD, "오프라인환불로 처리", "RF10", step="ask_pg"),
        Row(TOSS_OLD, "기 수행되었음", "RF15"),
        Row(TOSS_OLD, "환불 타임아웃", "RF19", step="ask_pg"),
        Row(TOSS_OLD, "환불이 진행중", "RF23 RF25"),
        Row(TOSS_OLD, "환불요청이 접수", "RF29"),
        Row(TOSS_OLD, "다른 금액으로 환불이 진행중", "RF33"),
        Row(TOSS_OLD, "미처리건존재", "C093"),
        Row(INICIS, "중복요청여부", "500127"),
        Row(INICIS, "취소처리 중", "506772"),
        Row(INICIS, "환불접수무응답", "160861", step="ask_pg"),
        Row(NICE, "기 취소 요청", "2015", step="compare"),
        Row(DANAL_PHONE, "취소 진행 중인", "35"),
        Row(KAKAO, "중복으로 요청", "-785"),
        Row(KAKAO, "취소 불가능한 상태", "INVALID_CANCEL_STATUS"),
        Row(NAVER, "이전에 요청한 취소가 완료되지", "PreCancelNotComplete"),
        Row(NAVER, "이미 진행 중", "AlreadyOnGoing"),
        Row(NAVER, "자동 취소 재처리", "CancelNotComplete"),
    ),
    "settlement_short": (
        Row(ANY, "취소가능액부족"),
        Row(KCP, "상계가능한 정산예정금액이 부족", "8178"),
        Row(KCP, "상계가능 정산금액 부족", "8178"),
        Row(NICE, "미정산 금액보다 큽니다", step="pay_in"),
        Row(DANAL_BOTH, "취소불가 상태입니다"),
        Row(DANAL_PHONE, "정산금액 부족", "45"),
        Row(DANAL_TPAY, "상계가능한 정산예정금액이 부족", "2291"),
        Row(DANAL_TPAY, "환불을 처리할 결제금액이 없어", "3822"),
        Row(DAOU, "취소가능 금액이 부족", "9029"),
        Row(INICIS, "취소한도초과", "5xx906", step="pay_in"),
        Row(INICIS, "환불처리금액 부족", "160822", step="pay_in"),
        Row(INICIS, "취소 한도 초과", "1200K5 12K5"),
        Row(INICIS, "취소가능한 금액이 초과", "116046 203046"),
        Row(MOBILIANS, "가맹점 사유로 환불이 불가", "0049"),
        Row(KAKAO, "취소한도초과", "6667"),
        Row(KAKAO, "차감금액없음", "2050"),
    ),
    "shop_limit": (
        Row(TOSS_OLD, "하루 환불 가능액을 초과", "RF03", step="ask_pg"),
        Row(TOSS_OLD, "한달 환불 가능액을 초과", "RF08", step="next_month"),
        Row(TOSS_OLD, "환불 한도액이 0원", "RF12 RF13"),
        Row(TOSS, "취소 한도 금액을 초과", "EXCEED_CANCEL_LIMIT"),
        Row(INICIS, "일일 환불 한도", "070018", step="tomorrow"),
        Row(NICE, "취소 한도 초과", "2023"),
        Row(DANAL_TPAY, "일취소 한도 초과", "1129", step="tomorrow"),
    ),
    "period_over": (
        Row(TOSS_OLD, "취소할 수 있는 기간을 초과", "S060"),
        Row(TOSS_OLD, "환불 기간이 초과", "RF21"),
        Row(TOSS_OLD, "해당달에만 취소가능", "W010"),
        Row(TOSS_OLD, "12개월이내 취소", "W702"),
        Row(TOSS_OLD, "환불가능기간 경과", "705"),
        Row(TOSS, "환불 가능한 기간이 지났습니다", "EXCEED_MAX_REFUND_DUE"),
        Row(INICIS, "취소기한이 초과", "5xx714"),
        Row(INICIS, "취소 기한 초과", "5xx667"),
        Row(INICIS, "취소기한 경과", "120061 120064"),
        Row(INICIS, "환불서비스 기한 초과", "160823"),
        Row(INICIS, "해당월 거래만 취소", "112003"),
        Row(NICE, "취소 기한 초과", "2016"),
        Row(MOBILIANS, "취소기간", "0042"),
        Row(DANAL_PHONE, "취소 기간이 지난", "33"),
        Row(DANAL_PHONE, "환불 가능 기간이 초과", "46"),
        Row(DANAL_TPAY, "취소 가능기간이 만료", "1123"),
        Row(DANAL_TPAY, "접수기간이 경과", "3823"),
        Row(KAKAO, "취소기한 경과", "6019"),
        Row(NAVER, "취소 기한이 만료", "CancelDeadlineExpired"),
    ),
    "not_in_part": (
        Row(INICIS, "부분취소가 불가능한 카드", "11C9"),
        Row(INICIS, "부분취소가 불가능한 충전식 카드", "5xx715"),
        Row(INICIS, "부분취소 가능 횟수 초과", "5xx705", step="outside"),
        Row(INICIS, "부분취소 불가 카드사", "5xx707"),
        Row(INICIS, "부분취소 가능한 지불수단 아님", "5xx699"),
        Row(INICIS, "복합지불 부분취소 불가", "5xx702"),
        Row(INICIS, "묶음 상품 전체 취소", "116001"),
        Row(KCP, "부분매입취소 불가 카드", "8142"),
        Row(KCP, "부분취소 가능횟수 초과", "8386", step="outside"),
        Row(TOSS_OLD, "부분환불이 불가", "RF30"),
        Row(TOSS_OLD, "현금카드는 부분 취소", "RF36"),
        Row(TOSS_OLD, "부분취소 불가 카드", "C090"),
        Row(TOSS_OLD, "원화결제만 가능", "C074"),
        Row(TOSS_OLD, "즉시할인거래는 부분취소 불가", "C108"),
        Row(TOSS, "부분 환불이 불가", "NOT_ALLOWED_PARTIAL_REFUND"),
        Row(TOSS, "즉시할인금액보다 적은", "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", step="larger_part"),
        Row(NICE, "부분취소 불가능 거래", "1534"),
        Row(NICE, "부분취소 불가능 결제수단", "2029"),
        Row(NICE, "전체취소 이용바람", "2033"),
        Row(NICE, "에스크로 부분취소 불가", "2052"),
        Row(DANAL_PHONE, "일부 금액에 대한 환불이 불가능", "38"),
        Row(DANAL_PHONE, "취소 가능 횟수가 초과", "466", step="outside"),
        Row(KAKAO, "부분취소불가거래", "1015"),
    ),
    "buyer_confirmed": (
        Row(KCP, "구매확정 완료", "8E02", step="outside_agreed"),
        Row(TOSS_OLD, "이미 정산에 반영", "C063"),
    ),
    "account_wrong": (
        Row(TOSS_OLD, "환불계좌 형식", "RF26"),
        Row(TOSS_OLD, "가상계좌번호는 환불계좌로", "RF31", step="own_account"),
        Row(TOSS_OLD, "계좌번호와 예금주명 불일치", "RF37"),
        Row(TOSS, "예금주명이 일치하지", "INVALID_REFUND_ACCOUNT_INFO"),
        Row(TOSS, "잘못된 환불 계좌번호", "INVALID_REFUND_ACCOUNT_NUMBER"),
        Row(TOSS, "유효하지 않은 은행", "INVALID_BANK", step="check_bank"),
        Row(TOSS, "입금이 되지 않는 상태", "FORBIDDEN_BANK_REFUND_REQUEST"),
    ),
    "use_plain_cancel": (Row(KCP, "당월 환불 불가", "8345"),),
    "receipt_first": (Row(TOSS_OLD, "현금영수증 취소를 하실 수 없습니다", "CR27"),),
    "not_allowed": (
        Row(KCP, "취소 요청 권한 부족", "8642"),
        Row(KCP, "환불 불가 사이트", "8327 8328"),
        Row(KCP, "환불이 불가한 카드", "8379", step="outside"),
        Row(INICIS, "취소불가 가맹점", "5xx622"),
        Row(INICIS, "펌뱅킹환불 기준정보", "5xx425"),
        Row(INICIS, "에스크로 거래 취소 불가", "504685", step="escrow_service"),
        Row(TOSS_OLD, "환불 가능한 상점이 아닙니다", "RF05"),
        Row(TOSS_OLD, "현금환입 후", "48"),
        Row(NICE, "취소패스워드 불일치", "2024"),
        Row(NICE, "구매 또는 구매거절", "2027", step="wait_for_buyer"),
        Row(DANAL_TPAY, "환불 불가한 거래", "1149", step="outside"),
        Row(PHONE_BILLS, "선결제", step="outside"),
    ),
    "pg_down": (
        Row(KCP, "시스템 점검중", "8045"),
        Row(KCP, "통신오류", "8171"),
        Row(INICIS, "취소 서비스 제공시간 마감", "160824"),
        Row(INICIS, "10분뒤에 취소", "110039", step="in_10_minutes"),
        Row(TOSS_OLD, "은행 서비스 시간이 아닙니다", "RF02"),
        Row(TOSS_OLD, "은행 장애", "RF22"),
        Row(TOSS_OLD, "은행 응답시간 지연", "RF34"),
        Row(TOSS, "은행 서비스 시간이 아닙니다", "NOT_AVAILABLE_BANK"),
        Row(TOSS, "은행 응답시간 지연", "FAILED_REFUND_PROCESS"),
        Row(DANAL_PHONE, "일시적인 오류로 취소 실패", "27"),
        Row(NAVER, "점검 중", "MaintenanceOngoing"),
    ),
    "other": (
        Row(ANY, "취소할 결제건이 존재하지", step="check_number"),
        Row(ANY, "지정해주셔야합니다"),
        Row(KCP, "가능 금액 불일치", "8381", step="real_balance"),
        Row(KCP, "비과세 금액 초과", "8099", step="tax_parts"),
        Row(INICIS, "부분취소 잔액 오류", "5xx706", step="real_balance"),
        Row(INICIS, "부분취소 일반취소불가", "5xx625", step="rest_in_part"),
        Row(NICE, "거래금액 합계오류", "1615", step="tax_parts"),
        Row(NICE, "취소가능금액보다 큼", "2032", step="real_balance"),
        Row(TOSS_OLD, "부분취소 건은 전체취소", "S025", step="rest_in_part"),
        Row(TOSS_OLD, "입금된 내역이 없습니다", "RF24", step="test_payment"),
        Row(KAKAO, "bigger than cancelable amount", step="real_balance"),
        Row(NAVER, "과면세 금액보다 큰", "TaxScopeAmtGreaterThanRemainError", step="tax_parts"),
        Row(DANAL_PHONE, "승인 시 정보와 불일치", "43", step="outside"),
    ),
}
