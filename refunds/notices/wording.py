"""The wording of e-mails to buyers: the usual one, the shop's own, and the placeholders that both may have.

Wording is text with `{placeholders}`, never a template: a value that is filled in is not looked at again.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from refunds.models import NoticeKind, NoticeText

_COMMON = ("shop", "buyer_name", "order", "goods", "amount")
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    NoticeKind.REFUNDED: (*_COMMON, "expected_by"),
    NoticeKind.ACCEPTED: _COMMON,
    NoticeKind.REFUSED: (*_COMMON, "reason"),
    NoticeKind.LATE: _COMMON,
}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Wording:
    """Subject and text of one kind of e-mail in one language. `is_own`: the shop changed it."""

    subject: str
    body: str
    is_own: bool = False


_USUAL: Mapping[tuple[str, str], Wording] = {
    ("refunded", "ko"): Wording(
        "[{shop}] {amount} 환불이 완료되었습니다",
        "{buyer_name} 님, 안녕하세요.\n\n"
        "주문하신 상품의 환불이 완료되었습니다. 환불 금액은 {amount}입니다.\n"
        "환불 금액은 보통 {expected_by}까지 반영되며, 카드사나 은행 사정에 따라 조금 늦어질 수 있습니다.\n\n"
        "이용해 주셔서 감사합니다.",
    ),
    ("refunded", "en"): Wording(
        "[{shop}] We have refunded {amount}",
        "Hello {buyer_name},\n\n"
        "We have refunded {amount} for your order.\n"
        "The money usually arrives by {expected_by}; your card company or bank may take a little longer.\n\n"
        "Thank you for shopping with us.",
    ),
    ("accepted", "ko"): Wording(
        "[{shop}] {amount} 환불이 접수되었습니다",
        "{buyer_name} 님, 안녕하세요.\n\n"
        "주문하신 상품의 환불을 결제사에 접수했습니다. 환불할 금액은 {amount}이며, 아직 환불이 완료된 것은 아닙니다.\n"
        "결제사의 처리에 시간이 걸릴 수 있습니다. 환불을 다시 요청하지 않으셔도 됩니다.",
    ),
    ("accepted", "en"): Wording(
        "[{shop}] Your refund of {amount} was accepted",
        "Hello {buyer_name},\n\n"
        "The payment company has accepted the refund of {amount} for your order. It is not completed yet.\n"
        "This can take some time. You do not need to request the refund again.",
    ),
    ("refused", "ko"): Wording(
        "[{shop}] {amount} 환불이 처리되지 않았습니다",
        "{buyer_name} 님, 안녕하세요.\n\n"
        "주문하신 상품의 환불({amount})이 처리되지 않았습니다.\n"
        "{reason}\n\n"
        "불편을 드려 죄송합니다.",
    ),
    ("refused", "en"): Wording(
        "[{shop}] Your refund of {amount} did not go through",
        "Hello {buyer_name},\n\n"
        "The refund of {amount} for your order did not go through.\n"
        "{reason}\n\n"
        "We are sorry for the inconvenience.",
    ),
    ("late", "ko"): Wording(
        "[{shop}] {amount} 환불이 지연되고 있습니다",
        "{buyer_name} 님, 안녕하세요.\n\n"
        "주문하신 상품의 환불({amount})이 평소보다 늦어지고 있어 결제사에 확인하고 있습니다.\n"
        "환불을 다시 요청하지 않으셔도 됩니다. 기다리시게 해 드려 죄송합니다.",
    ),
    ("late", "en"): Wording(
        "[{shop}] Your refund of {amount} takes longer than usual",
        "Hello {buyer_name},\n\n"
        "The refund of {amount} for your order takes longer than usual. We are asking the payment company about it.\n"
        "You do not need to request the refund again. We are sorry that you have to wait.",
    ),
}


def usual_wording(kind: str, language: str) -> Wording:
    """Return the wording of a shop that changed nothing."""
    return _USUAL[kind, language]


def wording_of(kind: str, language: str) -> Wording:
    """Return the shop's own wording, or else the usual one."""
    own = NoticeText.objects.filter(kind=kind, language=language).first()
    return Wording(own.subject, own.body, is_own=True) if own else usual_wording(kind, language)


def unknown_placeholders(kind: str, text: str) -> list[str]:
    """Return what stands in braces and is no placeholder of this kind; a single brace counts as well."""
    found = [f"{{{name}}}" for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS[kind]]
    return list(dict.fromkeys([*found, *re.findall(r"[{}]", _PLACEHOLDER.sub("", text))]))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fill in the placeholders. A line with one that has no value is left out, as is an empty pair of lines."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_filled_lines(text, values))).strip()


def fill_line(text: str, values: Mapping[str, str]) -> str:
    """Fill in the placeholders of a subject: one line, whatever the values are."""
    return " ".join(_PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text).split())


def _filled_lines(text: str, values: Mapping[str, str]) -> Iterator[str]:
    for line in text.splitlines():
        if all(values.get(name) for name in _PLACEHOLDER.findall(line)):
            yield _PLACEHOLDER.sub(lambda found: values[found[1]], line).rstrip()
