"""Create the tables of refunds, and the triggers that keep history in the database itself.

A final refund keeps its status and amount; a timeline entry, a reversal, a note and a closed month never change. The
usual reasons are created here; the ready-made groups for staff (`refunds.groups`) after this migration.
"""

from decimal import Decimal

import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import refunds.models.refund_numbers

# SQLite drops a table's triggers when a later migration rebuilds the table: such a migration must create them again.

# Tables of history: their rows never change. They can be deleted once there are no payments, as test databases are
# emptied. The owner of the tables can drop the triggers.
_HISTORIES = ("refundevent", "refundreversal", "refundbatchevent", "note", "statementmonth", "statemententry")
_IS_IN_USE = "EXISTS (SELECT 1 FROM payments_payment)"

# What a request for approval keeps for good, and what an order of a bulk refund keeps while its request is waiting or
# approved. `encrypted_account` is re-encrypted and erased, and keys of requests are forgotten after a while.
_FROZEN = (
    *("number", "payment_id", "batch_id", "source", "requested_by_id", "requested_by_name", "api_token_id", "rule"),
    *("limit_amount", "amount", "balance", "currency", "totals", "orders", "tax_free", "vat_amount"),
    *("retain_promotion", "reason", "reason_code", "reason_name_ko", "reason_name_en", "fault", "requester"),
    *("refund_bank", "refund_account_last4", "confirmed", "warnings", "requested_at", "expires_at"),
)
_DECISION = ("status", "decided_by_id", "decided_by_name", "decided_at", "note", "closed_code")
_FROZEN_ORDER = (
    *("batch_id", "payment_id", "amount", "tax_free", "vat_amount", "expected_balance", "requester"),
    *("retain_promotion", "reason", "reason_code"),
)


def _differ(columns, operator):
    """Return SQL that is true if one of these columns changes."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"({old}) {operator} ({new})"


def _request_changes(operator):
    return f"""{_differ(_FROZEN, operator)}
        OR (OLD.status <> 'waiting' AND {_differ(_DECISION, operator)})
        OR (NEW.idempotency_key IS NOT NULL AND {_differ(("idempotency_key", "fingerprint"), operator)})"""


def _order_changes(operator):
    return f"{_differ(_FROZEN_ORDER, operator)} OR (OLD.excluded AND NOT NEW.excluded)"


def _approved_refund_changes(operator):
    return f"""OLD.approval_id {operator} NEW.approval_id OR (OLD.approval_id IS NOT NULL
        AND {_differ(("amount", "payment_id", "requested_by_id"), operator)})"""


_REQUEST_OF_BATCH = """EXISTS (SELECT 1 FROM refunds_refundapproval
    WHERE batch_id = NEW.batch_id AND status IN ('waiting', 'approved'))"""
# A refund with an approval: approved by somebody else, for its requester, of its payment or in its bulk refund, and of
# its amount.
_IS_APPROVED = """EXISTS (
    SELECT 1 FROM refunds_refundapproval a
    LEFT JOIN refunds_refundbatchitem i
        ON i.batch_id = a.batch_id AND i.payment_id = NEW.payment_id AND NOT i.excluded
    WHERE a.id = NEW.approval_id AND a.status = 'approved'
        AND (a.requested_by_id = NEW.requested_by_id OR (a.requested_by_id IS NULL AND NEW.requested_by_id IS NULL))
        AND ((a.payment_id = NEW.payment_id AND a.amount = NEW.amount)
            OR NEW.amount = COALESCE(i.amount, i.expected_balance)))"""
# Only together with its payment or bulk refund, as test databases are emptied.
_SUBJECT_EXISTS = """(EXISTS (SELECT 1 FROM payments_payment WHERE id = OLD.payment_id)
    OR EXISTS (SELECT 1 FROM refunds_refundbatch WHERE id = OLD.batch_id))"""

POSTGRESQL = (
    """
    CREATE FUNCTION refunds_keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'refund % is %, which is final', OLD.number, OLD.status
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER refunds_keep_final BEFORE UPDATE ON refunds_refundrecord FOR EACH ROW
    WHEN (OLD.status IN ('succeeded', 'failed') AND (
        OLD.status <> NEW.status OR OLD.amount <> NEW.amount OR OLD.payment_id <> NEW.payment_id
        OR OLD.cancelled_amount IS DISTINCT FROM NEW.cancelled_amount))
    EXECUTE FUNCTION refunds_keep_final()
    """,
    f"""
    CREATE FUNCTION refunds_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND NOT {_IS_IN_USE} THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    *(
        f"""
        CREATE TRIGGER refunds_append_only BEFORE UPDATE OR DELETE ON refunds_{table} FOR EACH ROW
        EXECUTE FUNCTION refunds_append_only()
        """
        for table in _HISTORIES
    ),
    *(
        f"""
        CREATE TRIGGER refunds_not_emptied BEFORE TRUNCATE ON refunds_{table} FOR EACH STATEMENT
        EXECUTE FUNCTION refunds_append_only()
        """
        for table in (*_HISTORIES, "refundapproval")
    ),
    """
    CREATE FUNCTION refunds_keep_approval() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a request for approval keeps what was requested and decided'
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    f"""
    CREATE TRIGGER refunds_keep_approval BEFORE UPDATE ON refunds_refundapproval FOR EACH ROW
    WHEN ({_request_changes("IS DISTINCT FROM")}) EXECUTE FUNCTION refunds_keep_approval()
    """,
    """
    CREATE TRIGGER refunds_approval_begins_waiting BEFORE INSERT ON refunds_refundapproval FOR EACH ROW
    WHEN (NEW.status <> 'waiting') EXECUTE FUNCTION refunds_keep_approval()
    """,
    f"""
    CREATE FUNCTION refunds_keep_deleted_approval() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_SUBJECT_EXISTS} THEN
            RAISE EXCEPTION 'a request for approval is never deleted'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER refunds_keep_deleted_approval BEFORE DELETE ON refunds_refundapproval FOR EACH ROW
    EXECUTE FUNCTION refunds_keep_deleted_approval()
    """,
    f"""
    CREATE FUNCTION refunds_keep_approved_orders() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_REQUEST_OF_BATCH} THEN
            RAISE EXCEPTION 'a bulk refund keeps its orders once its approval is requested'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    f"""
    CREATE TRIGGER refunds_keep_approved_orders BEFORE UPDATE ON refunds_refundbatchitem FOR EACH ROW
    WHEN ({_order_changes("IS DISTINCT FROM")}) EXECUTE FUNCTION refunds_keep_approved_orders()
    """,
    """
    CREATE TRIGGER refunds_add_no_approved_orders BEFORE INSERT ON refunds_refundbatchitem FOR EACH ROW
    EXECUTE FUNCTION refunds_keep_approved_orders()
    """,
    f"""
    CREATE FUNCTION refunds_need_approval() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' OR NOT {_IS_APPROVED} THEN
            RAISE EXCEPTION 'this is not the approval of this refund'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER refunds_need_approval BEFORE INSERT ON refunds_refundrecord FOR EACH ROW
    WHEN (NEW.approval_id IS NOT NULL) EXECUTE FUNCTION refunds_need_approval()
    """,
    f"""
    CREATE TRIGGER refunds_keep_approved BEFORE UPDATE ON refunds_refundrecord FOR EACH ROW
    WHEN ({_approved_refund_changes("IS DISTINCT FROM")}) EXECUTE FUNCTION refunds_need_approval()
    """,
)
POSTGRESQL_UNDO = (
    "DROP TRIGGER refunds_keep_approval ON refunds_refundapproval",
    "DROP TRIGGER refunds_approval_begins_waiting ON refunds_refundapproval",
    "DROP TRIGGER refunds_keep_deleted_approval ON refunds_refundapproval",
    "DROP TRIGGER refunds_keep_approved_orders ON refunds_refundbatchitem",
    "DROP TRIGGER refunds_add_no_approved_orders ON refunds_refundbatchitem",
    "DROP TRIGGER refunds_need_approval ON refunds_refundrecord",
    "DROP TRIGGER refunds_keep_approved ON refunds_refundrecord",
    "DROP FUNCTION refunds_keep_approval()",
    "DROP FUNCTION refunds_keep_deleted_approval()",
    "DROP FUNCTION refunds_keep_approved_orders()",
    "DROP FUNCTION refunds_need_approval()",
    "DROP TRIGGER refunds_keep_final ON refunds_refundrecord",
    "DROP FUNCTION refunds_keep_final()",
    *(f"DROP TRIGGER refunds_append_only ON refunds_{table}" for table in _HISTORIES),
    *(f"DROP TRIGGER refunds_not_emptied ON refunds_{table}" for table in (*_HISTORIES, "refundapproval")),
    "DROP FUNCTION refunds_append_only()",
)
SQLITE = (
    """
    CREATE TRIGGER refunds_keep_final BEFORE UPDATE ON refunds_refundrecord FOR EACH ROW
    WHEN OLD.status IN ('succeeded', 'failed') AND (
        OLD.status <> NEW.status OR OLD.amount <> NEW.amount OR OLD.payment_id <> NEW.payment_id
        OR OLD.cancelled_amount IS NOT NEW.cancelled_amount)
    BEGIN SELECT RAISE(ABORT, 'a final refund keeps its status and amount'); END
    """,
    *(
        f"""
        CREATE TRIGGER refunds_append_only_{table} BEFORE UPDATE ON refunds_{table} FOR EACH ROW
        BEGIN SELECT RAISE(ABORT, 'refunds_{table} is append-only'); END
        """
        for table in _HISTORIES
    ),
    *(
        f"""
        CREATE TRIGGER refunds_not_deleted_{table} BEFORE DELETE ON refunds_{table} FOR EACH ROW
        WHEN {_IS_IN_USE} BEGIN SELECT RAISE(ABORT, 'refunds_{table} is append-only'); END
        """
        for table in _HISTORIES
    ),
    f"""
    CREATE TRIGGER refunds_keep_approval BEFORE UPDATE ON refunds_refundapproval FOR EACH ROW
    WHEN {_request_changes("IS NOT")}
    BEGIN SELECT RAISE(ABORT, 'a request for approval keeps what was requested and decided'); END
    """,
    """
    CREATE TRIGGER refunds_approval_begins_waiting BEFORE INSERT ON refunds_refundapproval FOR EACH ROW
    WHEN NEW.status <> 'waiting'
    BEGIN SELECT RAISE(ABORT, 'a request for approval begins as waiting'); END
    """,
    f"""
    CREATE TRIGGER refunds_keep_deleted_approval BEFORE DELETE ON refunds_refundapproval FOR EACH ROW
    WHEN {_SUBJECT_EXISTS}
    BEGIN SELECT RAISE(ABORT, 'a request for approval is never deleted'); END
    """,
    f"""
    CREATE TRIGGER refunds_keep_approved_orders BEFORE UPDATE ON refunds_refundbatchitem FOR EACH ROW
    WHEN ({_order_changes("IS NOT")}) AND {_REQUEST_OF_BATCH}
    BEGIN SELECT RAISE(ABORT, 'a bulk refund keeps its orders once its approval is requested'); END
    """,
    f"""
    CREATE TRIGGER refunds_add_no_approved_orders BEFORE INSERT ON refunds_refundbatchitem FOR EACH ROW
    WHEN {_REQUEST_OF_BATCH}
    BEGIN SELECT RAISE(ABORT, 'a bulk refund keeps its orders once its approval is requested'); END
    """,
    f"""
    CREATE TRIGGER refunds_need_approval BEFORE INSERT ON refunds_refundrecord FOR EACH ROW
    WHEN NEW.approval_id IS NOT NULL AND NOT {_IS_APPROVED}
    BEGIN SELECT RAISE(ABORT, 'this is not the approval of this refund'); END
    """,
    f"""
    CREATE TRIGGER refunds_keep_approved BEFORE UPDATE ON refunds_refundrecord FOR EACH ROW
    WHEN {_approved_refund_changes("IS NOT")}
    BEGIN SELECT RAISE(ABORT, 'this is not the approval of this refund'); END
    """,
)
SQLITE_UNDO = (
    "DROP TRIGGER refunds_keep_approval",
    "DROP TRIGGER refunds_approval_begins_waiting",
    "DROP TRIGGER refunds_keep_deleted_approval",
    "DROP TRIGGER refunds_keep_approved_orders",
    "DROP TRIGGER refunds_add_no_approved_orders",
    "DROP TRIGGER refunds_need_approval",
    "DROP TRIGGER refunds_keep_approved",
    "DROP TRIGGER refunds_keep_final",
    *(f"DROP TRIGGER refunds_append_only_{table}" for table in _HISTORIES),
    *(f"DROP TRIGGER refunds_not_deleted_{table}" for table in _HISTORIES),
)


def create_triggers(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def drop_triggers(apps, schema_editor):
    for statement in POSTGRESQL_UNDO if schema_editor.connection.vendor == "postgresql" else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


# Code, Korean and English name, fault ("": it differs), and whether the free text must be filled in too.
REASONS = (
    ("change_of_mind", "단순 변심", "Change of mind", "buyer", False),
    ("double_payment", "중복 결제", "Paid twice", "buyer", False),
    ("defective", "상품 불량", "Defective item", "shop", False),
    ("wrong_item", "오배송", "Wrong item sent", "shop", False),
    ("not_as_described", "상품 설명과 다름", "Not as described", "shop", False),
    ("out_of_stock", "품절", "Out of stock", "shop", False),
    ("late_delivery", "배송 지연", "Late delivery", "carrier", False),
    ("damaged_in_delivery", "배송 중 파손", "Damaged in delivery", "carrier", False),
    ("payment_error", "결제 오류", "Payment error", "pg", False),
    ("other", "기타", "Other", "", True),
)


def create_reasons(apps, schema_editor):
    model = apps.get_model("refunds", "RefundReason")
    for position, (code, name_ko, name_en, fault, needs_note) in enumerate(REASONS, start=1):
        model.objects.using(schema_editor.connection.alias).create(
            code=code, name_ko=name_ko, name_en=name_en, fault=fault, needs_note=needs_note, position=position * 10
        )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0001_initial"),
        ("payments", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReconciliationReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField(verbose_name="from")),
                ("until", models.DateTimeField(verbose_name="to")),
                ("check_only", models.BooleanField(default=False, verbose_name="compared only")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                ("total", models.PositiveIntegerField(default=0)),
                ("compared", models.PositiveIntegerField(default=0, verbose_name="payments compared")),
                ("found", models.PositiveIntegerField(default=0, verbose_name="payments that differ")),
                ("repaired", models.PositiveIntegerField(default=0, verbose_name="payments repaired")),
                ("sums", models.JSONField(default=dict, editable=False)),
                ("error", models.TextField(blank=True, verbose_name="reason for stopping")),
            ],
            options={
                "verbose_name": "reconciliation report",
                "verbose_name_plural": "reconciliation reports",
                "ordering": ("-id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("repaired__lte", models.F("found"))),
                        name="discrepancies_repaired_were_found",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundReason",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        help_text="For programs, such as “late_delivery”. It cannot be changed later.",
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z_]{1,40}$", "Use small letters a to z and _ only."
                            )
                        ],
                        verbose_name="code",
                    ),
                ),
                ("name_ko", models.CharField(max_length=60, verbose_name="Korean name")),
                ("name_en", models.CharField(max_length=60, verbose_name="English name")),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[("buyer", "Buyer"), ("shop", "Shop"), ("carrier", "Carrier"), ("pg", "PG")],
                        help_text="Who caused the refund. Leave it empty if that differs.",
                        max_length=10,
                        verbose_name="fault",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Only reasons in use can be chosen.", verbose_name="in use"
                    ),
                ),
                (
                    "needs_note",
                    models.BooleanField(
                        default=False,
                        help_text="The free text of the refund must be filled in too. The buyer sees it.",
                        verbose_name="needs an explanation",
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=100,
                        help_text="Reasons are listed by it, the lowest first.",
                        verbose_name="position",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund reason",
                "verbose_name_plural": "refund reasons",
                "ordering": ("position", "code"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("fault__in", ("", "buyer", "shop", "carrier", "pg"))),
                        name="reason_fault_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code", ""), _negated=True),
                            models.Q(("name_ko", ""), _negated=True),
                            models.Q(("name_en", ""), _negated=True),
                        ),
                        name="reason_has_code_and_names",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(unique=True, verbose_name="token")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Not checked yet"),
                            ("checked", "Ready to start"),
                            ("awaiting", "Waiting for approval"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("done", "Finished"),
                            ("cancelled", "Stopped"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("selection", "Selected payments"),
                            ("filter", "All payments of a filter"),
                            ("file", "File or pasted table"),
                            ("retry", "Refused orders of another bulk refund"),
                        ],
                        default="selection",
                        max_length=10,
                        verbose_name="origin",
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=255, verbose_name="name")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("api", "Storefront"),
                            ("command", "Command line"),
                            ("console", "i'mport console"),
                        ],
                        default="admin",
                        max_length=10,
                        verbose_name="entry point",
                    ),
                ),
                ("requested_by_name", models.CharField(blank=True, max_length=200, verbose_name="requested by")),
                ("reason", models.CharField(blank=True, max_length=255, verbose_name="reason")),
                ("reason_code", models.CharField(blank=True, default="", max_length=40, verbose_name="reason code")),
                ("reason_name_ko", models.CharField(blank=True, default="", max_length=60, verbose_name="Korean name")),
                (
                    "reason_name_en",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="English name"),
                ),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[("buyer", "Buyer"), ("shop", "Shop"), ("carrier", "Carrier"), ("pg", "PG")],
                        default="",
                        max_length=10,
                        verbose_name="fault",
                    ),
                ),
                ("language", models.CharField(blank=True, max_length=20)),
                ("file_hash", models.CharField(blank=True, editable=False, max_length=64)),
                ("all_or_nothing", models.BooleanField(default=False, verbose_name="all or nothing")),
                ("pause_code", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made at")),
                ("checked_at", models.DateTimeField(blank=True, null=True, verbose_name="checked at")),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started at")),
                ("active_at", models.DateTimeField(editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                ("mailed_at", models.DateTimeField(editable=False, null=True)),
                ("mail_tried_at", models.DateTimeField(editable=False, null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                (
                    "retry_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="retries",
                        to="refunds.refundbatch",
                    ),
                ),
            ],
            options={
                "verbose_name": "bulk refund",
                "verbose_name_plural": "bulk refunds",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="RefundApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason_code", models.CharField(blank=True, default="", max_length=40, verbose_name="reason code")),
                ("reason_name_ko", models.CharField(blank=True, default="", max_length=60, verbose_name="Korean name")),
                (
                    "reason_name_en",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="English name"),
                ),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[("buyer", "Buyer"), ("shop", "Shop"), ("carrier", "Carrier"), ("pg", "PG")],
                        default="",
                        max_length=10,
                        verbose_name="fault",
                    ),
                ),
                (
                    "number",
                    models.CharField(
                        default=refunds.models.refund_numbers.new_approval_number,
                        editable=False,
                        max_length=16,
                        unique=True,
                        verbose_name="approval number",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for approval"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("expired", "Expired"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("api", "Storefront"),
                            ("command", "Command line"),
                            ("console", "i'mport console"),
                        ],
                        max_length=10,
                        verbose_name="source",
                    ),
                ),
                ("requested_by_name", models.CharField(max_length=200, verbose_name="requested by")),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("per_refund", "Amount of one refund"),
                            ("per_day", "Total of one person and day"),
                            ("per_batch", "Total of one bulk refund"),
                            ("currency", "Currency other than won"),
                        ],
                        max_length=10,
                        verbose_name="limit",
                    ),
                ),
                (
                    "limit_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=16, verbose_name="amount of the limit"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="amount"),
                ),
                (
                    "balance",
                    models.DecimalField(
                        blank=True,
                        decimal_places=3,
                        max_digits=16,
                        null=True,
                        verbose_name="refundable when it was requested",
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                ("totals", models.JSONField(blank=True, default=dict, verbose_name="totals")),
                ("orders", models.PositiveIntegerField(default=1, verbose_name="orders")),
                (
                    "tax_free",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="tax-free part"
                    ),
                ),
                (
                    "vat_amount",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="VAT part"
                    ),
                ),
                ("retain_promotion", models.BooleanField(null=True, verbose_name="promotion kept")),
                ("reason", models.CharField(blank=True, max_length=255, verbose_name="reason")),
                ("requester", models.CharField(blank=True, max_length=10, verbose_name="requester (Naver Pay)")),
                ("encrypted_account", models.TextField(blank=True, default="", editable=False)),
                (
                    "refund_bank",
                    models.CharField(blank=True, help_text="Standard bank code", max_length=3, verbose_name="bank"),
                ),
                (
                    "refund_account_last4",
                    models.CharField(blank=True, max_length=4, verbose_name="account, last digits"),
                ),
                ("confirmed", models.JSONField(blank=True, default=list)),
                ("warnings", models.JSONField(blank=True, default=list)),
                ("idempotency_key", models.CharField(blank=True, editable=False, max_length=255, null=True)),
                ("fingerprint", models.CharField(blank=True, editable=False, max_length=64)),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("decided_by_name", models.CharField(blank=True, max_length=200, verbose_name="decided by")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                ("note", models.CharField(blank=True, max_length=1000, verbose_name="note of the decision")),
                (
                    "closed_code",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("expired", "Nobody decided in time."),
                            ("balance_changed", "The refundable amount has changed since it was requested."),
                            ("rules_changed", "The refund is no longer possible as it was requested."),
                            ("requester_gone", "The requester is no longer allowed to refund."),
                            ("withdrawn", "The requester withdrew it."),
                        ],
                        max_length=20,
                        verbose_name="ended because",
                    ),
                ),
                ("mailed_status", models.CharField(blank=True, editable=False, max_length=10)),
                ("mail_tried_at", models.DateTimeField(editable=False, null=True)),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="refunds.refundbatch",
                        verbose_name="bulk refund",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requested_approvals",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by (account)",
                    ),
                ),
                (
                    "api_token",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.apitoken",
                        verbose_name="API token",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decided_approvals",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by (account)",
                    ),
                ),
            ],
            options={
                "verbose_name": "approval",
                "verbose_name_plural": "approvals",
                "ordering": ("-requested_at", "-id"),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-requested_at", "-id"], name="approval_newest"),
                    models.Index(
                        condition=models.Q(("status", "waiting")), fields=["requested_at"], name="approval_waiting"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["waiting", "approved", "rejected", "expired", "withdrawn"])),
                        name="approval_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("amount__isnull", False),
                                ("balance__isnull", False),
                                ("batch", None),
                                ("payment__isnull", False),
                                models.Q(("currency", ""), _negated=True),
                            ),
                            models.Q(
                                ("amount", None),
                                ("balance", None),
                                ("batch__isnull", False),
                                ("currency", ""),
                                ("payment", None),
                            ),
                            _connector="OR",
                        ),
                        name="approval_of_payment_or_batch",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount", None), ("amount__gt", 0), _connector="OR"),
                        name="approval_amount_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("requested_by", None), ("source", "command")),
                            models.Q(models.Q(("source", "command"), _negated=True), ("requested_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="approval_has_a_requester",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("requested_by", None),
                            ("decided_by", None),
                            models.Q(("requested_by", models.F("decided_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="approval_by_second_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at", None), ("decided_by", None), ("status", "waiting")),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("status__in", ["approved", "rejected"]),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by", None),
                                ("status__in", ["expired", "withdrawn"]),
                            ),
                            _connector="OR",
                        ),
                        name="approval_decision_has_a_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ["expired", "withdrawn"]), models.Q(("closed_code", ""), _negated=True)
                            ),
                            models.Q(("closed_code", ""), ("status__in", ["waiting", "approved", "rejected"])),
                            _connector="OR",
                        ),
                        name="approval_end_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status", "waiting"), ("encrypted_account", ""), _connector="OR"),
                        name="approval_account_erased",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "waiting")),
                        fields=("payment",),
                        name="one_waiting_approval_per_payment",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "waiting")),
                        fields=("batch",),
                        name="one_waiting_approval_per_batch",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key__isnull", False)),
                        fields=("requested_by", "idempotency_key"),
                        name="approval_key_used_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key__isnull", False), ("requested_by", None)),
                        fields=("idempotency_key",),
                        name="approval_command_key_used_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BatchPace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("next_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="RefundBatchEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="time")),
                ("code", models.CharField(max_length=40, verbose_name="event")),
                ("actor", models.CharField(blank=True, max_length=200, verbose_name="by")),
                ("data", models.JSONField(blank=True, default=dict, verbose_name="details")),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="refunds.refundbatch"
                    ),
                ),
            ],
            options={
                "verbose_name": "event of a bulk refund",
                "verbose_name_plural": "events of bulk refunds",
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="RefundRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.CharField(
                        default=refunds.models.refund_numbers.new_refund_number,
                        editable=False,
                        max_length=16,
                        unique=True,
                        verbose_name="refund number",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Refund in progress"),
                            ("pending", "Waiting for the PG"),
                            ("unknown", "Outcome unknown"),
                            ("succeeded", "Refunded"),
                            ("failed", "Refund failed"),
                        ],
                        default="requested",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("api", "Storefront"),
                            ("command", "Command line"),
                            ("console", "i'mport console"),
                        ],
                        max_length=10,
                        verbose_name="source",
                    ),
                ),
                ("requested_by_name", models.CharField(blank=True, max_length=200, verbose_name="requested by")),
                ("amount", models.DecimalField(decimal_places=3, max_digits=16, verbose_name="requested amount")),
                (
                    "checksum",
                    models.DecimalField(decimal_places=3, max_digits=16, verbose_name="refundable before this refund"),
                ),
                (
                    "cancelled_amount",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="refunded amount"
                    ),
                ),
                (
                    "reversed_amount",
                    models.DecimalField(
                        db_default=Decimal("0"),
                        decimal_places=3,
                        default=Decimal("0"),
                        editable=False,
                        max_digits=16,
                        verbose_name="reversed amount",
                    ),
                ),
                (
                    "tax_free",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="tax-free part"
                    ),
                ),
                (
                    "vat_amount",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="VAT part"
                    ),
                ),
                ("retain_promotion", models.BooleanField(null=True, verbose_name="promotion kept")),
                ("reason", models.CharField(blank=True, max_length=255, verbose_name="reason")),
                ("reason_code", models.CharField(blank=True, default="", max_length=40, verbose_name="reason code")),
                ("reason_name_ko", models.CharField(blank=True, default="", max_length=60, verbose_name="Korean name")),
                (
                    "reason_name_en",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="English name"),
                ),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[("buyer", "Buyer"), ("shop", "Shop"), ("carrier", "Carrier"), ("pg", "PG")],
                        default="",
                        max_length=10,
                        verbose_name="fault",
                    ),
                ),
                ("requester", models.CharField(blank=True, max_length=10, verbose_name="requester (Naver Pay)")),
                (
                    "refund_bank",
                    models.CharField(blank=True, help_text="Standard bank code", max_length=3, verbose_name="bank"),
                ),
                (
                    "refund_account_last4",
                    models.CharField(blank=True, max_length=4, verbose_name="account, last digits"),
                ),
                ("cancellation_id", models.CharField(blank=True, max_length=160, verbose_name="cancellation number")),
                ("pg_tid", models.CharField(blank=True, max_length=100, verbose_name="PG transaction")),
                ("receipt_url", models.CharField(blank=True, max_length=500, verbose_name="receipt")),
                ("cancelled_at", models.DateTimeField(blank=True, null=True, verbose_name="refunded at")),
                ("expected_by", models.DateField(blank=True, null=True, verbose_name="usually arrives by")),
                (
                    "not_received_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="not received by the buyer"),
                ),
                ("error_code", models.CharField(blank=True, max_length=40, verbose_name="error code")),
                (
                    "refusal_class",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("already_cancelled", "Already cancelled"),
                            ("already_running", "A cancel is running"),
                            ("settlement_short", "Not enough settlement money"),
                            ("shop_limit", "Limit of the shop reached"),
                            ("period_over", "Too late to cancel"),
                            ("not_in_part", "Not refundable in part"),
                            ("buyer_confirmed", "Purchase confirmed by the buyer"),
                            ("account_wrong", "Refund account rejected"),
                            ("use_plain_cancel", "Cancel without an account"),
                            ("receipt_first", "Cash receipt not cancelled"),
                            ("not_allowed", "Not allowed by contract or setting"),
                            ("pg_down", "PG or bank unavailable"),
                            ("other", "Other"),
                        ],
                        max_length=20,
                        verbose_name="refusal",
                    ),
                ),
                ("refusal_step", models.CharField(blank=True, max_length=20, verbose_name="next step")),
                ("message", models.TextField(blank=True, verbose_name="message")),
                ("needs_review", models.BooleanField(default=False, verbose_name="needs review")),
                ("checks", models.PositiveIntegerField(default=0, verbose_name="automatic comparisons")),
                ("next_check_at", models.DateTimeField(blank=True, null=True, verbose_name="next comparison")),
                ("idempotency_key", models.CharField(blank=True, editable=False, max_length=255, null=True)),
                ("fingerprint", models.CharField(blank=True, editable=False, max_length=64)),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("settled_at", models.DateTimeField(blank=True, null=True, verbose_name="settled at")),
                (
                    "api_token",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="access.apitoken",
                        verbose_name="API token",
                    ),
                ),
                (
                    "late_for",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="late_record",
                        to="refunds.refundrecord",
                        verbose_name="refund executed late",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by (account)",
                    ),
                ),
                (
                    "approval",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="refunds.refundapproval",
                        verbose_name="approval",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
                "ordering": ("-requested_at", "-id"),
                "permissions": (
                    ("refund_payment", "Can refund payments"),
                    ("approve_refund", "Can approve refunds of others"),
                    ("resolve_refund", "Can close refunds that need review"),
                    ("view_account", "Can view full refund accounts"),
                    ("accept_reversal", "Can accept refund reversals"),
                ),
            },
        ),
        migrations.CreateModel(
            name="RefundEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="time")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Refund in progress"),
                            ("pending", "Waiting for the PG"),
                            ("unknown", "Outcome unknown"),
                            ("succeeded", "Refunded"),
                            ("failed", "Refund failed"),
                        ],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("code", models.CharField(max_length=40, verbose_name="event")),
                ("message", models.TextField(blank=True, verbose_name="message")),
                ("actor", models.CharField(blank=True, max_length=200, verbose_name="by")),
                ("data", models.JSONField(blank=True, default=dict, verbose_name="details")),
                (
                    "refund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="refunds.refundrecord",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund event",
                "verbose_name_plural": "refund events",
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="RefundBatchItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField(null=True, verbose_name="line")),
                ("number", models.CharField(blank=True, max_length=255, verbose_name="order")),
                ("amount", models.DecimalField(blank=True, decimal_places=3, max_digits=16, null=True)),
                ("tax_free", models.DecimalField(blank=True, decimal_places=3, max_digits=16, null=True)),
                ("vat_amount", models.DecimalField(blank=True, decimal_places=3, max_digits=16, null=True)),
                ("expected_balance", models.DecimalField(blank=True, decimal_places=3, max_digits=16, null=True)),
                ("fee", models.DecimalField(decimal_places=3, default=Decimal("0"), max_digits=16)),
                ("requester", models.CharField(default="admin", max_length=10)),
                ("retain_promotion", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, max_length=255, verbose_name="reason")),
                ("reason_code", models.CharField(blank=True, default="", max_length=40, verbose_name="reason code")),
                ("reason_name_ko", models.CharField(blank=True, default="", max_length=60, verbose_name="Korean name")),
                (
                    "reason_name_en",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="English name"),
                ),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[("buyer", "Buyer"), ("shop", "Shop"), ("carrier", "Carrier"), ("pg", "PG")],
                        default="",
                        max_length=10,
                        verbose_name="fault",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=255, verbose_name="note")),
                ("warnings", models.JSONField(blank=True, default=list)),
                ("confirmed", models.JSONField(blank=True, default=list)),
                ("excluded", models.BooleanField(default=False)),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("done_at", models.DateTimeField(editable=False, null=True)),
                ("encrypted_account", models.TextField(blank=True, default="", editable=False)),
                ("encrypted_row", models.TextField(blank=True, default="", editable=False)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error_field", models.CharField(blank=True, max_length=40)),
                ("error_value", models.CharField(blank=True, max_length=255)),
                ("message", models.TextField(blank=True)),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="refunds.refundbatch"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.payment",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="refunds.refundrecord",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="RefundAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("encrypted", models.TextField(editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "refund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stored_account",
                        to="refunds.refundrecord",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund account",
                "verbose_name_plural": "refund accounts",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="IdempotentAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("http_status", models.PositiveSmallIntegerField()),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "refund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stored_answer",
                        to="refunds.refundrecord",
                    ),
                ),
            ],
            options={
                "verbose_name": "stored response",
                "verbose_name_plural": "stored responses",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RefundReversal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.DecimalField(decimal_places=3, max_digits=16, verbose_name="amount")),
                ("reason", models.CharField(max_length=500, verbose_name="reason")),
                ("accepted_by_name", models.CharField(max_length=200, verbose_name="accepted by")),
                ("seen_at", models.DateTimeField(verbose_name="first seen")),
                ("created_at", models.DateTimeField(verbose_name="accepted at")),
                (
                    "accepted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="accepted by (account)",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversals",
                        to="refunds.refundrecord",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund reversal",
                "verbose_name_plural": "refund reversals",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=2000, verbose_name="note")),
                ("author_name", models.CharField(max_length=200, verbose_name="author")),
                ("token", models.UUIDField(editable=False, unique=True)),
                ("created_at", models.DateTimeField(verbose_name="written at")),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author (account)",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="refunds.refundrecord",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "ordering": ("created_at", "id"),
                "default_permissions": ("add",),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("text", ""), _negated=True), name="note_has_text")
                ],
            },
        ),
        migrations.CreateModel(
            name="Discrepancy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("imp_uid", models.CharField(max_length=32, verbose_name="payment number")),
                ("merchant_uid", models.CharField(max_length=40, verbose_name="order")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing_here", "Payment missing here"),
                            ("missing_there", "Payment not found at i'mport"),
                            ("refunded", "Refunded amount differs"),
                            ("records", "Number of refunds differs"),
                            ("amount", "Paid amount differs"),
                            ("status", "Status differs"),
                            ("open_refund", "Refund still open"),
                        ],
                        max_length=20,
                        verbose_name="discrepancy",
                    ),
                ),
                ("ours", models.CharField(blank=True, max_length=100, verbose_name="here")),
                ("theirs", models.CharField(blank=True, max_length=100, verbose_name="at i'mport")),
                ("currency", models.CharField(default="KRW", max_length=3, verbose_name="currency")),
                (
                    "refunded_here",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=16, verbose_name="refunded here"
                    ),
                ),
                (
                    "refunded_there",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=16, verbose_name="refunded at i'mport"
                    ),
                ),
                ("is_waiting", models.BooleanField(default=False, editable=False)),
                ("repaired", models.BooleanField(default=False, verbose_name="repaired")),
                ("repair_requested_at", models.DateTimeField(editable=False, null=True)),
                ("repair_outcome", models.CharField(blank=True, max_length=20)),
                ("repair_message", models.TextField(blank=True)),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="discrepancies",
                        to="refunds.reconciliationreport",
                    ),
                ),
            ],
            options={
                "verbose_name": "discrepancy",
                "verbose_name_plural": "discrepancies",
                "ordering": ("id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("repair_requested_at__isnull", False)),
                        fields=["repair_requested_at"],
                        name="discrepancies_to_repair",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "missing_here",
                                    "missing_there",
                                    "refunded",
                                    "records",
                                    "amount",
                                    "status",
                                    "open_refund",
                                ],
                            )
                        ),
                        name="discrepancy_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_waiting", False), ("kind", "open_refund"), _connector="OR"),
                        name="discrepancy_waiting_is_open_refund",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="refundbatch",
            index=models.Index(
                condition=models.Q(("status__in", ("running", "paused"))), fields=["id"], name="started_batches"
            ),
        ),
        migrations.AddIndex(
            model_name="refundbatch",
            index=models.Index(fields=["status", "-id"], name="batches_by_status"),
        ),
        migrations.AddConstraint(
            model_name="refundbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "checked", "awaiting", "running", "paused", "done", "cancelled"])
                ),
                name="batch_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("started_at__isnull", False),
                    ("status__in", ("draft", "checked", "awaiting", "cancelled")),
                    _connector="OR",
                ),
                name="batch_running_was_started",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("pause_code", ""), ("status", "paused"), _connector="OR"),
                name="batch_pause_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundbatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("file_hash", ""), _negated=True), models.Q(("status", "cancelled"), _negated=True)
                ),
                fields=("file_hash",),
                name="file_read_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundbatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "cancelled"), _negated=True),
                fields=("retry_of",),
                name="batch_retried_once",
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(fields=["-requested_at", "-id"], name="refund_newest"),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("status__in", ["requested", "pending", "unknown"])),
                fields=["requested_at"],
                name="refund_unresolved",
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("needs_review", True)), fields=["requested_at"], name="refund_needs_review"
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(fields=["cancelled_at"], name="refund_done"),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(fields=["settled_at"], name="refund_settled"),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(fields=["amount"], name="refund_by_amount"),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("reason_code", ""), _negated=True),
                fields=["reason_code", "-requested_at"],
                name="refund_by_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("api_token__isnull", False)),
                fields=["api_token", "requested_at"],
                name="refund_by_token",
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("approval__isnull", False)), fields=["approval"], name="refund_by_approval"
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.UniqueConstraint(
                condition=models.Q(("approval__isnull", False), models.Q(("status", "failed"), _negated=True)),
                fields=("approval", "payment"),
                name="refund_approved_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["requested", "pending", "unknown"])),
                fields=("payment",),
                name="one_live_refund_per_payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cancellation_id", ""), _negated=True),
                fields=("payment", "cancellation_id"),
                name="cancellation_booked_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False)),
                fields=("requested_by", "idempotency_key"),
                name="idempotency_key_used_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False), ("requested_by", None)),
                fields=("idempotency_key",),
                name="command_key_used_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="refund_amount_positive"),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["requested", "pending", "unknown", "succeeded", "failed"])),
                name="refund_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cancelled_amount__gt", 0),
                        ("cancelled_amount__isnull", False),
                        ("settled_at__isnull", False),
                        ("status", "succeeded"),
                    ),
                    models.Q(("cancelled_amount__isnull", True), ("settled_at__isnull", False), ("status", "failed")),
                    models.Q(
                        ("cancelled_amount__isnull", True),
                        ("settled_at__isnull", True),
                        ("status__in", ["requested", "pending", "unknown"]),
                    ),
                    _connector="OR",
                ),
                name="refund_amount_matches_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reversed_amount", 0),
                    models.Q(
                        ("reversed_amount__gt", 0),
                        ("reversed_amount__lte", models.F("cancelled_amount")),
                        ("status", "succeeded"),
                    ),
                    _connector="OR",
                ),
                name="refund_reversed_within_refunded",
            ),
        ),
        migrations.AddIndex(
            model_name="refundbatchitem",
            index=models.Index(
                condition=models.Q(("error_code", ""), ("refund", None)),
                fields=["batch", "attempts", "id"],
                name="unfinished_batch_items",
            ),
        ),
        migrations.AddIndex(
            model_name="refundbatchitem",
            index=models.Index(fields=["batch", "-done_at"], name="batch_items_by_outcome"),
        ),
        migrations.AddConstraint(
            model_name="refundbatchitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("excluded", False)), fields=("batch", "payment"), name="payment_once_per_batch"
            ),
        ),
        migrations.AddConstraint(
            model_name="refundbatchitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("encrypted_account", ""),
                    models.Q(("error_code", ""), ("refund", None)),
                    ("excluded", True),
                    _connector="OR",
                ),
                name="batch_item_with_outcome_has_no_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundbatchitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("excluded", False), ("payment__isnull", False)),
                    models.Q(("excluded", True), ("refund", None), models.Q(("error_code", ""), _negated=True)),
                    _connector="OR",
                ),
                name="batch_item_has_payment_or_problem",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundreversal",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="reversal_amount_positive"),
        ),
        migrations.AddConstraint(
            model_name="refundreversal",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="reversal_has_a_reason"
            ),
        ),
        migrations.CreateModel(
            name="StatementMonth",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False, verbose_name="month")),
                ("closed_at", models.DateTimeField(verbose_name="closed at")),
                ("closed_by_name", models.CharField(max_length=200, verbose_name="closed by")),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="note")),
                ("despite_difference", models.BooleanField(default=False, verbose_name="closed without agreement")),
                (
                    "lines",
                    models.JSONField(
                        default=list, editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder
                    ),
                ),
                (
                    "comparison",
                    models.JSONField(
                        default=dict, editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="closed by (account)",
                    ),
                ),
            ],
            options={
                "verbose_name": "closed month",
                "verbose_name_plural": "closed months",
                "ordering": ("-month",),
                "permissions": (("close_month", "Can close months"),),
                "default_permissions": (),
                "constraints": (
                    models.CheckConstraint(
                        condition=models.Q(("month__day", 1)), name="statement_month_is_a_first_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("closed_by_name", ""), _negated=True),
                        name="statement_month_closed_by_somebody",
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="StatementEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("paid", "Paid"), ("refunded", "Refunded"), ("reversed", "Reversed")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="date")),
                ("pg_provider", models.CharField(blank=True, max_length=32, verbose_name="PG")),
                ("pay_method", models.CharField(blank=True, max_length=32, verbose_name="method")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount", models.DecimalField(decimal_places=3, max_digits=16, verbose_name="amount")),
                (
                    "fee",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=16, verbose_name="transfer fee (KRW)"
                    ),
                ),
                ("vat", models.DecimalField(decimal_places=3, max_digits=16, null=True, verbose_name="VAT part")),
                (
                    "tax_free",
                    models.DecimalField(decimal_places=3, max_digits=16, null=True, verbose_name="tax-free part"),
                ),
                (
                    "month",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="refunds.statementmonth",
                        verbose_name="month",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="refunds.refundrecord",
                        verbose_name="refund",
                    ),
                ),
                (
                    "reversal",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="refunds.refundreversal",
                        verbose_name="refund reversal",
                    ),
                ),
            ],
            options={
                "verbose_name": "movement of a closed month",
                "verbose_name_plural": "movements of closed months",
                "ordering": ("id",),
                "default_permissions": (),
                "constraints": (
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "paid")), fields=("payment",), name="payment_in_one_month"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "refunded")), fields=("refund",), name="refund_in_one_month"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "reversed")), fields=("reversal",), name="reversal_in_one_month"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "paid"), ("refund", None), ("reversal", None)),
                            models.Q(("kind", "refunded"), ("refund__isnull", False), ("reversal", None)),
                            models.Q(("kind", "reversed"), ("refund__isnull", False), ("reversal__isnull", False)),
                            _connector="OR",
                        ),
                        name="statement_entry_kind_matches",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("tax_free", None), ("vat", None)),
                            models.Q(("tax_free__isnull", False), ("vat__isnull", False)),
                            _connector="OR",
                        ),
                        name="statement_entry_parts_together",
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="BusinessDayException",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(unique=True, verbose_name="day")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("is_business_day", models.BooleanField(default=False, verbose_name="banks are open")),
            ],
            options={
                "verbose_name": "business day exception",
                "verbose_name_plural": "business day exceptions",
                "ordering": ("-day",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="BuyerNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("refunded", "Refunded"),
                            ("accepted", "Accepted by the PG"),
                            ("refused", "Refund failed"),
                            ("late", "Takes longer than usual"),
                        ],
                        max_length=10,
                        verbose_name="kind of e-mail",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("failed", "Not sent"),
                            ("skipped", "Not needed"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True, choices=[("ko", "Korean"), ("en", "English")], max_length=2, verbose_name="language"
                    ),
                ),
                ("to", models.CharField(blank=True, max_length=254, verbose_name="recipient")),
                ("subject", models.CharField(blank=True, max_length=500, verbose_name="subject")),
                ("body_text", models.TextField(blank=True, verbose_name="text")),
                ("body_html", models.TextField(blank=True, verbose_name="HTML")),
                ("error", models.TextField(blank=True, verbose_name="reason")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("resends", models.PositiveIntegerField(default=0, verbose_name="sent again")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="written at"),
                ),
                ("next_try_at", models.DateTimeField(verbose_name="next attempt")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                (
                    "refund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="refunds.refundrecord",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "e-mail to a buyer",
                "verbose_name_plural": "e-mails to buyers",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="NoticeSettings",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("on_since", models.DateTimeField(blank=True, editable=False, null=True)),
                ("kinds", models.JSONField(blank=True, default=list, verbose_name="kinds of e-mails")),
                ("shop", models.CharField(blank=True, max_length=100, verbose_name="name of the shop")),
                ("sender", models.EmailField(blank=True, max_length=254, verbose_name="sender address")),
                ("reply_to", models.EmailField(blank=True, max_length=254, verbose_name="address for replies")),
                (
                    "language",
                    models.CharField(
                        choices=[("ko", "Korean"), ("en", "English")],
                        default="ko",
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
            ],
            options={
                "verbose_name": "settings of e-mails to buyers",
                "verbose_name_plural": "settings of e-mails to buyers",
                "permissions": (("manage_notices", "Can edit e-mails to buyers and business days"),),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="NoticeText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("refunded", "Refunded"),
                            ("accepted", "Accepted by the PG"),
                            ("refused", "Refund failed"),
                            ("late", "Takes longer than usual"),
                        ],
                        max_length=10,
                        verbose_name="kind of e-mail",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("ko", "Korean"), ("en", "English")], max_length=2, verbose_name="language"
                    ),
                ),
                ("subject", models.CharField(max_length=150, verbose_name="subject")),
                ("body", models.TextField(verbose_name="text")),
            ],
            options={
                "verbose_name": "wording of an e-mail to buyers",
                "verbose_name_plural": "wordings of e-mails to buyers",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("not_received_at__isnull", False)),
                fields=["not_received_at"],
                name="refund_not_received",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "succeeded"), models.Q(("expected_by", None), ("not_received_at", None)), _connector="OR"
                ),
                name="refund_arrives_once_succeeded",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticesettings",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="notice_settings_is_one_row"),
        ),
        migrations.AddConstraint(
            model_name="noticetext",
            constraint=models.UniqueConstraint(fields=("kind", "language"), name="one_wording_per_kind_and_language"),
        ),
        migrations.AddConstraint(
            model_name="noticetext",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("subject", ""), _negated=True), models.Q(("body", ""), _negated=True)),
                name="notice_text_not_empty",
            ),
        ),
        migrations.AddIndex(
            model_name="buyernotice",
            index=models.Index(condition=models.Q(("status", "waiting")), fields=["next_try_at"], name="notice_due"),
        ),
        migrations.AddIndex(
            model_name="buyernotice",
            index=models.Index(fields=["status", "-id"], name="notice_by_status"),
        ),
        migrations.AddIndex(
            model_name="buyernotice",
            index=models.Index(
                condition=models.Q(("body_text", ""), _negated=True), fields=["next_try_at"], name="notice_with_text"
            ),
        ),
        migrations.AddConstraint(
            model_name="buyernotice",
            constraint=models.UniqueConstraint(fields=("refund", "kind"), name="one_notice_per_refund_and_kind"),
        ),
        migrations.AddConstraint(
            model_name="buyernotice",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["refunded", "accepted", "refused", "late"])), name="notice_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="buyernotice",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["waiting", "sent", "failed", "skipped"])), name="notice_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="buyernotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "sent"), _negated=True),
                    models.Q(("sent_at__isnull", False), models.Q(("to", ""), _negated=True)),
                    _connector="OR",
                ),
                name="notice_sent_to_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="buyernotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["failed", "skipped"]), _negated=True),
                    models.Q(("error", ""), _negated=True),
                    _connector="OR",
                ),
                name="notice_not_sent_has_a_reason",
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_reasons, migrations.RunPython.noop),
    ]
