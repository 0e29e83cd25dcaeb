"""The rules that refuse a cancel: the first that matches decides."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sandbox.server import promotions, taxes
from sandbox.server.banks import codes_for_pg
from sandbox.server.cases import CancelCase
from sandbox.server.clock import add_months, seoul
from sandbox.server.envelope import REFUSED_BY_IAMPORT, REFUSED_BY_PG, ApiRefusal
from sandbox.server.ledger import Balance
from sandbox.server.models import Payment

REQUESTERS = {"", "customer", "admin"}
TRANSFER_ACCOUNT_PGS = {"smartro_v2", "welcome"}  # transfers too are refunded to an account
TEL_PGS = {"smartro", "smartro_v2", "welcome"}
NO_PARTIAL_CERTIFICATES = {
    "tosspayments": {"cultureland", "smartculture", "booknlife", "culturegift"},
    "daou": {"smartculture", "booknlife"},
    "mobilians": {"smartculture"},
}
# Test payments: really charged and undone by the PG the same day; cancelled in full only.
CHARGED_TEST_PGS = {"html5_inicis", "inicis", "mobilians", "nice", "settle", "smartro", "danal", "danal_tpay", "daou"}
WHOLE_TEST_PGS = {"nice", "danal", "danal_tpay"}
ALREADY_AT_PG = {"nice": "해당거래 취소실패(기취소성공) : 전화 문의(1661-0808)"}
CANCEL_DAYS = {"naverpay": 1095, "paypal": 180, "paypal_v2": 180}
KSNET_PARTIAL_LIMIT = 9
KSNET_MONTHS = 6
NIGHT_STARTS, NIGHT_ENDS = 23, 6

DEFAULT_CONTRACTS = {
    "vbank_refund": True,
    "html5_inicis_phone_partial": False,
    "kcp_phone_partial": False,
    "kcp_phone_next_month": False,
    "welcome_partial": True,
    "smartro_v2_refund_notice": True,  # without it, its later cancels never end
}


def precision(case: CancelCase) -> str | None:
    """Refuse a fraction of a won."""
    return "취소금액의 단위가 올바르지 않습니다." if case.asked % case.payment.unit else None


def promotion_problem(payment: Payment, left: Balance, asked: Decimal, *, retain: bool) -> str | None:
    """Refuse another option than the first partial cancel's, and a rest that would cost more than is paid now."""
    if not payment.promotion_discount:
        return None
    if payment.retains_promotion not in {None, retain}:
        return "최초 부분취소와 동일한 프로모션 유지 여부(retain_promotion)로 취소해야 합니다."
    if promotions.price(payment, left.asked - asked, retain=retain) > left.paid:
        return "부분취소 이후 잔여 금액이 현재 결제금액보다 큽니다."
    return None


def promotion(case: CancelCase) -> str | None:
    """Apply the rules of a promotion."""
    return promotion_problem(case.payment, case.left, case.asked, retain=case.params.flag("retain_promotion"))


def undone_at_pg(case: CancelCase) -> str | None:
    """Refuse what the PG has cancelled already, past i'mport: by its own console, or the same day in a test."""
    charged_in_test = case.payment.sandbox and case.pg in CHARGED_TEST_PGS
    paid_on, today = seoul(case.payment.paid_at).date(), seoul(case.now).date()
    if case.payment.cancelled_at_pg or (charged_in_test and paid_on < today):
        return ALREADY_AT_PG.get(case.pg, "500626|기 취소 거래")
    return None


def test_channel(case: CancelCase) -> str | None:
    """Refuse what cannot be tried with a test channel."""
    if not case.payment.sandbox:
        return None
    if case.payment.pay_method == "vbank":
        return "입금된 내역이 없습니다."
    return "테스트 결제는 부분취소할 수 없습니다." if case.partial and case.pg in WHOLE_TEST_PGS else None


def naverco(case: CancelCase) -> str | None:
    """Refuse orders of Naver Pay: they are cancelled per product order."""
    return "네이버페이 주문형은 상품주문 단위로 취소해야 합니다." if case.pg == "naverco" else None


def naverpay(case: CancelCase) -> str | None:
    """Require the requester and the reason for Naver Pay."""
    if "naverpay" not in (case.pg, case.payment.pay_method):
        return None
    if not case.params.text("reason"):
        return "네이버페이는 취소사유(reason)가 필수입니다."
    if case.params.nested("extra", "requester") not in REQUESTERS:
        return "extra.requester는 customer 또는 admin이어야 합니다."
    return None


def refund_account(case: CancelCase) -> str | None:
    """Require a refund account for virtual accounts."""
    method = case.payment.pay_method
    if method != "vbank" and not (case.pg in TRANSFER_ACCOUNT_PGS and method == "trans"):
        return None
    if case.pg in {"danal", "danal_tpay"} and method == "vbank":
        return "다날 가상계좌는 환불을 지원하지 않습니다."
    if method == "vbank" and case.pg != "tosspayments" and not case.contracts["vbank_refund"]:
        return "가상계좌 환불 특약이 체결되지 않은 상점입니다."
    if not case.has_account:
        return "환불 계좌정보(refund_holder, refund_bank, refund_account)가 필요합니다."
    if case.pg in TEL_PGS and not case.params.text("refund_tel"):
        return "환불계좌 예금주 연락처(refund_tel)가 필요합니다."
    return None


def bank_form(case: CancelCase) -> str | None:
    """Refuse bank codes that the PG does not have."""
    needs_bank = case.payment.pay_method in {"vbank", "phone"} or case.pg in TRANSFER_ACCOUNT_PGS
    code = case.params.text("refund_bank")
    if not needs_bank or not code:
        return None
    if code not in codes_for_pg(case.pg):
        return f"지원하지 않는 은행코드입니다. [{code}]"
    if not case.params.text("refund_account").replace("-", "").isdigit():
        return "환불 계좌번호가 올바르지 않습니다."
    return None


def phone(case: CancelCase) -> str | None:
    """Refuse partial and late cancels of carrier billing, unless a contract allows them."""
    if case.payment.pay_method != "phone":
        return None
    partial_contract = {"html5_inicis": "html5_inicis_phone_partial", "kcp": "kcp_phone_partial"}.get(case.pg)
    if case.partial and not (partial_contract and case.contracts[partial_contract]):
        return "휴대폰 결제는 부분취소할 수 없습니다."
    if not case.other_month:
        return (
            "당월 휴대폰 결제는 환불계좌로 환불할 수 없습니다. (8345)"
            if case.pg == "kcp" and case.has_account
            else None
        )
    if case.pg == "kcp" and case.contracts["kcp_phone_next_month"]:
        return None if case.has_account else "익월 휴대폰 환불은 환불 계좌정보가 필요합니다."
    return "휴대폰 결제는 결제한 달에만 취소할 수 있습니다."


def ksnet(case: CancelCase) -> str | None:
    """Apply KSNET's limits in number, time and hour."""
    if case.pg != "ksnet":
        return None
    if case.partial and case.done_count >= KSNET_PARTIAL_LIMIT:
        return "부분취소 가능 횟수(9회)를 초과하였습니다."
    if seoul(case.now) > add_months(seoul(case.payment.paid_at), KSNET_MONTHS):
        return "취소 가능 기간(6개월)이 지났습니다."
    hour = seoul(case.now).hour
    if case.payment.pay_method == "vbank" and (hour >= NIGHT_STARTS or hour < NIGHT_ENDS):
        return "가상계좌 환불 불가 시간(23시~06시)입니다."
    return None


def too_late(case: CancelCase) -> str | None:
    """Refuse cancels after the days that a PG allows."""
    days = CANCEL_DAYS.get(case.pg)
    paid_on, today = seoul(case.payment.paid_at).date(), seoul(case.now).date()
    return "취소 가능 기간이 지났습니다." if days is not None and (today - paid_on).days > days else None


def no_partial(case: CancelCase) -> str | None:
    """Refuse a partial cancel where only the whole payment can be cancelled."""
    if not case.partial:
        return None
    if case.payment.pay_method in NO_PARTIAL_CERTIFICATES.get(case.pg, set()):
        return "상품권 결제는 부분취소할 수 없습니다."
    if case.pg == "welcome" and not case.contracts["welcome_partial"]:
        return "부분취소 서비스를 신청하지 않은 상점입니다."
    if case.payment.escrow and not case.payment.escrow_confirmed:
        return "에스크로 결제는 부분취소할 수 없습니다."
    if case.payment.foreign_card:
        return "해외카드 결제는 부분취소할 수 없습니다."
    if case.payment.card_points:
        return "카드포인트가 사용된 결제는 부분취소할 수 없습니다."
    return None


def escrow(case: CancelCase) -> str | None:
    """Refuse cancels of escrow payments that the buyer's decision forbids."""
    if case.payment.escrow and case.payment.escrow_confirmed and case.pg in {"kcp", "welcome"}:
        return "구매확인된 에스크로 거래는 취소할 수 없습니다. (8E02)"
    return None


Rule = Callable[[CancelCase], str | None]

RULES: tuple[tuple[int, Rule], ...] = (
    (REFUSED_BY_IAMPORT, precision),
    (REFUSED_BY_IAMPORT, naverco),
    (REFUSED_BY_IAMPORT, promotion),
    (REFUSED_BY_IAMPORT, naverpay),
    (REFUSED_BY_IAMPORT, taxes.tax_free_problem),
    (REFUSED_BY_IAMPORT, taxes.vat_problem),
    (REFUSED_BY_IAMPORT, refund_account),
    (REFUSED_BY_PG, undone_at_pg),
    (REFUSED_BY_PG, test_channel),
    (REFUSED_BY_PG, bank_form),
    (REFUSED_BY_PG, phone),
    (REFUSED_BY_PG, ksnet),
    (REFUSED_BY_PG, too_late),
    (REFUSED_BY_PG, escrow),
    (REFUSED_BY_PG, no_partial),
)


def check(case: CancelCase) -> None:
    """Raise ApiRefusal of the first rule that refuses this cancel."""
    for code, rule in RULES:
        reason = rule(case)
        if reason:
            message = f"결제취소에 실패하였습니다. [{reason}]" if code == REFUSED_BY_PG else reason
            raise ApiRefusal(code, message)
