"""The template of a sheet to download: its headings in the user's language, an example, and what each column means."""

import io
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.exports.csv import BYTE_ORDER_MARK
from refunds.batches.create import MAX_ROWS
from refunds.batches.sheets.columns import HEADINGS

_TEXT, _NUMBER = "@", "#,##0.###"
_AMOUNTS = ("amount", "tax_free")
_WIDTH, _WIDE = 20, 90  # characters
_MEANINGS = {
    "merchant_uid": gettext_lazy("The order's number. Needed, unless the payment's number is there."),
    "imp_uid": gettext_lazy("The payment's number (imp_…). If both are there, it decides."),
    "amount": gettext_lazy("How much to refund, such as 1,000. Empty: all that is left of the order."),
    "reason": gettext_lazy("Why; the buyer can read it. Empty: the reason of the whole bulk refund."),
    "reason_code": gettext_lazy(
        "A reason of the shop's list, by its code or name. Empty: the one of the whole bulk refund."
    ),
    "refund_holder": gettext_lazy("For virtual accounts: whose account the money goes to."),
    "refund_bank": gettext_lazy("For virtual accounts: the bank's name or code."),
    "refund_account": gettext_lazy("For virtual accounts: the account's number."),
    "refund_tel": gettext_lazy("For virtual accounts at Smartro: the holder's telephone number."),
    "tax_free": gettext_lazy("The tax-free part of the refund, where the PG asks for it."),
    "note": gettext_lazy("For yourself. It is not sent to anybody."),
}
_EXAMPLE = {
    "merchant_uid": "ORD-20260101-0001",
    "imp_uid": "",
    "amount": "1000",
    "reason": gettext_lazy("Concert cancelled"),
    "reason_code": "change_of_mind",
    "refund_holder": gettext_lazy("Kim Minji"),
    "refund_bank": gettext_lazy("Shinhan"),
    "refund_account": "012-345-678901",
    "refund_tel": "010-0000-0000",
    "tax_free": "",
    "note": "",
}


def csv_template() -> bytes:
    """Return the headings as CSV, with the mark by which Excel knows that it is UTF-8."""
    return f"{BYTE_ORDER_MARK}{','.join(map(str, HEADINGS.values()))}\r\n".encode()


def xlsx_template() -> bytes:
    """Return a workbook: an empty sheet with the headings, and a second one with explanations and an example.

    All columns but the amounts are formatted as text, so that Excel changes no number that is typed or pasted.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        _add_orders(book)
        _add_explanations(book)
    return file.getvalue()


def _add_orders(book: Any) -> None:
    sheet = book.add_worksheet(_("Orders to refund"))
    bold = book.add_format({"bold": True, "num_format": _TEXT})
    formats = {name: book.add_format({"num_format": name}) for name in (_TEXT, _NUMBER)}
    for column, (name, heading) in enumerate(HEADINGS.items()):
        sheet.set_column(column, column, _WIDTH, formats[_NUMBER if name in _AMOUNTS else _TEXT])
        sheet.write_string(0, column, str(heading), bold)
    sheet.freeze_panes(1, 0)


def _add_explanations(book: Any) -> None:
    sheet = book.add_worksheet(_("How to fill in"))
    bold = book.add_format({"bold": True})
    titles = (_("Column"), _("What it means"), _("Example"))
    for column, (title, width) in enumerate(zip(titles, (_WIDTH, _WIDE, _WIDTH), strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, bold)
    for row, (name, heading) in enumerate(HEADINGS.items(), start=1):
        for column, text in enumerate((heading, _MEANINGS[name], _EXAMPLE[name])):
            sheet.write_string(row, column, str(text))
    limit = _("One order a line, at most %(max)s. The order of the columns does not matter; delete those not needed.")
    sheet.write_string(len(HEADINGS) + 2, 0, limit % {"max": f"{MAX_ROWS:,}"})
