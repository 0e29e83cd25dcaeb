"""Export a list as a file: the rows that the filters show, or the rows that are ticked."""

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from core.admin.pages import admin_page
from core.exports.cells import Row
from core.exports.csv import CSV_TYPE, csv_pieces
from core.exports.xlsx import MAX_ROWS, XLSX_TYPE, xlsx_pieces
from refunds.admin.export_columns import payment_rows, refund_rows
from refunds.models import RefundAccount
from refunds.permissions import may_view_accounts

FORMATS = {"xlsx": (XLSX_TYPE, xlsx_pieces), "csv": (CSV_TYPE, csv_pieces)}


class ExportForm(forms.Form):
    """The format of the file, and whether it includes full bank accounts. Excel takes at most `MAX_ROWS` rows."""

    format = forms.ChoiceField(
        label=_("File"),
        choices=(("xlsx", _("Excel (.xlsx)")), ("csv", _("CSV"))),
        widget=forms.RadioSelect,
    )
    accounts = forms.BooleanField(label=_("Include full refund accounts (holder, bank, number)"), required=False)

    def __init__(self, data: Any = None, *, too_many: bool) -> None:
        self.too_many = too_many
        super().__init__(data, initial={"format": "csv" if too_many else "xlsx"})

    def clean_format(self) -> str:
        chosen: str = self.cleaned_data["format"]
        if chosen == "xlsx" and self.too_many:
            raise ValidationError(_("Too many rows for Excel. Choose CSV or narrow the list."), code="too_many_rows")
        return chosen


class ExportingAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """A list with "Export…" above it, which keeps the filters, and as an action on ticked rows."""

    export_name: str
    exports_accounts = False
    actions_list = ("export",)

    def export_rows(self, queryset: QuerySet[Any], *, with_accounts: bool) -> Iterator[Row]:
        return payment_rows(queryset)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and request.GET:
            for item in (response.context_data or {}).get("actions_list", ()):
                item["path"] = f"{item['path']}?{request.GET.urlencode()}"
        return response

    @action(description=_("Export…"), permissions=["view"])  # type: ignore[untyped-decorator]
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        everything = request.POST.get("select_across") == "1"
        ids = () if everything else queryset.prefetch_related(None).values_list("pk", flat=True)
        query = request.GET.urlencode() if everything else urlencode({"id__in": ",".join(map(str, ids))}, safe=",")
        return HttpResponseRedirect(f"{self._url('export')}?{query}")

    @action(description=_("Export…"), url_path="export", permissions=["view"], icon="download")  # type: ignore[untyped-decorator]
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for the format; on POST log the export in the admin's history and send the file."""
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self._url("changelist"))
        is_readable = all(getattr(filter_, "is_readable", True) for filter_ in shown.filter_specs)
        wanted = shown.queryset
        may_have_accounts = self.exports_accounts and may_view_accounts(request.user)
        count = wanted.order_by().values("pk")[: MAX_ROWS + 1].count()
        form = ExportForm(request.POST if request.method == "POST" else None, too_many=count > MAX_ROWS)
        if request.method == "POST" and form.is_valid() and count:
            with_accounts = form.cleaned_data["accounts"]
            if with_accounts and not may_have_accounts:
                raise PermissionDenied
            self._log(request, wanted, form.cleaned_data["format"], with_accounts=with_accounts)
            return self._file(form.cleaned_data["format"], self.export_rows(wanted, with_accounts=with_accounts))
        facts = {
            "opts": self.opts,
            "form": form,
            "count": count,
            "most": MAX_ROWS,
            "may_have_accounts": may_have_accounts,
            "list_url": f"{self._url('changelist')}?{request.GET.urlencode()}",
        }
        page = admin_page(request, "admin/refunds/export.html", gettext("Export"), **facts)
        page.status_code = 200 if is_readable else 400
        return page

    def _log(self, request: HttpRequest, wanted: QuerySet[Any], file: str, *, with_accounts: bool) -> None:
        """Log, before anything is sent, who exports how many rows and how many full bank accounts."""
        count = wanted.order_by().values("pk").count()
        text = gettext("Exported as %(format)s: %(count)s rows") % {"format": file, "count": count}
        if with_accounts:
            accounts = RefundAccount.objects.filter(refund__in=wanted.order_by().values("pk")).count()
            text += ", " + gettext("with %(accounts)s full refund accounts") % {"accounts": accounts}
        LogEntry.objects.create(
            user=cast(User, request.user),
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=str(self.opts.verbose_name_plural),
            action_flag=CHANGE,
            change_message=text,
        )

    def _file(self, kind: str, rows: Iterator[Row]) -> StreamingHttpResponse:
        content_type, pieces = FORMATS[kind]
        name = f"{self.export_name}-{timezone.localdate():%Y-%m-%d}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(pieces(rows), content_type=content_type, headers=headers)

    def _url(self, page: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}")


class RefundExportingAdmin(ExportingAdmin):
    """The ledger's export, with full bank accounts on request of those who may see them."""

    export_name = "refunds"
    exports_accounts = True

    def export_rows(self, queryset: QuerySet[Any], *, with_accounts: bool) -> Iterator[Row]:
        return refund_rows(queryset, with_accounts=with_accounts)
