"""Export a list as a file: the rows that the filters show, or the rows that are ticked."""

from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from core.admin.pages import admin_page
from core.exports.columns import Table
from core.exports.files import file_response
from core.exports.xlsx import MAX_ROWS
from core.permissions import AnyUser
from core.sentences import joined, packed
from core.sentences import sentence as gettext
from refunds.admin.export_columns import payment_table, refund_table
from refunds.models import RefundAccount
from refunds.permissions import may_view_accounts, may_view_payments


class ExportForm(forms.Form):
    """The format of the file, and whether it includes personal data. Excel takes at most `MAX_ROWS` rows."""

    format = forms.ChoiceField(
        label=_("File"),
        choices=(("xlsx", _("Excel (.xlsx)")), ("csv", _("CSV"))),
        widget=forms.RadioSelect,
    )
    personal = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, too_many: bool, personal_label: str) -> None:
        self.too_many = too_many
        super().__init__(data, initial={"format": "csv" if too_many else "xlsx"})
        self.fields["personal"].label = personal_label

    def clean_format(self) -> str:
        chosen: str = self.cleaned_data["format"]
        if chosen == "xlsx" and self.too_many:
            raise ValidationError(_("Too many rows for Excel. Choose CSV or narrow the list."), code="too_many_rows")
        return chosen


class ExportingAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """A list with "Export…" above it, which keeps the filters, and as an action on ticked rows.

    Payments are exported; `RefundExportingAdmin` exports refunds.
    """

    export_name = "payments"
    personal_label = _("Include the buyers' e-mail addresses and telephone numbers")
    actions_list = ("export",)

    def export_table(self, queryset: QuerySet[Any], *, with_personal: bool) -> Table:
        return payment_table(queryset, with_personal=with_personal)

    def may_export_personal(self, user: AnyUser) -> bool:
        return may_view_payments(user)

    def personal_text(self, queryset: QuerySet[Any]) -> str:
        """Return what the log says of the personal data in a file of these rows."""
        return gettext("With e-mail addresses and telephone numbers")

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
        may_have_personal = self.may_export_personal(request.user)
        count = wanted.order_by().values("pk")[: MAX_ROWS + 1].count()
        data = request.POST if request.method == "POST" else None
        form = ExportForm(data, too_many=count > MAX_ROWS, personal_label=str(self.personal_label))
        if request.method == "POST" and form.is_valid() and count:
            with_personal = form.cleaned_data["personal"]
            if with_personal and not may_have_personal:
                raise PermissionDenied
            self._log(request, wanted, form.cleaned_data["format"], with_personal=with_personal)
            name = f"{self.export_name}-{timezone.localdate():%Y-%m-%d}"
            exported = self.export_table(wanted, with_personal=with_personal)
            return file_response(exported.rows, form.cleaned_data["format"], name, exported.totals)
        facts = {
            "opts": self.opts,
            "form": form,
            "count": count,
            "most": MAX_ROWS,
            "may_have_personal": may_have_personal,
            "list_url": f"{self._url('changelist')}?{request.GET.urlencode()}",
        }
        page = admin_page(request, "admin/refunds/export.html", gettext("Export"), **facts)
        page.status_code = 200 if is_readable else 400
        return page

    def _log(self, request: HttpRequest, wanted: QuerySet[Any], file: str, *, with_personal: bool) -> None:
        """Log, before anything is sent, who exports how many rows and which personal data."""
        count = wanted.order_by().values("pk").count()
        text = gettext("Exported as %(format)s. Rows: %(count)s") % {"format": file, "count": count}
        if with_personal:
            text = joined(text, self.personal_text(wanted), between=". ")
        LogEntry.objects.create(
            user=cast(User, request.user),
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=str(self.opts.verbose_name_plural),
            action_flag=CHANGE,
            change_message=packed(text),
        )

    def _url(self, page: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}")


class RefundExportingAdmin(ExportingAdmin):
    """The ledger's export, with full bank accounts on request of those who may see them."""

    export_name = "refunds"
    personal_label = _("Include full refund accounts (holder, bank, number)")

    def export_table(self, queryset: QuerySet[Any], *, with_personal: bool) -> Table:
        return refund_table(queryset, with_personal=with_personal)

    def may_export_personal(self, user: AnyUser) -> bool:
        return may_view_accounts(user)

    def personal_text(self, queryset: QuerySet[Any]) -> str:
        accounts = RefundAccount.objects.filter(refund__in=queryset.order_by().values("pk")).count()
        return gettext("Full refund accounts: %(accounts)s") % {"accounts": accounts}
