"""Lists that staff take away as a file: what the list shows after its filters, or the rows that are ticked."""

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from core.exports.xlsx import CSV_TYPE, XLSX_TYPE, Row, csv_pieces, xlsx_pieces
from refunds.exports import MAX_ROWS, payment_rows, refund_rows
from refunds.models import RefundAccount
from refunds.permissions import may_view_accounts

FORMATS = {"xlsx": (XLSX_TYPE, xlsx_pieces), "csv": (CSV_TYPE, csv_pieces)}


class ExportForm(forms.Form):
    """Which kind of file, and whether the whole refund accounts are in it."""

    format = forms.ChoiceField(
        label=_("File"),
        choices=(("xlsx", _("Excel (.xlsx)")), ("csv", _("CSV"))),
        widget=forms.RadioSelect,
        initial="xlsx",
    )
    accounts = forms.BooleanField(label=_("Include full refund accounts (holder, bank, number)"), required=False)


class ExportingAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """A list with "Export…" above it, which keeps the filters, and for the ticked rows."""

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
        """Ask for the kind of file; on POST, send it. What is exported, and by whom, is in the admin's history."""
        try:
            wanted = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self._url("changelist"))
        may_have_accounts = self.exports_accounts and may_view_accounts(request.user)
        form = ExportForm(request.POST if request.method == "POST" else None)
        count = wanted.order_by().values("pk")[: MAX_ROWS + 1].count()
        if request.method == "POST" and form.is_valid() and 0 < count <= MAX_ROWS:
            with_accounts = form.cleaned_data["accounts"]
            if with_accounts and not may_have_accounts:
                raise PermissionDenied
            self._note(request, wanted, count, form.cleaned_data["format"], with_accounts=with_accounts)
            return self._file(form.cleaned_data["format"], self.export_rows(wanted, with_accounts=with_accounts))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Export"),
            "opts": self.opts,
            "form": form,
            "count": count,
            "most": MAX_ROWS,
            "too_many": count > MAX_ROWS,
            "may_have_accounts": may_have_accounts,
            "list_url": f"{self._url('changelist')}?{request.GET.urlencode()}",
        }
        return TemplateResponse(request, "admin/refunds/export.html", context)

    def _note(self, request: HttpRequest, wanted: QuerySet[Any], count: int, file: str, *, with_accounts: bool) -> None:
        """Before anything is sent: who takes away how much, and how many whole accounts are in it."""
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
    """The ledger, to who may see accounts with them if they ask for it."""

    export_name = "refunds"
    exports_accounts = True

    def export_rows(self, queryset: QuerySet[Any], *, with_accounts: bool) -> Iterator[Row]:
        return refund_rows(queryset, with_accounts=with_accounts)
