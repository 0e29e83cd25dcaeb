"""Tables of the overview: what was refunded and what failed, by method, PG, reason, fault, source and person."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from access.models import ApiToken
from core.money import KRW, format_money
from payments.admin.filters import OTHER, pg_company
from payments.labels import PAY_METHODS, method_label, pg_label
from refunds.admin.filters import NONE, reason_names
from refunds.admin.overview.figures import Figures, Group
from refunds.admin.overview.links import ended_url
from refunds.admin.overview.period import Period
from refunds.models import Fault, RefundSource, RefundStatus, RefusalClass

Query = tuple[tuple[str, str], ...]  # the filters of the list that has a line's refunds


@dataclass(slots=True)
class Line:
    """One line of a table: its name, what was refunded, what failed, and the lists of both."""

    query: Query
    name: str = ""
    refunded_in: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # by currency, as all three
    failed_in: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sums: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    refunded_url: str = ""
    failed_url: str = ""
    share: int = 0  # percent of all refunds of the table, or of all failed ones

    @property
    def refunded(self) -> int:
        return sum(self.refunded_in.values())

    @property
    def failed(self) -> int:
        return sum(self.failed_in.values())

    @property
    def totals(self) -> list[str]:
        return money_of(self.sums)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One table. Of `refusal` there are no refunds, only failed ones."""

    code: str
    title: str
    lines: list[Line]

    @property
    def has_refunded(self) -> bool:
        return any(line.refunded for line in self.lines)

    @property
    def has_failed(self) -> bool:
        return any(line.failed for line in self.lines)


def currencies_first(codes: Iterable[str]) -> list[str]:
    """Return the currencies, won first."""
    return sorted(set(codes), key=lambda code: (code != KRW, code))


def money_of(sums: dict[str, Decimal]) -> list[str]:
    """Return the sums as text, won first."""
    return [format_money(sums[currency], currency) for currency in currencies_first(sums)]


def breakdowns(figures: Figures, period: Period, *, with_persons: bool) -> list[Breakdown]:
    """Return the tables of a period. Those of persons are for staff who may see them."""
    companies = {pg: pg_company(pg) for pg in {group.pg for group in figures.groups}}
    keys: list[tuple[str, str, Callable[[Group], Query]]] = [
        ("reason", _("By reason"), lambda group: (("reason", group.reason or NONE),)),
        ("fault", _("By fault"), lambda group: (("fault", group.fault or NONE),)),
        ("method", _("By method"), lambda group: (("method", _method(group)),)),
        ("pg", _("By PG"), lambda group: (("pg", companies[group.pg]),)),
        ("source", _("By source"), lambda group: (("source", group.source),)),
    ]
    if with_persons:
        keys.append(("person", _("By person"), _person))
    tables = [Breakdown(code, title, _lines(figures.groups, key)) for code, title, key in keys]
    refused = [group for group in figures.groups if group.status == RefundStatus.FAILED]
    by_refusal = _lines(refused, lambda group: (("refusal", group.refusal or NONE),))
    tables.insert(0, Breakdown("refusal", _("Why refunds failed"), by_refusal))
    names = _Names(figures.groups, with_persons=with_persons)
    for table in tables:
        _finish(table, names, period)
    return [table for table in tables if table.lines]


def _method(group: Group) -> str:
    return group.method if group.method in PAY_METHODS else OTHER


def _person(group: Group) -> Query:
    """Return who asked: an API token, the account in the admin, or else where the request came from."""
    if group.source == RefundSource.ADMIN:
        return (("source", group.source), ("person", group.person or NONE))
    if group.source == RefundSource.API:
        return (("source", group.source), ("token", group.token or NONE))
    return (("source", group.source),)


def _lines(groups: Iterable[Group], key: Callable[[Group], Query]) -> list[Line]:
    """Add the groups up to one line per key."""
    lines: dict[Query, Line] = {}
    for group in groups:
        query = key(group)
        line = lines.setdefault(query, Line(query))
        if group.status == RefundStatus.SUCCEEDED:
            line.refunded_in[group.currency] += group.count
            line.sums[group.currency] += group.total
        else:
            line.failed_in[group.currency] += group.count
    return sorted(lines.values(), key=lambda line: (-line.refunded, -line.failed, line.query))


def _finish(table: Breakdown, names: "_Names", period: Period) -> None:
    """Give each line its name, its links, and its share: of what failed in the table of failures."""
    is_refusal = table.code == "refusal"
    whole = sum(line.failed if is_refusal else line.refunded for line in table.lines) or 1
    for line in table.lines:
        query = dict(line.query)
        line.name = names.of(table.code, query)
        line.share = round(100 * (line.failed if is_refusal else line.refunded) / whole)
        line.refunded_url = ended_url(RefundStatus.SUCCEEDED, period.first, period.last, **query)
        line.failed_url = ended_url(RefundStatus.FAILED, period.first, period.last, **query)


class _Names:
    """The names of what refunds are grouped by, in the active language."""

    def __init__(self, groups: list[Group], *, with_persons: bool) -> None:
        self._reasons = reason_names(group.reason for group in groups)
        persons = {group.person for group in groups if group.person} if with_persons else set()
        tokens = {group.token for group in groups if group.token} if with_persons else set()
        users = User.objects.filter(pk__in=persons).values_list("pk", "username") if persons else ()
        self._persons = {str(pk): name for pk, name in users}
        named = ApiToken.objects.filter(pk__in=tokens).values_list("pk", "name") if tokens else ()
        self._tokens = {str(pk): name for pk, name in named}

    def of(self, table: str, query: dict[str, str]) -> str:
        if table == "person":
            return self._person(query)
        code = query[table]
        if table == "reason":
            return _("No reason chosen") if code == NONE else self._reasons[code]
        if table == "fault":
            return _("Not stated") if code == NONE else str(Fault(code).label)
        if table == "refusal":
            return _("Not sent, or not carried out") if code == NONE else str(RefusalClass(code).label)
        if table == "source":
            return str(RefundSource(code).label)
        if code == OTHER:
            return _("Other")
        return method_label(code) if table == "method" else pg_label(code)

    def _person(self, query: dict[str, str]) -> str:
        person, token = query.get("person"), query.get("token")
        if person is not None:
            return _("No account") if person == NONE else self._persons.get(person, person)
        if token is not None and token != NONE:
            return _("%(name)s (API token)") % {"name": self._tokens.get(token, token)}
        if token == NONE:
            return _("Storefront, signed-in accounts")
        return str(RefundSource(query["source"]).label)
