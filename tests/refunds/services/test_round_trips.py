"""How often a refund calls i'mport: once, but for PAYCO, whose balance is read first."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from payments.gateway import get_gateway
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.errors import PolicyViolated
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund
from tests.factories import ACCOUNT, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

TEL = {"refund_tel": "010-1234-5678"}
PAYCO = {"pg_provider": "payco", "pay_method": "payco"}


def refund(payment: Payment, amount: int | None = None, **fields: Any) -> RefundRecord:
    request = RefundRequest(amount=None if amount is None else Decimal(amount), **{"reason": "size", **fields})
    return request_refund(payment=payment, request=request, actor=Actor("tester"), source=RefundSource.COMMAND)


def calls(sandbox: SandboxServer) -> list[str]:
    """Return the calls for money and its parts, without the token that is shared by all."""
    return [call["endpoint"] for call in sandbox.log() if call["endpoint"] not in ("getToken", "payments", "payment")]


@pytest.mark.parametrize(
    ("pg_provider", "pay_method"),
    [
        *((pg, "card") for pg in ("uplus", "html5_inicis", "kcp", "kicc", "nice", "nice_v2", "tosspayments")),
        *((pg, pg) for pg in ("kakaopay", "naverpay")),
        ("tosspay_v2", "tosspay"),
        ("welcome", "card"),
    ],
)
@pytest.mark.parametrize("amount", [4_000, None])
def test_a_refund_is_one_call(sandbox: SandboxServer, pg_provider: str, pay_method: str, amount: int | None) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider=pg_provider, pay_method=pay_method)
    before = len(sandbox.log())
    refund(payment, amount)
    assert [call["endpoint"] for call in sandbox.log()[before:] if call["endpoint"] != "getToken"] == ["cancel"]


@pytest.mark.parametrize("amount", [4_000, None])
def test_a_refund_to_an_account_asks_the_bank_first(sandbox: SandboxServer, amount: int | None) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider="smartro_v2", pay_method="vbank")
    refund(payment, amount, **ACCOUNT, **TEL)
    assert calls(sandbox) == ["holder", "cancel"]


@pytest.mark.parametrize("amount", [4_000, None])
def test_a_refund_at_payco_is_two(sandbox: SandboxServer, amount: int | None) -> None:
    payment = paid_at_sandbox(sandbox, **PAYCO)
    refund(payment, amount)
    assert calls(sandbox) == ["balance", "cancel"]


def test_paycos_balance_asks_for_the_tax_free_part_and_gives_the_rest_of_it(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, **PAYCO, tax_free=3_000)
    with pytest.raises(PolicyViolated, match="tax-free"):
        refund(payment, 4_000)
    assert refund(payment, 4_000, tax_free=Decimal(1_000)).tax_free == 1_000
    payment.refresh_from_db()
    assert refund(payment).tax_free == 2_000
    assert sandbox.log("cancel")[-1]["params"]["tax_free"] == 2_000


def test_a_preview_without_paycos_balance_goes_on(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, **PAYCO)
    sandbox.fault("balance", "http_500", times=1)
    assert preview_refund(payment=payment, request=RefundRequest()).problems == ()


def test_a_balance_from_before_another_cancel_does_not_count(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_at_sandbox(sandbox, **PAYCO, tax_free=3_000)
    gateway = get_gateway()
    read = gateway.balance

    def cancelled_meanwhile(imp_uid: str) -> Any:
        balance = read(imp_uid)
        monkeypatch.setattr(gateway, "balance", read)
        refund(Payment.objects.get(pk=payment.pk), 2_000, tax_free=Decimal(2_000))
        return balance

    monkeypatch.setattr(gateway, "balance", cancelled_meanwhile)
    record = refund(payment, 1_000, tax_free=Decimal(0))
    assert (record.checksum, record.tax_free) == (8_000, 0)


def test_stated_parts_are_sent_and_their_rest_follows_from_the_refunds(
    sandbox: SandboxServer, settings: Settings
) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({"mixed_tax:nice"})
    payment = paid_at_sandbox(sandbox, pg_provider="nice", tax_free=3_000, vat_amount=636)
    with pytest.raises(PolicyViolated, match="tax-free"):
        refund(payment)
    payment.tax_free, payment.vat_amount = Decimal(3_000), Decimal(636)
    payment.save()
    refund(payment, 4_000, tax_free=Decimal(1_000), vat_amount=Decimal(272))
    payment.refresh_from_db()
    record = refund(payment)
    assert (record.tax_free, record.vat_amount) == (2_000, 364)
    assert calls(sandbox) == ["cancel", "cancel"]


def test_a_console_cancel_makes_the_rest_of_the_stated_parts_unknown(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider="kcp", tax_free=3_000)
    sandbox.console_cancel(payment.imp_uid, 1_000, "in the console")
    Payment.objects.update(tax_free=Decimal(3_000))
    list(sync_by_id([payment.imp_uid]))
    payment.refresh_from_db()
    problems = preview_refund(payment=payment, request=RefundRequest()).problems
    assert [problem.code for problem in problems] == ["tax_free_required"]
    assert refund(payment, 2_000, tax_free=Decimal(0)).tax_free == 0
