"""Write the e-mail that tells a buyer about a refund, from the ledger as it is now.

It has amounts, the order and the shop's words. Never an account number, not even its last digits, a note of staff or
i'mport's text of a refusal.
"""

import unicodedata
from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from core.money import format_money
from refunds.models import NoticeKind, NoticeSettings, RefundRecord
from refunds.notices.wording import Wording, fill, fill_line
from refunds.notices.words import day_text, why_failed

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail that is ready to be sent."""

    subject: str
    text: str
    html: str


def compose(refund: RefundRecord, kind: str, *, shop: NoticeSettings, language: str, wording: Wording) -> Mail:
    """Return the e-mail of this kind about a refund, in this language."""
    with translation.override(language):
        values = _values(refund, kind, shop)
        body = fill(wording.body, values)
        facts = {
            "language": language,
            "shop": values["shop"],
            "contact": settings.SHOP_CONTACT or shop.reply_to,
            "paragraphs": [part.split("\n") for part in body.split("\n\n")],
            "body": body,
            "facts": _facts(refund, values),
        }
        return Mail(
            fill_line(wording.subject, values),
            render_to_string("mail/notice.txt", facts).strip() + "\n",
            render_to_string("mail/notice.html", facts),
        )


def sender_of(shop: NoticeSettings) -> str:
    """Return the From header: the shop's name and its address, or else that of EMAIL_FROM."""
    return formataddr((_plain(shop.shop), shop.sender or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def told_amount(refund: RefundRecord, kind: str) -> str:
    """Return the amount that a mail of this kind is about: what was refunded and not taken back, or requested."""
    is_done = kind == NoticeKind.REFUNDED or refund.cancelled_amount is not None
    return format_money(refund.net_amount if is_done else refund.amount, refund.payment.currency)


def _values(refund: RefundRecord, kind: str, shop: NoticeSettings) -> dict[str, str]:
    payment = refund.payment
    name = _plain(payment.buyer_name)
    arrives = refund.expected_by is not None and kind == NoticeKind.REFUNDED
    return {
        "shop": _plain(shop.shop),
        # A name that holds an address is no name: whoever typed it wants it clicked.
        "buyer_name": "" if "://" in name or "www." in name.casefold() else name[:_LONGEST_NAME],
        "order": _plain(payment.merchant_uid),
        "goods": _plain(payment.name) or _plain(payment.merchant_uid),
        "amount": told_amount(refund, kind),
        "expected_by": day_text(refund.expected_by) if arrives and refund.expected_by else "",
        "reason": why_failed(refund) if kind == NoticeKind.REFUSED else "",
    }


def _facts(refund: RefundRecord, values: dict[str, str]) -> list[tuple[str, str]]:
    """Return what stands below the words in every mail."""
    found = [
        (_("Order"), values["order"]),
        (_("Goods"), values["goods"]),
        (_("Amount"), values["amount"]),
        (_("Usually arrives by"), values["expected_by"]),
        (_("Refund number"), refund.number),
    ]
    return [(label, value) for label, value in found if value]


def _plain(text: str) -> str:
    """Return a text on one line, without characters that hide or reorder others."""
    shown = "".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text)
    return " ".join("".join(one for one in shown if unicodedata.category(one) not in ("Cf", "Cs", "Co", "Cn")).split())
