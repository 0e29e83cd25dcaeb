"""Numbers and texts that a spreadsheet program or another program made of an order's number, never to be guessed."""

import re
import unicodedata

from core.sentences import sentence as _
from refunds.batches.sheets.cells import Cell, Kind

EXACT_DIGITS = 15  # a spreadsheet program keeps so many of a number; the rest become zeros

_SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d+)?e\+\d+", re.ASCII | re.IGNORECASE)
_FLOAT = re.compile(r"\d+\.0+", re.ASCII)
_FORMULA = ("=", "+", "@")
_ERROR_VALUE = re.compile(r"#(n/a|ref!|value!|name\?|div/0!|num!|null!|spill!|calc!|getting_data)", re.IGNORECASE)
_TIME = r"(\s+(오전|오후)?\s*\d{1,2}:\d{2}(:\d{2})?)?"
# Not every word that begins like a month: a shop called Maru numbers its orders maru-1001.
_MONTH = (
    r"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(t|tember)?|oct(ober)?|nov(ember)?|"
    r"dec(ember)?)"
)
_DATE = re.compile(
    rf"(\d{{4}}([-/.])\s?(0?[1-9]|1[0-2])\2\s?(0?[1-9]|[12]\d|3[01])\.?|"
    rf"(0?[1-9]|[12]\d|3[01])([-/])(0?[1-9]|[12]\d|3[01])\6(\d{{4}}|\d{{2}})|"
    rf"(0?[1-9]|1[0-2])([-/])(0?[1-9]|[12]\d|3[01])|(19|20)\d{{2}}([-/.])(0?[1-9]|1[0-2])|"
    rf"(\d{{4}}년\s*)?\d{{1,2}}월(\s*\d{{1,2}}일)?|{_MONTH}-(\d{{1,2}}|(19|20)\d{{2}})|\d{{1,2}}-{_MONTH}(-\d{{2,4}})?){_TIME}",
    re.ASCII | re.IGNORECASE,
)
# A Korean mobile number without the 0 that a spreadsheet program took away.
_MOBILE_WITHOUT_ZERO = re.compile(r"1[016789]\d{7,8}", re.ASCII)


def why_formula(cell: Cell) -> str:
    """Return why the cell holds a formula or its error, in a sentence; "" if it does not."""
    if cell.kind is Kind.FORMULA or (cell.kind is Kind.TEXT and cell.text.startswith(_FORMULA)):
        return _("The cell has a formula. Type the value itself, or paste the values only.")
    if cell.kind is Kind.ERROR or (cell.text.startswith("#") and _ERROR_VALUE.fullmatch(cell.text)):
        return _("The cell has an error of the spreadsheet, not a value. Type the value itself.")
    return ""


def why_mangled_id(cell: Cell) -> str:
    """Return why the cell is no number of an order any more, in a sentence; "" if it can be one."""
    text = unicodedata.normalize("NFKC", cell.text)
    if cell.kind is Kind.DATE or _DATE.fullmatch(text):
        return _("The spreadsheet turned this number into a date. Format the column as text and type the number again.")
    if _SCIENTIFIC.fullmatch(text) or re.fullmatch("#{2,}", text):
        return _shortened()
    if cell.kind is Kind.NUMBER:
        if not re.fullmatch(r"\d+", text, re.ASCII):
            return _("The spreadsheet turned this into a decimal or negative number. Format the column as text.")
        return _shortened() if len(text) > EXACT_DIGITS else ""
    if _FLOAT.fullmatch(text):
        return _("A program turned this into a decimal number. Copy the number from its source again, as text.")
    return ""


def why_mangled_amount(cell: Cell) -> str:
    """Return why the cell is no amount any more, in a sentence; "" if it can be one."""
    if cell.kind is Kind.DATE:
        return _("The spreadsheet turned this amount into a date. Format the column as a number and type it again.")
    if _SCIENTIFIC.fullmatch(cell.text) or re.fullmatch("#{2,}", cell.text):
        return _("The spreadsheet shortened this amount. Type it in full, such as 1500.")
    return ""


def why_mangled_account(cell: Cell, field: str) -> str:
    """Return why the cell is no account, bank or telephone any more, in a sentence; "" if it can be one."""
    if field == "refund_holder":
        return ""
    if field == "refund_tel" and _MOBILE_WITHOUT_ZERO.fullmatch(re.sub(r"[\s-]", "", cell.text)):
        return _("The spreadsheet removed the leading 0. Format the column as text and type it again.")
    return why_mangled_id(cell)


def is_rounded(text: str) -> bool | None:
    """Tell whether a long number ends in zeros where a spreadsheet program puts them; None if it is not long."""
    if len(text) <= EXACT_DIGITS or not re.fullmatch(r"\d+", text, re.ASCII):
        return None
    return not text[EXACT_DIGITS:].strip("0")


def why_rounded() -> str:
    return _(
        "All long numbers of this column end in zeros: a spreadsheet program replaced their last digits. Take them "
        "from where they come, as text."
    )


def _shortened() -> str:
    return _(
        "The spreadsheet shortened this number, so some of its digits are lost. Format the column as text and type "
        "or paste the number again."
    )
