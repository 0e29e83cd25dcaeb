"""Base classes of the admin's lists: strict parameters and read-only rows. `core.admin.browsing` shows them."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Model, QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.widgets import CHECKBOX_CLASSES

from core.admin.browsing import TICKED, BoundedPaginator, BrowsingChangeList, Tab
from core.admin.filters import SHOWN_AT_MOST, Label
from core.admin.log import tell
from core.permissions import AnyUser

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin as Base
else:
    Base = object

_BOX_CLASSES = " ".join((*CHECKBOX_CLASSES, "action-select"))
# Suffixes that Django's and the theme's filters add to the name of their field.
_ENDINGS = ("", "__exact", "__isnull", "__in", "__id__exact", "__gte", "__lt", "_from", "_to")


# Scripts that Django adds to every page of a model, for its forms.
_FOR_FORMS = ("urlify", "prepopulate", "xregexp", "jquery", "RelatedObjectLookups")


def _without_scripts_of_forms(media: Media) -> Media:
    """Leave out what only forms use, unless a filter with a search (select2) needs it."""
    scripts = [(script, str(script)) for script in media._js]  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells
    if any("select2" in name for _script, name in scripts):
        return media
    needed = [script for script, name in scripts if not any(word in name for word in _FOR_FORMS)]
    return Media(css=media._css, js=needed)  # type: ignore[attr-defined]  # noqa: SLF001


class StrictListMixin(Base):  # type: ignore[misc]  # the theme ships no types
    """Accept only the list's own filters in its address and only valid keys in its forms.

    Stands before `ModelAdmin` in the bases.

    Django allows every lookup on the model's own fields. Some of them fail when they are run (`__regex=(`), some run
    for minutes, and all of them reach columns that the list does not show.
    """

    empty_value_display = "–"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count all rows for each choice of each filter
    list_before_template = "admin/list_head.html"
    tabs: Sequence[Tab] = ()
    # The most rows that `limited_action` takes, and the sentence of the selection's bar for more.
    most_at_once: int | None = None
    limited_action = ""
    over_most: Label = ""
    in_order_of: str | None = None  # the column in whose order the rows are, newest or largest first

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BrowsingChangeList]:
        return BrowsingChangeList

    def action_checkbox(self, obj: Any) -> SafeString:
        """Return the box that selects a row, named after the row."""
        label = _("Select %(name)s") % {"name": self.name_of(obj)}
        text = '<input type="checkbox" name="{}" value="{}" class="{}" aria-label="{}">'
        return format_html(text, ACTION_CHECKBOX_NAME, obj.pk, _BOX_CLASSES, label)

    def name_of(self, obj: Any) -> str:
        """Return what staff call this row."""
        return str(obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return True, or raise `IncorrectLookupParameters`: the admin then shows the whole list, with a message."""
        if lookup == TICKED:
            try:
                _ensure_keys(self.model, value.split(","))
            except BadRequest as exc:
                raise _ignored_filter(request, lookup) from exc
        elif lookup not in self._parameters(request):
            raise _ignored_filter(request, lookup)
        if not super().lookup_allowed(lookup, value, request):
            raise _ignored_filter(request, lookup)
        return True

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        _ensure_keys(self.model, request.POST.getlist(ACTION_CHECKBOX_NAME))
        response: HttpResponseBase | None = super().response_action(request, queryset)
        return response

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        for field in (*self.opts.fields, *self.opts.many_to_many):
            if field.related_model is not None and isinstance(field.related_model, type):
                _ensure_keys(field.related_model, filter(None, request.POST.getlist(field.name)))
        response: HttpResponseBase = super().changeform_view(request, *args, **kwargs)
        return response

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the history of a row in the language of who reads it."""
        response: HttpResponse = super().history_view(request, *args, **kwargs)
        tell(getattr(response, "context_data", {}).get("action_list", ()))
        return response

    def _parameters(self, request: HttpRequest) -> set[str]:
        names = set()
        for filter_ in self.get_list_filter(request):
            # A field's name, a pair of it and its filter's class, or a class that knows its parameter.
            name = filter_[0] if isinstance(filter_, tuple) else getattr(filter_, "parameter_name", filter_)
            names |= {f"{name}{ending}" for ending in _ENDINGS}
        return names


def _ignored_filter(request: HttpRequest, lookup: str) -> IncorrectLookupParameters:
    message = _("The filter “%(name)s” is not valid here, so it was left out.") % {"name": lookup[:SHOWN_AT_MOST]}
    messages.warning(request, message)
    return IncorrectLookupParameters(message)


def _ensure_keys(model: type[Model], texts: Iterable[str]) -> None:
    """Raise `BadRequest` (400) for a text that is no valid key: a query for it would fail."""
    try:
        for text in texts:
            model._meta.pk.clean(text, None)  # noqa: SLF001 (Django's public API)
    except ValidationError as exc:
        raise BadRequest("no key of a row") from exc


class ReadOnlyAdmin(StrictListMixin, ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """A wide list in a fixed order, whose rows nobody adds, changes or deletes here."""

    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 25
    sortable_by: Sequence[str] = ()
    list_max_show_all = 0
    may_view: Callable[[AnyUser], bool] | None = None  # a static method; without it, Django's own permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_view(request.user) if self.may_view else bool(super().has_view_permission(request, obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_view(request.user) if self.may_view else bool(super().has_module_permission(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "media" in context:
            context["media"] = _without_scripts_of_forms(context["media"])
        return response

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the template of one row's page shows."""
        return {}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if context.get("original") is not None:
            context |= self.page_context(request, context["original"])
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response
