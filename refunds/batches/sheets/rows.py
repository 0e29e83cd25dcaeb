"""A line of a sheet becomes a row: what is requested for which order, or what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.sentences import sentence as _
from refunds.batches.create import Problem
from refunds.batches.sheets.cells import EMPTY, Cell, Kind, Line, masked, shown, shown_unless_secret
from refunds.batches.sheets.columns import HEADINGS, PROBLEM, Layout
from refunds.batches.sheets.mangled import why_formula, why_mangled_account, why_mangled_amount, why_mangled_id
from refunds.errors import InvalidRequest
from refunds.inputs import TEXT_LENGTHS, RefundRequest, parse_text, parse_typed_amount, parse_uid
from refunds.policies.bank_accounts import account_digits, is_account, written
from refunds.policies.messages import SENTENCES

IDS = ("merchant_uid", "imp_uid")
AMOUNTS = ("amount", "tax_free")
ACCOUNT = ("refund_holder", "refund_bank", "refund_account", "refund_tel")
NOTE_LENGTH = 255
_TOTAL = re.compile(
    r"(총\s*)?(합계|계|총계|총합|소계|누계|total|sub\s*total|grand\s*total|sum)\s*[:：]?", re.IGNORECASE
)
_LONGEST_TOTAL = 20  # characters
_BELOW_THOUSAND = re.compile(r"[₩\\]?\s*\d{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of a sheet. With problems, `request` has only what is not wrong.

    `typed_amounts` are the amounts as they were typed: `currency_problem` looks at them once the payment is known.
    `cells` are all cells as typed, by their headings.
    """

    line: int
    merchant_uid: str
    imp_uid: str
    request: RefundRequest
    note: str
    problems: tuple[Problem, ...]
    typed_amounts: Mapping[str, str] = field(repr=False)
    cells: Mapping[str, str] = field(repr=False)


def read_row(line: Line, layout: Layout, *, comma_separated: bool) -> SheetRow:
    """Read a line that is not empty. `comma_separated`: an amount such as 1,000 may have become two cells."""
    cells = {name: line.cells[i] for i, name in layout.fields.items() if i < len(line.cells)}
    cells.pop(PROBLEM, None)
    problems = _problems_of_line(line, layout, cells, comma_separated=comma_separated)
    merchant_uid, imp_uid = (_read_uid(name, cells.get(name, EMPTY), problems) for name in IDS)
    amounts = {name: _read_amount(name, cells.get(name, EMPTY), problems) for name in AMOUNTS}
    texts = {name: _read_text(name, cells.get(name, EMPTY), problems) for name in (*TEXT_LENGTHS, "note")}
    _leave_account_out(texts, problems)
    return SheetRow(
        line=line.number,
        merchant_uid=merchant_uid,
        imp_uid=imp_uid,
        request=RefundRequest(
            amount=amounts["amount"],
            tax_free=amounts["tax_free"],
            reason=texts["reason"],
            reason_code=texts["reason_code"],
            refund_holder=texts["refund_holder"],
            refund_bank=texts["refund_bank"],
            refund_account=texts["refund_account"],
            refund_tel=texts["refund_tel"],
        ),
        note=texts["note"],
        problems=tuple(problems),
        typed_amounts={name: cells[name].text for name in AMOUNTS if cells.get(name, EMPTY).text},
        cells=_as_typed(line, layout),
    )


def currency_problem(row: SheetRow, currency: str) -> Problem | None:
    """Return the problem of an amount that is none of `currency` as typed: a decimal point in won, "₩" for dollars."""
    for name, text in row.typed_amounts.items():
        try:
            parse_typed_amount(text, field=name, currency=currency)
        except InvalidRequest as exc:
            return Problem(exc.code, exc.message, name, shown_unless_secret(text))
    return None


def _problems_of_line(line: Line, layout: Layout, cells: Mapping[str, Cell], *, comma_separated: bool) -> list[Problem]:
    """Return what is wrong with the line as a whole; its order comes first."""
    if any(_is_total_word(cell.text) for name, cell in cells.items() if name not in ("reason", "note")):
        message = _("This looks like the line of a total, not like an order. Delete it.")
        return [Problem("total_row", message, "merchant_uid")]
    problems = []
    if line.hidden:
        message = _("The row is hidden in the sheet, by a filter for example. Show it to refund it, or delete it.")
        problems.append(Problem("hidden_row", message))
    if merged := next((name for name, cell in cells.items() if cell.kind is Kind.MERGED), ""):
        message = _("The cell is merged with others, so what it means for this order is not clear. Unmerge the cells.")
        problems.append(Problem("merged_cells", message, merged))
    if not any(cells.get(name, EMPTY) != EMPTY for name in IDS):
        problems.append(Problem("missing_order", _("The order's number is missing in this line."), "merchant_uid"))
    if _has_extra(line, layout):
        message = _("The line has more cells than the heading. Check whether its values are in the right columns.")
        problems.append(Problem("extra_cell", message))
    elif comma_separated and _is_split(line, layout):
        message = _(
            "The amount seems to be cut at its comma. Write it without a comma, or upload an Excel workbook (.xlsx)."
        )
        problems.append(Problem("invalid_amount", message, "amount", shown(cells["amount"].text)))
    return problems


def _is_total_word(text: str) -> bool:
    return len(text) <= _LONGEST_TOTAL and not text[-1:].isdigit() and bool(_TOTAL.fullmatch(text))


def _has_extra(line: Line, layout: Layout) -> bool:
    return any(cell.text for index, cell in enumerate(line.cells) if index not in layout.fields)


def _is_split(line: Line, layout: Layout) -> bool:
    """Tell whether the cell after a small amount has just three digits, as 1,000 has after its comma."""
    for index, name in layout.fields.items():
        if name in AMOUNTS and index + 1 < len(line.cells) and _BELOW_THOUSAND.fullmatch(line.cells[index].text):
            following = re.fullmatch(r"\d{3}(\s*원)?", line.cells[index + 1].text, re.ASCII)
            if following:
                return True
    return False


def _read_uid(name: str, cell: Cell, problems: list[Problem]) -> str:
    if cell == EMPTY or cell.kind is Kind.MERGED or _is_total(problems):
        return ""
    if why := why_formula(cell):
        problems.append(Problem("formula", why, name, shown(cell.text)))
    elif why := why_mangled_id(cell):
        problems.append(Problem("mangled_number", why, name, shown(cell.text)))
    else:
        try:
            return parse_uid(cell.text, field="imp_uid" if name == "imp_uid" else "merchant_uid")
        except InvalidRequest as exc:
            problems.append(Problem("invalid_text", exc.message, name, shown(cell.text)))
    return ""


def _read_amount(name: str, cell: Cell, problems: list[Problem]) -> Decimal | None:
    if cell == EMPTY or cell.kind is Kind.MERGED or _is_total(problems):
        return None
    if why := why_formula(cell):
        problems.append(Problem("formula", why, name, shown_unless_secret(cell.text)))
    elif why := why_mangled_amount(cell):
        problems.append(Problem("mangled_number", why, name, shown_unless_secret(cell.text)))
    else:
        try:
            return parse_typed_amount(cell.text, field=name)
        except InvalidRequest as exc:
            problems.append(Problem(exc.code, exc.message, name, shown_unless_secret(cell.text)))
    return None


def _read_text(name: str, cell: Cell, problems: list[Problem]) -> str:
    if cell == EMPTY or cell.kind is Kind.MERGED or _is_total(problems):
        return ""
    visible = masked if name in ACCOUNT else shown_unless_secret
    why, code = "", "formula"
    if cell.kind is not Kind.TEXT or name in ACCOUNT:
        why = why_formula(cell) if name != "refund_tel" or not cell.text.startswith("+") else ""
    if not why and name in ACCOUNT:
        why, code = why_mangled_account(cell, name), "mangled_number"
    if why:
        problems.append(Problem(code, why, name, visible(cell.text)))
        return ""
    text = cell.text if name in ACCOUNT else " ".join(cell.text.split())  # of a cell with several lines
    try:
        return parse_text(text, field=name, max_length=TEXT_LENGTHS.get(name, NOTE_LENGTH))
    except InvalidRequest as exc:
        problems.append(Problem(exc.code, exc.message, name, visible(cell.text)))
        return ""


def _leave_account_out(texts: dict[str, str], problems: list[Problem]) -> None:
    """Refuse a reason that contains the line's account number, and mask the number in the note: both are stored."""
    number = account_digits(texts["refund_account"])
    if not is_account(number):
        return
    if written(number).search(texts["reason"]):
        code = "account_in_reason"
        problems.append(Problem(code, _(SENTENCES[code]), "reason"))
        texts["reason"] = ""
    texts["note"] = written(number).sub(masked(number), texts["note"])


def _is_total(problems: list[Problem]) -> bool:
    return bool(problems) and problems[0].code == "total_row"


def _as_typed(line: Line, layout: Layout) -> dict[str, str]:
    headings = layout.headings or tuple(str(HEADINGS[name]) for name in layout.fields.values())
    return {
        headings[index] if index < len(headings) and headings[index] else f"#{index + 1}": cell.text
        for index, cell in enumerate(line.cells)
        if layout.fields.get(index) != PROBLEM
    }
