"""The rules that refuse a cancel: the first that matches decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.server.banks import codes_for_pg
from sandbox.server.clock import add_months, seoul
from sandbox.server.envelope import REFUSED_BY_IAMPORT, REFUSED_BY_PG, ApiRefusal
from sandbox.server.ledger import Balance, unit
from sandbox.server.models import Payment
from sandbox.server.params import Params

TAX_FREE_PGS = {"kcp", "kcp_quick", "kicc", "nice", "payco", "smartro_v2", "welcome"}
VAT_PGS = {"nice", "nice_v2", "html5_inicis", "welcome"}
REQUESTERS = {"", "customer", "admin"}
GIFT_CERTIFICATES = {"cultureland", "smartculture", "booknlife"}
KSNET_PARTIAL_LIMIT = 9
KSNET_MONTHS = 6
NIGHT_STARTS, NIGHT_ENDS = 23, 6

DEFAULT_CONTRACTS = {
    "vbank_refund": True,
    "html5_inicis_phone_partial": False,
    "kcp_phone_partial": False,
    "kcp_phone_next_month": False,
}


@dataclass(frozen=True)
class CancelCase:
    """The input of every rule."""

    payment: Payment
    params: Params
    asked: Decimal
    left: Balance
    done_count: int
    has_pending: bool
    contracts: dict[str, bool]
    now: int

    @property
    def pg(self) -> str:
        """Return the provider whose rules apply."""
        return self.payment.pg_provider

    @property
    def partial(self) -> bool:
        """Tell whether it is partial: to PGs, anything but the whole payment at once."""
        return self.asked != self.payment.amount

    @property
    def has_account(self) -> bool:
        """Tell whether the request has a complete refund account."""
        return all(self.params.text(name) for name in ("refund_holder", "refund_bank", "refund_account"))

    @property
    def other_month(self) -> bool:
        """Tell whether the payment was made in another month (Seoul time)."""
        paid, now = seoul(self.payment.paid_at), seoul(self.now)
        return (paid.year, paid.month) != (now.year, now.month)

    @property
    def vat_applies(self) -> bool:
        """Tell whether the PG takes a VAT part with this cancel; others ignore it."""
        return self.pg in VAT_PGS or (self.pg == "tosspay_v2" and self.partial)


def pending(case: CancelCase) -> str | None:
    """Refuse a second cancel while one is pending."""
    return "이미 접수된 취소 요청이 처리 중입니다." if case.has_pending else None


def precision(case: CancelCase) -> str | None:
    """Refuse a fraction of a won."""
    return "취소금액의 단위가 올바르지 않습니다." if case.asked % unit(case.payment.currency) else None


def naverpay(case: CancelCase) -> str | None:
    """Require the requester and the reason for Naver Pay."""
    if "naverpay" not in (case.pg, case.payment.pay_method):
        return None
    if not case.params.text("reason"):
        return "네이버페이는 취소사유(reason)가 필수입니다."
    if case.params.nested("extra", "requester") not in REQUESTERS:
        return "extra.requester는 customer 또는 admin이어야 합니다."
    return None


def tax_free(case: CancelCase) -> str | None:
    """Require a tax-free part that fits."""
    given = case.params.amount("tax_free")
    if given is None:
        if case.pg in TAX_FREE_PGS and case.payment.tax_free > 0:
            return "면세금액(tax_free)이 필요한 결제건입니다."
        return None
    taxable_left = case.left.asked - case.left.tax_free
    if given > case.asked or given > case.left.tax_free or case.asked - given > taxable_left:
        return "면세금액(tax_free)이 취소 가능한 금액과 맞지 않습니다."
    return None


def vat_amount(case: CancelCase) -> str | None:
    """Require the VAT part where the PG takes it and it was given at payment."""
    if not case.vat_applies:
        return None
    given = case.params.amount("vat_amount")
    if given is None:
        return "부가세(vat_amount)가 필요한 결제건입니다." if case.payment.vat_amount is not None else None
    if given > case.left.vat or given > case.asked - (case.params.amount("tax_free") or 0):
        return "부가세(vat_amount)가 취소 가능한 금액보다 큽니다."
    return None


def refund_account(case: CancelCase) -> str | None:
    """Require a refund account for virtual accounts."""
    method = case.payment.pay_method
    if method != "vbank" and not (case.pg == "smartro_v2" and method == "trans"):
        return None
    if case.pg == "danal" and method == "vbank":
        return "다날 가상계좌는 환불을 지원하지 않습니다."
    if method == "vbank" and not case.contracts["vbank_refund"]:
        return "가상계좌 환불 특약이 체결되지 않은 상점입니다."
    if not case.has_account:
        return "환불 계좌정보(refund_holder, refund_bank, refund_account)가 필요합니다."
    if case.pg in {"smartro", "smartro_v2"} and not case.params.text("refund_tel"):
        return "환불계좌 예금주 연락처(refund_tel)가 필요합니다."
    return None


def bank_form(case: CancelCase) -> str | None:
    """Refuse bank codes that the PG does not have."""
    needs_bank = case.payment.pay_method in {"vbank", "phone"} or case.pg == "smartro_v2"
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
        return None
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


def no_partial(case: CancelCase) -> str | None:
    """Refuse a partial cancel where only the whole payment can be cancelled."""
    if not case.partial:
        return None
    if case.pg == "tosspayments" and case.payment.pay_method in GIFT_CERTIFICATES:
        return "상품권 결제는 부분취소할 수 없습니다."
    if case.payment.escrow:
        return "에스크로 결제는 부분취소할 수 없습니다."
    if case.payment.foreign_card:
        return "해외카드 결제는 부분취소할 수 없습니다."
    if case.payment.card_points:
        return "카드포인트가 사용된 결제는 부분취소할 수 없습니다."
    return None


Rule = Callable[[CancelCase], str | None]

RULES: tuple[tuple[int, Rule], ...] = (
    (REFUSED_BY_IAMPORT, pending),
    (REFUSED_BY_IAMPORT, precision),
    (REFUSED_BY_IAMPORT, naverpay),
    (REFUSED_BY_IAMPORT, tax_free),
    (REFUSED_BY_IAMPORT, vat_amount),
    (REFUSED_BY_IAMPORT, refund_account),
    (REFUSED_BY_PG, bank_form),
    (REFUSED_BY_PG, phone),
    (REFUSED_BY_PG, ksnet),
    (REFUSED_BY_PG, no_partial),
)


def check(case: CancelCase) -> None:
    """Raise ApiRefusal of the first rule that refuses this cancel."""
    for code, rule in RULES:
        reason = rule(case)
        if reason:
            message = f"결제취소에 실패하였습니다. [{reason}]" if code == REFUSED_BY_PG else reason
            raise ApiRefusal(code, message)
