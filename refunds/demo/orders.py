"""Orders of the demo, as payments for the sandbox: one for each case that refunds handle differently."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from refunds.demo.people import DOYUN, EMILY, HANEUL, JIWOO, MINJUN, SEOYEON, YUNA, Person

Moment = Callable[[datetime], datetime]


def ago(**age: int) -> Moment:
    """Return a function that computes the time this long before `now`."""
    return lambda now: now - timedelta(**age)


def month_start(now: datetime) -> datetime:
    """Return the start of the current month in Seoul."""
    return timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def this_month(now: datetime) -> datetime:
    return max(month_start(now), now - timedelta(hours=30))


def last_month(now: datetime) -> datetime:
    return month_start(now) - timedelta(days=4, hours=7)


def imp_uid_of(number: int) -> str:
    return f"imp_77{number:010d}"


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """One payment. `cancelled` is the amount refunded in i'mport's console before the shop first read the payment."""

    number: int
    goods: str
    amount: str  # major units of the currency
    buyer: Person
    pg: str
    method: str
    at: Moment
    cancelled: str = ""
    missed: str = ""  # amount refunded in the console later, so it is missing in our ledger
    order: int = 0  # the order's number, if another payment has it too
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def imp_uid(self) -> str:
        return imp_uid_of(self.number)

    @property
    def merchant_uid(self) -> str:
        return f"maru-{self.order or self.number}"

    def as_payment(self, now: datetime) -> dict[str, Any]:
        """Return the payment's fields for the sandbox's control API."""
        at = int(self.at(now).timestamp())
        payment: dict[str, Any] = {
            "imp_uid": self.imp_uid,
            "merchant_uid": self.merchant_uid,
            "name": self.goods,
            "amount": self.amount,
            "pg_provider": self.pg,
            "pay_method": self.method,
            "buyer_name": self.buyer.name,
            "buyer_email": self.buyer.email,
            "buyer_tel": self.buyer.tel,
            "started_at": at - 60,
            **self.more,
        }
        if payment.get("status") == "failed":
            payment["failed_at"] = at
        elif payment.get("status") != "ready":
            payment["paid_at"] = at
        if self.cancelled:
            history = {"amount": self.cancelled, "reason": "고객 요청", "cancelled_at": at + 7200}
            payment["cancel_history"] = [history]
        return payment


@dataclass(frozen=True, slots=True)
class DemoRefund:
    """A refund by staff when the demo is created. `fault` is what the sandbox does to it."""

    number: int
    amount: str
    reason: str
    reason_code: str
    fault: Mapping[str, str] = field(default_factory=dict)

    @property
    def imp_uid(self) -> str:
        return imp_uid_of(self.number)


READY = {"status": "ready"}
KB = {"card_code": "381", "card_name": "국민카드", "card_number": "557042******2075", "card_type": 0}
HYUNDAI = {"card_code": "367", "card_name": "현대카드", "card_number": "402857******8812", "card_type": 0}
CHECK = {"card_code": "361", "card_name": "BC카드", "card_number": "910020******4417", "card_type": 1}
KAKAO_BANK = {"bank_code": "090", "bank_name": "카카오뱅크"}
VBANK_KB = {"vbank_code": "004", "vbank_name": "국민은행", "vbank_holder": "마루상점"}
VBANK_NH = {"vbank_code": "011", "vbank_name": "농협은행", "vbank_holder": "마루상점"}


def declined(reason: str) -> dict[str, str]:
    return {"status": "failed", "fail_reason": reason}


# fmt: off
ORDERS = (
    # Orders of the demo's buyer, shown on the storefront page.
    DemoOrder(1001, "핸드드립 커피 세트", "10000", HANEUL, "html5_inicis", "card", ago(hours=2), more=KB),
    DemoOrder(1002, "리넨 셔츠 화이트 M", "59000", HANEUL, "tosspayments", "card", ago(days=1, hours=3),
              cancelled="9000", more=HYUNDAI),
    DemoOrder(1003, "제주 감귤 5kg", "32000", HANEUL, "html5_inicis", "vbank", ago(days=2), more=VBANK_KB),
    DemoOrder(1004, "우드 스피커", "128000", HANEUL, "naverpay", "naverpay", ago(days=3)),
    DemoOrder(1005, "모바일 게임 아이템", "11000", HANEUL, "danal", "phone", this_month),
    DemoOrder(1006, "월간 웹툰 이용권", "9900", HANEUL, "danal", "phone", last_month),
    DemoOrder(1007, "무선 이어폰 케이스", "24000", HANEUL, "kakaopay", "kakaopay", ago(days=4), missed="4000"),
    DemoOrder(1008, "세라믹 머그 2종", "27500", HANEUL, "kcp", "trans", ago(days=5), more=KAKAO_BANK),
    DemoOrder(1009, "양모 담요", "84000", HANEUL, "nice", "vbank", ago(hours=5), more=VBANK_NH | READY),
    DemoOrder(1010, "캔버스 백팩", "72000", HANEUL, "tosspay", "tosspay", ago(days=9), cancelled="72000"),
    DemoOrder(1011, "러닝화 265mm", "99000", HANEUL, "html5_inicis", "card", ago(days=6, hours=1),
              more=KB | declined("한도초과")),
    DemoOrder(1012, "러닝화 265mm", "99000", HANEUL, "html5_inicis", "card", ago(days=6), order=1011,
              more=HYUNDAI),
    DemoOrder(1013, "Handmade ceramic vase", "42.00", HANEUL, "paypal_v2", "paypal", ago(days=7),
              more={"currency": "USD"}),
    DemoOrder(1014, "유기농 쌀 10kg", "45000", HANEUL, "danal", "vbank", ago(days=8), more=VBANK_NH),
    # Orders of other buyers, which only staff see.
    DemoOrder(2001, "스탠드 조명", "63000", DOYUN, "kcp", "card", ago(hours=7), more=CHECK),
    DemoOrder(2002, "한우 선물 세트", "189000", DOYUN, "kcp", "vbank", ago(days=1), more=VBANK_KB),
    DemoOrder(2003, "채소 꾸러미와 접시", "30000", DOYUN, "kcp", "card", ago(days=2, hours=4),
              more=KB | {"tax_free": "12000"}),
    DemoOrder(2004, "원목 책상", "240000", DOYUN, "html5_inicis", "card", ago(days=11),
              more=HYUNDAI | {"escrow": True}),
    DemoOrder(2005, "만년필", "55000", SEOYEON, "tosspayments", "cultureland", ago(days=3, hours=2)),
    DemoOrder(2006, "요가 매트", "38000", SEOYEON, "smartro_v2", "vbank", ago(days=4, hours=6), more=VBANK_NH),
    DemoOrder(2007, "텀블러 500ml", "21000", SEOYEON, "payco", "payco", ago(days=5, hours=9)),
    DemoOrder(2008, "등산 양말 3켤레", "15000", SEOYEON, "ksnet", "card", ago(days=40),
              cancelled="5000", more=CHECK),
    DemoOrder(2009, "정기 구독 상자", "49000", MINJUN, "ksnet", "vbank", ago(days=6, hours=3), more=VBANK_KB),
    DemoOrder(2010, "게이밍 마우스", "67000", MINJUN, "nice_v2", "card", ago(days=1, hours=8),
              more=KB | {"vat_amount": "6090"}),
    DemoOrder(2011, "전자책 5권", "33000", MINJUN, "html5_inicis", "phone", this_month),
    DemoOrder(2012, "블루투스 키보드", "89000", MINJUN, "kakaopay", "kakaopay", ago(days=12), missed="10000"),
    DemoOrder(2013, "수제 쿠키 12개", "18000", JIWOO, "naverpay", "naverpay", ago(days=2, hours=1),
              cancelled="6000"),
    DemoOrder(2014, "겨울 코트", "215000", JIWOO, "tosspayments", "trans", ago(days=100), more=KAKAO_BANK),
    DemoOrder(2015, "향초 선물 세트", "36000", JIWOO, "settle", "card", ago(days=13),
              cancelled="36000", more=CHECK),
    DemoOrder(2016, "실버 목걸이", "76000", JIWOO, "kicc", "card", ago(days=14),
              more=HYUNDAI | {"promotion": {"id": "promo-autumn", "discount": "7600"}}),
    DemoOrder(2017, "에어프라이어", "119000", YUNA, "html5_inicis", "card", ago(hours=20),
              more=KB | declined("카드사 점검 시간")),
    DemoOrder(2018, "에어프라이어", "119000", YUNA, "html5_inicis", "samsung", ago(hours=19)),
    DemoOrder(2019, "화분과 배양토", "26000", YUNA, "daou", "vbank", ago(days=7, hours=5), more=VBANK_KB),
    DemoOrder(2020, "아기 이불", "58000", YUNA, "welcome", "card", ago(days=15), more=CHECK),
    DemoOrder(2021, "Hanok print, framed", "65.50", EMILY, "paypal_v2", "paypal", ago(days=3, hours=12),
              more={"currency": "USD"}),
    DemoOrder(2022, "Tea sampler", "18.90", EMILY, "paypal_v2", "paypal", ago(days=20),
              cancelled="18.90", more={"currency": "USD"}),
    # Orders that staff have refunded, see `REFUNDS`.
    DemoOrder(2023, "가습기", "47000", JIWOO, "html5_inicis", "card", ago(hours=30), more=KB),
    DemoOrder(2024, "스키 고글", "132000", MINJUN, "kcp", "card", ago(days=6), more=HYUNDAI),
    DemoOrder(2025, "여행용 캐리어", "158000", SEOYEON, "kakaopay", "kakaopay", ago(days=2)),
    DemoOrder(2026, "전동 칫솔", "64000", DOYUN, "nice", "card", ago(days=5), more=CHECK),
    # An order whose refund waits for a second person, see `REQUESTS`.
    DemoOrder(2027, "노트북 14인치", "1290000", SEOYEON, "html5_inicis", "card", ago(days=1, hours=5), more=KB),
)
REFUSED = {"fault": "refuse", "message": "[3321] 카드사 취소 불가 거래입니다"}
REFUNDS = (
    DemoRefund(2023, "7000", "흠집으로 부분 환불", "defective"),
    DemoRefund(2024, "132000", "", "change_of_mind"),
    DemoRefund(2025, "158000", "배송 지연 3일째", "late_delivery", fault={"fault": "accept_later"}),
    DemoRefund(2026, "64000", "", "double_payment", fault=REFUSED),
)
# Refunds that staff ask for and may not make alone.
REQUESTS = (DemoRefund(2027, "1290000", "초기 불량으로 전액 환불", "defective"),)
# fmt: on
