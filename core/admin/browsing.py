"""Lists of any length: pages, counts, sorting, chips of filters and tabs that never read a whole table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from unfold.templatetags.unfold_list import result_headers
from unfold.views import ChangeList

from core.admin.rows import rows_as_html
from core.database.plans import plans_without

COUNTED_AT_MOST = 1_000  # rows that are counted, and that can be sorted
REACHED_AT_MOST = 10_000  # rows that pages lead to: later ones are found by search or filter
_KEY = "KEY"  # stands for a row's key in an address
TICKED = "id__in"  # the rows that were ticked for an export


class Tab(NamedTuple):
    """A view of a list that staff often need: the filters that it sets. The tab without any shows all rows."""

    title: str | Promise
    filters: Mapping[str, str]


class Chip(NamedTuple):
    """A search or filter that is on, in words, and the address of the list without it."""

    text: str
    without: str


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Pages of a table that may have millions of rows: counts no further than it must."""

    template_name = "admin/list_pager.html"

    @cached_property
    def most(self) -> int:
        """Return how many rows to count at most. `reach` raises it."""
        return COUNTED_AT_MOST

    def reach(self, page: int) -> int:
        """Count as far as this page, and return its number, or that of the last page if there is no such page."""
        if page * self.per_page > COUNTED_AT_MOST:
            self.most = min(page * self.per_page, REACHED_AT_MOST)
        return max(1, min(page, self.num_pages))

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most].count())

    @property
    def is_cut(self) -> bool:
        """Return whether there may be more rows than were counted."""
        return self.count >= self.most

    @property
    def has_more_pages(self) -> bool:
        return self.is_cut and self.most < REACHED_AT_MOST

    @property
    def count_in_words(self) -> str:
        return f"{self.count:,}{'+' if self.is_cut else ''}"


class BrowsingChangeList(ChangeList):  # type: ignore[misc]  # the theme ships no types
    """A list that says how many rows it has, what filters them, and sorts a few of them.

    `model_admin.in_order_of` names the column whose descending order is the list's own: an index has it both ways.
    """

    result_list: Any
    page_num: int
    paginator: BoundedPaginator

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.notes: list[str] = []
        super().__init__(*args, **kwargs)
        self.title = capfirst(self.opts.verbose_name_plural)  # not “Select … to view”: the browser's tab shows it
        before, after = self._page_address()
        for row in self.result_list:
            row.page_url = f"{before}{quote(row.pk)}{after}"

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the list's own order. `get_queryset` sorts, once it knows that the rows are few."""
        sorting = self.params.pop(ORDER_VAR, None)
        ordering: list[Any] = super().get_ordering(request, queryset)
        if sorting is not None:
            self.params[ORDER_VAR] = sorting
        return ordering

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        order = dict(self._sorting()) if request.method == "GET" else {}
        if not order:
            return rows
        if list(order) == [self.model_admin.in_order_of] and not self.query:
            return rows if order[self.model_admin.in_order_of].descending else rows.reverse()
        # With the order of a column, the database may walk through all rows to find a few.
        keys = list(rows.order_by().values_list("pk", flat=True)[:COUNTED_AT_MOST])
        if len(keys) < COUNTED_AT_MOST:
            found: QuerySet[Any] = self.apply_select_related(self.root_queryset.filter(pk__in=keys))
            return found.order_by(*order.values(), *rows.query.order_by)
        self.params.pop(ORDER_VAR)
        text = _("Too many rows to sort. Search or filter for fewer than %(most)s, then sort.")
        self.notes.append(text % {"most": f"{COUNTED_AT_MOST:,}"})
        return rows

    def _sorting(self) -> Iterator[tuple[str, OrderBy]]:
        if ORDER_VAR not in self.params:
            return
        for index, direction in self.get_ordering_field_columns().items():
            name = self.list_display[index] if 0 <= index < len(self.list_display) else ""
            if name in self.sortable_by and (field := self.get_ordering_field(name)):
                column = F(field) if isinstance(field, str) else field
                yield name, OrderBy(column, descending=direction == "desc", nulls_last=True)

    def get_results(self, request: HttpRequest) -> None:
        """Find the rows of the page. Of a page that does not exist, show the last one and say so."""
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        asked, self.page_num = self.page_num, self.paginator.reach(self.page_num)
        if asked != self.page_num:
            text = _("There is no page %(asked)s. This is page %(shown)s.")
            self.notes.append(text % {"asked": str(asked)[:10], "shown": self.page_num})
        # A search has found keys. PostgreSQL would look for them along the order of all rows.
        with plans_without(*(["indexscan"] if self.query else [])):
            self.result_list = list(self.paginator.page(self.page_num).object_list)
        self.result_count = self.full_result_count = self.paginator.count
        self.show_full_result_count = self.can_show_all = False
        self.show_admin_actions = bool(self.result_count)
        self.multi_page = self.paginator.num_pages > 1

    def _page_address(self) -> tuple[str, str]:
        """Return what stands before and after the key in the address of a row's page, which leads back to this list."""
        kept = {"preserved_filters": self.preserved_filters, "opts": self.opts}
        path = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[_KEY])
        before, _key, after = str(add_preserved_filters(kept, path)).partition(_KEY)
        return before, after

    # --- What the templates show ----------------------------------------------------------------------------------

    @cached_property
    def headers(self) -> list[dict[str, Any]]:
        return list(result_headers(self))

    @property
    def rows(self) -> Iterator[SafeString]:
        return rows_as_html(self, self.headers)

    @property
    def count_in_words(self) -> str:
        return self.paginator.count_in_words

    @property
    def found_in_words(self) -> str:
        """Return how many rows a search or the filters found; empty without any."""
        if not self.chips:
            return ""
        text = ngettext("%(count)s result", "%(count)s results", self.result_count)
        return text % {"count": self.count_in_words}

    @property
    def range_in_words(self) -> str:
        """Return which rows of how many are shown."""
        first = (self.page_num - 1) * self.list_per_page + 1
        facts = {"first": f"{first:,}", "last": f"{first + len(self.result_list) - 1:,}", "count": self.count_in_words}
        return _("%(first)s–%(last)s of %(count)s") % facts if self.result_list else ""

    @property
    def ends_early(self) -> str:
        """Return where the pages end before the rows do."""
        if self.page_num < self.paginator.num_pages or not self.paginator.is_cut or self.paginator.has_more_pages:
            return ""
        return _("No more than %(most)s rows are listed: search or filter.") % {"most": f"{REACHED_AT_MOST:,}"}

    @property
    def pages(self) -> list[tuple[Any, str]]:
        """Return the numbers of pages to show with their addresses; a gap has no address."""
        numbers = self.paginator.get_elided_page_range(self.page_num, on_each_side=1, on_ends=1)
        return [(number, self.page_address(number) if isinstance(number, int) else "") for number in numbers]

    def page_address(self, number: int) -> str:
        return str(self.get_query_string({PAGE_VAR: number}))

    @property
    def previous_page(self) -> str:
        return self.page_address(self.page_num - 1) if self.page_num > 1 else ""

    @property
    def next_page(self) -> str:
        is_last = self.page_num >= self.paginator.num_pages and not self.paginator.has_more_pages
        return "" if is_last else self.page_address(self.page_num + 1)

    @cached_property
    def chips(self) -> list[Chip]:
        """Return the search and the filters that are on."""
        found = []
        if self.query and self.search_fields:
            found.append(Chip(_("Search: %(text)s") % {"text": self.query}, self._without(SEARCH_VAR)))
        for spec in self.filter_specs:
            if words := self._words_of(spec):
                title = capfirst(str(spec.title))
                found.append(Chip(f"{title}: {words}", self._without(*spec.expected_parameters())))
        if TICKED in self.params:
            found.append(Chip(_("Selected rows"), self._without(TICKED)))
        return found

    def _words_of(self, spec: Any) -> str:
        """Return the value of a filter in words. Django's own filters have only their choices."""
        if hasattr(spec, "in_words"):
            return str(spec.in_words)
        if not set(spec.expected_parameters()) & set(self.params):
            return ""
        chosen = [str(choice["display"]) for choice in spec.choices(self) if choice.get("selected")]
        return ", ".join(chosen)

    def _without(self, *names: Any) -> str:
        return str(self.get_query_string(dict.fromkeys((*names, ALL_VAR))))

    @property
    def without_filters(self) -> str:
        kept = {ORDER_VAR: self.params[ORDER_VAR]} if ORDER_VAR in self.params else {}
        return str(self.get_query_string(kept, remove=list(self.filter_params)))

    @property
    def tabs(self) -> list[tuple[str, str, bool]]:
        """Return the title and the address of each tab, and whether it is the one shown."""
        tabs: Sequence[Tab] = self.model_admin.tabs
        names = {name for tab in tabs for name in tab.filters}
        shown = {name: self.params[name] for name in names if self.params.get(name)}
        return [
            (str(title), self.get_query_string({**dict.fromkeys(names), **filters}), shown == dict(filters))
            for title, filters in tabs
        ]
