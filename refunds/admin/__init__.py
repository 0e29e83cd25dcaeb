"""Register the admin of refunds, and of payments and tokens together with their refunds."""

from django.contrib import admin

from access.models import ApiToken
from payments.models import Payment
from refunds.admin.approvals.list import RefundApprovalAdmin
from refunds.admin.batches.list import RefundBatchAdmin
from refunds.admin.business_days import BusinessDayAdmin
from refunds.admin.drift.reports import ReconciliationReportAdmin
from refunds.admin.notices.list import BuyerNoticeAdmin
from refunds.admin.payments import RefundablePaymentAdmin
from refunds.admin.reasons import RefundReasonAdmin
from refunds.admin.refunds import RefundRecordAdmin
from refunds.admin.statements.admin import StatementMonthAdmin
from refunds.admin.tokens import RefundingTokenAdmin
from refunds.models import (
    BusinessDayException,
    BuyerNotice,
    ReconciliationReport,
    RefundApproval,
    RefundBatch,
    RefundReason,
    RefundRecord,
    StatementMonth,
)

admin.site.register(ApiToken, RefundingTokenAdmin)
admin.site.register(Payment, RefundablePaymentAdmin)
admin.site.register(RefundReason, RefundReasonAdmin)
admin.site.register(RefundRecord, RefundRecordAdmin)
admin.site.register(RefundApproval, RefundApprovalAdmin)
admin.site.register(ReconciliationReport, ReconciliationReportAdmin)
admin.site.register(RefundBatch, RefundBatchAdmin)
admin.site.register(StatementMonth, StatementMonthAdmin)
admin.site.register(BuyerNotice, BuyerNoticeAdmin)
admin.site.register(BusinessDayException, BusinessDayAdmin)
