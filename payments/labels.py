"""Names of i'mport's payment methods, PGs, cards, banks and statuses, in the active language; states of payments."""

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import get_language

from core.sentences import sentence as gettext
from core.sentences import sentence_lazy as _
from payments.banks import Bank, bank_by_code, banks_for, resolve_bank
from payments.models import Payment, PaymentStatus

PAY_METHODS: dict[str, str | Promise] = {
    "card": _("Card"),
    "trans": _("Bank transfer"),
    "vbank": _("Virtual account"),
    "phone": _("Mobile phone"),
    "samsung": _("Samsung Pay"),
    "kakaopay": _("Kakao Pay"),
    "kpay": _("KPay"),
    "naverpay": _("Naver Pay"),
    "payco": _("PAYCO"),
    "tosspay": _("Toss Pay"),
    "lpay": _("L.pay"),
    "ssgpay": _("SSG Pay"),
    "applepay": _("Apple Pay"),
    "paypal": _("PayPal"),
    "wechat": _("WeChat Pay"),
    "cvs": _("Convenience store"),
    "point": _("Points"),
    "cultureland": _("Cultureland gift certificate"),
    "smartculture": _("Smart culture gift certificate"),
    "culturegift": _("Culture gift certificate"),
    "booknlife": _("Book and Life gift certificate"),
}

PG_PROVIDERS: dict[str, str | Promise] = {
    "html5_inicis": _("KG Inicis"),
    "inicis": _("KG Inicis"),
    "kcp": _("NHN KCP"),
    "kcp_quick": _("NHN KCP"),
    "nice": _("NICE Payments"),
    "nice_v2": _("NICE Payments"),
    "tosspayments": _("Toss Payments"),
    "uplus": _("Toss Payments"),
    "tosspay": _("Toss Pay"),
    "tosspay_v2": _("Toss Pay"),
    "kakaopay": _("Kakao Pay"),
    "naverpay": _("Naver Pay"),
    "naverco": _("Naver Pay order"),
    "payco": _("PAYCO"),
    "danal": _("Danal"),
    "danal_tpay": _("Danal"),
    "daou": _("Kiwoom Pay"),
    "kicc": _("KICC"),
    "ksnet": _("KSNET"),
    "smartro": _("Smartro"),
    "smartro_v2": _("Smartro"),
    "settle": _("Hecto Financial"),
    "welcome": _("Welcome Payments"),
    "paypal": _("PayPal"),
    "paypal_v2": _("PayPal"),
    "eximbay": _("Eximbay"),
    "mobilians": _("KG Financial"),
    "mobilians_v2": _("KG Financial"),
    "paymentwall": _("Paymentwall"),
    "inicis_jp": _("Inicis Japan"),
}


def method_label(pay_method: str) -> str:
    """Return the name of the method; an unknown code as it is."""
    return str(PAY_METHODS.get(pay_method, pay_method))


def pg_label(pg_provider: str) -> str:
    """Return the name of the PG; an unknown code as it is."""
    return str(PG_PROVIDERS.get(pg_provider, pg_provider))


def method_and_pg(pay_method: str, pg_provider: str) -> str:
    """Return "Card · KG Inicis", and one name alone where method and PG have the same name."""
    names = dict.fromkeys((method_label(pay_method), pg_label(pg_provider)))
    return " · ".join(filter(None, names))


# Card issuers by i'mport's card code, with the names they use in English.
CARDS = {
    "041": "Woori Card",
    "071": "Korea Post",
    "361": "BC Card",
    "364": "Kwangju Card",
    "365": "Samsung Card",
    "366": "Shinhan Card",
    "367": "Hyundai Card",
    "368": "Lotte Card",
    "369": "Suhyup Card",
    "370": "Citi Card",
    "371": "NH NongHyup Card",
    "372": "Jeonbuk Card",
    "373": "Jeju Card",
    "374": "Hana Card",
    "381": "KB Kookmin Card",
}


def card_label(payment: Payment) -> str:
    """Return the card's issuer: i'mport's Korean name, or the English one if its code is known."""
    return payment.card_name if _is_korean() else CARDS.get(payment.card_code, payment.card_name)


def bank_name(code: str, name: str) -> str:
    """Return a bank that i'mport named: its own text in Korean, the English name of a known bank in English."""
    bank = None if _is_korean() else bank_by_code(code) or resolve_bank(name, "")
    return bank.name_en if bank else name


def bank_label(code: str) -> str:
    """Return the name of the bank with this standard code; an unknown code as it is."""
    bank = bank_by_code(code)
    if bank is None:
        return code
    return _bank_name(bank)


class PaymentState(TextChoices):
    """Name the state of a payment for staff and buyers: i'mport's status does not tell a part from all."""

    PAID = "paid", _("Paid")
    PARTLY_REFUNDED = "partly_refunded", _("Partly refunded")
    REFUNDED = "refunded", _("Refunded")
    READY = "ready", PaymentStatus.READY.label
    PENDING = "pending", PaymentStatus.PENDING.label
    FAILED = "failed", PaymentStatus.FAILED.label
    UNPAID = "expired", _("Cancelled unpaid")
    UNKNOWN = "unknown", _("Unknown")


_UNREFUNDED = {
    PaymentStatus.READY: PaymentState.READY,
    PaymentStatus.PENDING: PaymentState.PENDING,
    PaymentStatus.PAID: PaymentState.PAID,
    PaymentStatus.FAILED: PaymentState.FAILED,
    PaymentStatus.CANCELLED: PaymentState.UNPAID,
}


def payment_state(payment: Payment) -> PaymentState:
    """Return the state of a payment, from its amounts first."""
    if payment.is_fully_refunded:
        return PaymentState.REFUNDED
    if payment.is_partially_refunded:
        return PaymentState.PARTLY_REFUNDED
    if payment.has_unknown_status:
        return PaymentState.UNKNOWN
    settled = payment.was_paid and payment.status != PaymentStatus.PENDING
    return PaymentState.PAID if settled else _UNREFUNDED[PaymentStatus(payment.status)]


def status_label(status: str) -> str:
    """Return the name of the payment's status; of an unknown one "Unknown" with i'mport's word."""
    if status in PaymentStatus.values:
        return str(PaymentStatus(status).label)
    return gettext("Unknown (%(status)s)") % {"status": status}


def bank_choices(pg_provider: str) -> list[tuple[str, str]]:
    """Return the banks that the PG can refund to as (code, name), sorted by name in the active language."""
    banks = [(bank.code, _bank_name(bank)) for bank in banks_for(pg_provider)]
    return sorted(banks, key=lambda bank: bank[1].casefold())


def _bank_name(bank: Bank) -> str:
    return bank.name_ko if _is_korean() else bank.name_en


def _is_korean() -> bool:
    return (get_language() or "ko").startswith("ko")
