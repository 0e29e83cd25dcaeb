"""Refunds and the rows that belong to them."""

from refunds.models.append_only import AppendOnlyError
from refunds.models.approvals import (
    MAX_DECISION_NOTE,
    ApprovalRule,
    ApprovalStatus,
    ClosedCode,
    RefundApproval,
    RefundApprovalQuerySet,
)
from refunds.models.bank_accounts import RefundAccount
from refunds.models.batches import (
    OPEN_STATUSES,
    STARTED,
    BatchOrigin,
    BatchPace,
    BatchStatus,
    RefundBatch,
    RefundBatchEvent,
    RefundBatchItem,
)
from refunds.models.idempotency import IdempotentAnswer
from refunds.models.notes import MAX_NOTE_LENGTH, Note
from refunds.models.notices import (
    BusinessDayException,
    BuyerNotice,
    NoticeKind,
    NoticeLanguage,
    NoticeSettings,
    NoticeStatus,
    NoticeText,
)
from refunds.models.reasons import Fault, FrozenReason, RefundReason
from refunds.models.reconciliation import Discrepancy, DiscrepancyKind, ReconciliationReport, Refunded
from refunds.models.refund_events import RefundEvent
from refunds.models.refund_numbers import REFUND_NUMBER, new_refund_number
from refunds.models.refund_states import (
    FINAL_STATUSES,
    LIVE_STATUSES,
    RefundSource,
    RefundStatus,
)
from refunds.models.refunds import TAKEN_TOTAL, RefundRecord, RefundRecordQuerySet
from refunds.models.refusals import FINAL_REFUSALS, FINAL_STEPS, MONEY_MAY_MOVE, RefusalClass
from refunds.models.reversals import RefundReversal
from refunds.models.statements import MovementKind, StatementEntry, StatementMonth

__all__ = [
    "FINAL_REFUSALS",
    "FINAL_STATUSES",
    "FINAL_STEPS",
    "LIVE_STATUSES",
    "MAX_DECISION_NOTE",
    "MAX_NOTE_LENGTH",
    "MONEY_MAY_MOVE",
    "OPEN_STATUSES",
    "REFUND_NUMBER",
    "STARTED",
    "TAKEN_TOTAL",
    "AppendOnlyError",
    "ApprovalRule",
    "ApprovalStatus",
    "BatchOrigin",
    "BatchPace",
    "BatchStatus",
    "BusinessDayException",
    "BuyerNotice",
    "ClosedCode",
    "Discrepancy",
    "DiscrepancyKind",
    "Fault",
    "FrozenReason",
    "IdempotentAnswer",
    "MovementKind",
    "Note",
    "NoticeKind",
    "NoticeLanguage",
    "NoticeSettings",
    "NoticeStatus",
    "NoticeText",
    "ReconciliationReport",
    "RefundAccount",
    "RefundApproval",
    "RefundApprovalQuerySet",
    "RefundBatch",
    "RefundBatchEvent",
    "RefundBatchItem",
    "RefundEvent",
    "RefundReason",
    "RefundRecord",
    "RefundRecordQuerySet",
    "RefundReversal",
    "RefundSource",
    "RefundStatus",
    "Refunded",
    "RefusalClass",
    "StatementEntry",
    "StatementMonth",
    "new_refund_number",
]
