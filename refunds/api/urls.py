"""The API's URLs, each with or without a trailing slash."""

from django.urls import re_path

from refunds.api.openapi.views import docs, schema
from refunds.api.statements import StatementListView, StatementView
from refunds.api.views import (
    ApprovalListView,
    ApprovalView,
    CancelPaymentView,
    PaymentListView,
    PaymentRefundsView,
    PaymentView,
    RefundListView,
    RefundReasonsView,
    RefundView,
)

urlpatterns = [
    re_path(r"^api/schema/?$", schema, name="api-schema"),
    re_path(r"^api/docs/?$", docs, name="api-docs"),
    re_path(r"^payments/cancel/?$", CancelPaymentView.as_view(), name="cancel-payment"),
    re_path(r"^payments/?$", PaymentListView.as_view(), name="payments"),
    # Order numbers may contain slashes: match them lazily up to the known endings.
    re_path(r"^payments/(?P<number>.+?)/refunds/?$", PaymentRefundsView.as_view(), name="payment-refunds"),
    re_path(r"^payments/(?P<number>.+?)/?$", PaymentView.as_view(), name="payment"),
    re_path(r"^refund-reasons/?$", RefundReasonsView.as_view(), name="refund-reasons"),
    re_path(r"^statements/?$", StatementListView.as_view(), name="statements"),
    re_path(r"^statements/(?P<month>[^/]+)/?$", StatementView.as_view(), name="statement"),
    re_path(r"^refunds/?$", RefundListView.as_view(), name="refunds"),
    re_path(r"^refunds/(?P<number>[0-9A-Za-z]{1,20})/?$", RefundView.as_view(), name="refund"),
    re_path(r"^approvals/?$", ApprovalListView.as_view(), name="approvals"),
    re_path(r"^approvals/(?P<number>[0-9A-Za-z]{1,20})/?$", ApprovalView.as_view(), name="approval"),
]
