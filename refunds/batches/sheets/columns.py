"""The headings of a sheet: what people call each column, in English and Korean."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from django.utils.translation import pgettext_lazy

from core.sentences import sentence as _
from refunds.batches.sheets.cells import Cell, Kind, Line, SheetRefused, column_letters, shown_unless_secret

# The heading that the template has, in the user's language, and the other spellings that are understood. Case, white
# space, punctuation and what stands in brackets do not count.
HEADINGS = {
    "merchant_uid": pgettext_lazy("heading of a sheet", "Order number"),
    "imp_uid": pgettext_lazy("heading of a sheet", "Payment number"),
    "amount": pgettext_lazy("heading of a sheet", "Refund amount"),
    "reason": pgettext_lazy("heading of a sheet", "Reason"),
    "reason_code": pgettext_lazy("heading of a sheet", "Reason code"),
    "refund_holder": pgettext_lazy("heading of a sheet", "Account holder"),
    "refund_bank": pgettext_lazy("heading of a sheet", "Bank"),
    "refund_account": pgettext_lazy("heading of a sheet", "Account number"),
    "refund_tel": pgettext_lazy("heading of a sheet", "Telephone"),
    "tax_free": pgettext_lazy("heading of a sheet", "Tax-free amount"),
    "note": pgettext_lazy("heading of a sheet", "Note"),
}
PROBLEM = "problem"  # the last column of the sheet of problems; read again, it means nothing
_SPELLINGS = {
    "merchant_uid": "order number, order, order no, order id, order num, 주문번호, 주문, 주문 ID, 주문 no, "
    "고유주문번호, 가맹점 주문번호, 상점 주문번호, 고객사 주문번호",
    "imp_uid": "payment number, payment no, payment id, 결제번호, 결제 ID, 아임포트 번호, 아임포트 ID, "
    "아임포트 거래번호, 포트원 번호, 포트원 거래번호, 포트원 결제번호, 포트원 고유번호",
    "amount": "refund amount, amount, amount to refund, cancel amount, cancel request amount, 금액, 환불금액, "
    "환불액, 환불 요청금액, 환불 예정금액, 환불할 금액, 부분환불금액, 취소금액, 취소액, 취소 요청금액",
    "reason": "reason, refund reason, cancel reason, 사유, 환불사유, 취소사유, 이유",
    "reason_code": "reason code, refund reason code, 사유코드, 환불 사유코드, 취소 사유코드",
    "refund_holder": "account holder, holder, 예금주, 예금주명, 예금주 이름, 환불 예금주, 계좌주",
    "refund_bank": "bank, bank code, bank name, 은행, 은행명, 은행코드, 환불은행",
    "refund_account": "account number, account, account no, bank account, 계좌, 계좌번호, 환불계좌, 환불 계좌번호",
    "refund_tel": "telephone, tel, phone, phone number, mobile, telephone number, 연락처, 전화, 전화번호, "
    "휴대폰, 휴대폰번호, 휴대전화, 핸드폰, 핸드폰번호, 예금주 연락처, 환불 연락처",
    "tax_free": "tax-free amount, tax free part, 면세, 면세금액, 면세액, 비과세, 비과세금액",
    "note": "note, notes, memo, comment, remarks, 메모, 비고, 참고",
    PROBLEM: "problems, 문제, 문제점, 문제 있음",
}


def _normal(heading: str) -> str:
    text = re.sub(r"[(\[{<].*?[)\]}>]", "", unicodedata.normalize("NFKC", heading[:200]))
    return "".join(char for char in text.casefold() if char.isalnum())


_FIELD_OF: Mapping[str, str] = {
    _normal(spelling): name for name, spellings in _SPELLINGS.items() for spelling in (name, *spellings.split(", "))
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what. Without a heading: the order's number, then an amount."""

    fields: Mapping[int, str] = field(default_factory=lambda: {0: "merchant_uid", 1: "amount"})
    headings: tuple[str, ...] = ()  # as they were typed

    @property
    def has_headings(self) -> bool:
        return bool(self.headings)


def is_heading(line: Line) -> bool:
    """Tell whether a line names at least one column that a refund can have."""
    return any(_field_of(cell) not in (None, PROBLEM) for cell in line.cells)


def read_headings(line: Line) -> Layout:
    """Return what the columns of a heading mean. Raises `SheetRefused` for an unknown or double one."""
    fields: dict[int, str] = {}
    unknown = []
    for index, cell in enumerate(line.cells):
        if not cell.text:
            continue
        name = _field_of(cell)
        if name is None:
            unknown.append(cell.text)
        elif name in fields.values() and name != PROBLEM:
            raise _double(name, line, fields, index)
        else:
            fields[index] = name
    if unknown:
        raise unknown_headings(unknown)
    if not {"merchant_uid", "imp_uid"} & set(fields.values()):
        raise no_order_column()
    return Layout(fields, tuple(cell.text for cell in line.cells))


def suggestion(heading: str) -> str:
    """Return the heading that was probably meant, in the user's language; "" if none is like it."""
    close = get_close_matches(_normal(heading), _FIELD_OF, n=1, cutoff=0.7)
    name = _FIELD_OF[close[0]] if close else PROBLEM
    return "" if name == PROBLEM else str(HEADINGS[name])


def unknown_headings(headings: Sequence[str]) -> SheetRefused:
    """Return the error that names headings, each with the one that was probably meant."""
    named = []
    for heading in headings[:10]:
        meant = suggestion(heading)
        text = _("“%(heading)s” (did you mean “%(meant)s”?)") if meant else _("“%(heading)s”")
        named.append(text % {"heading": shown_unless_secret(heading), "meant": meant})
    message = _("These columns are not known: %(headings)s. Correct their names or delete them. Known are: %(known)s.")
    return SheetRefused("unknown_heading", message % {"headings": ", ".join(named), "known": _known()})


def no_heading() -> SheetRefused:
    message = _("The first line must name the columns. Known are: %(known)s. The template has them all.")
    return SheetRefused("no_heading", message % {"known": _known()})


def no_order_column() -> SheetRefused:
    message = _("No column has the orders. Add a column “%(order)s” or “%(payment)s”.")
    names = {"order": HEADINGS["merchant_uid"], "payment": HEADINGS["imp_uid"]}
    return SheetRefused("no_order_column", message % names)


def _known() -> str:
    return ", ".join(str(heading) for heading in HEADINGS.values())


def _field_of(cell: Cell) -> str | None:
    return _FIELD_OF.get(_normal(cell.text)) if cell.kind in (Kind.TEXT, Kind.MERGED) else None


def _double(name: str, line: Line, fields: Mapping[int, str], second: int) -> SheetRefused:
    first = next(index for index, other in fields.items() if other == name)
    message = _("The columns %(first)s and %(second)s both mean “%(heading)s”. Delete one of them or rename it.")
    names = {
        index: f"“{shown_unless_secret(line.cells[index].text)}” ({column_letters(index)})" for index in (first, second)
    }
    values = {"first": names[first], "second": names[second], "heading": HEADINGS[name]}
    return SheetRefused("double_heading", message % values)
