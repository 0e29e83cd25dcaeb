"""The rows of a list as HTML. What they share is made once: the theme makes all headings anew for each row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib.admin.utils import lookup_field
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES
from unfold.utils import display_for_field, display_for_value

Reader = Callable[[Any], Any]


class _Column(NamedTuple):
    start: str  # the tag of its cells
    read: Reader
    end: str


def rows_as_html(cl: Any, headers: Sequence[Mapping[str, Any]]) -> Iterator[SafeString]:
    """Yield the cells of each row of a change list; `headers` are those of the theme's `result_headers`."""
    columns = [_column(cl, name, header["text"]) for name, header in zip(cl.list_display, headers, strict=True)]
    for row in cl.result_list:
        yield SafeString("".join(f"{start}{conditional_escape(read(row))}{end}" for start, read, end in columns))


def _column(cl: Any, name: Any, label: str) -> _Column:
    links, read = list(cl.list_display_links or ()), _reader(cl, name)
    classes, tag = [f"field-{getattr(name, '__name__', name)}", *ROW_CLASSES], "td"
    if name == "action_checkbox":
        label, classes = _("Select record"), CHECKBOX_CLASSES
    if name in links:
        tag, read = "th" if name == links[0] else "td", _linked(read)
    return _Column(format_html('<{} class="{}" data-label="{}">', tag, " ".join(classes), label), read, f"</{tag}>")


def _reader(cl: Any, name: Any) -> Reader:
    """Return the function that reads a column's value of a row: a field, or a method of the list's or the row's."""
    admin, empty = cl.model_admin, cl.model_admin.get_empty_value_display()
    method = name if callable(name) else getattr(admin, name, None)
    if method is not None and name not in ("__str__", *(field.name for field in cl.lookup_opts.fields)):
        is_boolean = getattr(method, "boolean", False)
        return lambda row: display_for_value(method(row), empty, is_boolean)

    def read(row: Any) -> Any:
        field, _attribute, value = lookup_field(name, row, admin)
        return display_for_field(value, field, empty) if field else display_for_value(value, empty)

    return read


def _linked(read: Reader) -> Reader:
    classes = " ".join(LINK_CLASSES)
    return lambda row: format_html('<a href="{}" class="{}">{}</a>', row.page_url, classes, read(row))
