"""The tax parts of a cancel: what each PG asks for, and what it counts."""

from __future__ import annotations

from decimal import Decimal

from sandbox.server.cases import CancelCase

REQUIRED_TAX_FREE = {"kcp", "kcp_quick", "kicc", "nice", "payco", "toss_brandpay"}
REQUIRED_VAT = {"nice", "nice_v2", "html5_inicis"}
NO_PARTS = {"settle", "paypal", "paypal_v2"}
CARD_AND_EASY_PAY_ONLY = {"daou", "mobilians"}
OTHER_METHODS = {"trans", "vbank", "phone", "cultureland", "smartculture", "booknlife", "culturegift"}
SPOILT = "결제취소에 실패하였습니다. (requested cancel amount is bigger than cancelable amount)"
ZERO = Decimal(0)


def is_mixed(case: CancelCase) -> bool:
    """Tell whether the MID is for taxable and tax-free goods; only there `tax_free` counts."""
    return case.payment.tax_free > 0 or case.pg in case.mixed_mids


def takes_parts(case: CancelCase) -> bool:
    """Tell whether the PG counts parts of this cancel at all; some compute them by themselves."""
    method, wallet = case.payment.pay_method, case.payment.emb_pg_provider
    if case.pg in NO_PARTS or (case.pg in CARD_AND_EASY_PAY_ONLY and method in OTHER_METHODS):
        return False
    if case.pg == "daou":
        return not (case.partial and {method, wallet} & {"kakaopay", "payco"})
    if case.pg == "mobilians":
        return "payco" not in {method, wallet} and not case.done_count
    return True


def takes_tax_free(case: CancelCase) -> bool:
    """Tell whether `tax_free` counts in this cancel."""
    return is_mixed(case) and takes_parts(case) and (case.pg != "smartro_v2" or case.partial)


def takes_vat(case: CancelCase) -> bool:
    """Tell whether `vat_amount` counts in this cancel."""
    if case.pg == "tosspay_v2":
        return case.partial and case.payment.vat_amount is not None
    if case.pg == "welcome":
        return case.payment.vat_amount is not None
    return case.pg in REQUIRED_VAT | {"mobilians"} and takes_parts(case)


def tax_free_problem(case: CancelCase) -> str | None:
    """Require a tax-free part that fits, where the PG counts it."""
    given = case.params.amount("tax_free")
    if not takes_tax_free(case) or case.pg == "welcome":
        return None
    if given is None:
        required = case.pg in REQUIRED_TAX_FREE or (case.pg == "smartro_v2" and not _unchecked(case))
        return "면세금액(tax_free)이 필요한 결제건입니다." if required and case.payment.tax_free > 0 else None
    taxable_left = case.left.asked - case.left.tax_free
    if _unchecked(case):
        return None
    if given > case.asked or given > case.left.tax_free or case.asked - given > taxable_left:
        return "면세금액(tax_free)이 취소 가능한 금액과 맞지 않습니다."
    return None


def vat_problem(case: CancelCase) -> str | None:
    """Require the VAT part that was given at payment, where the PG asks for it."""
    if case.payment.vat_went_wrong and case.partial:
        return SPOILT
    given = case.params.amount("vat_amount")
    if not takes_vat(case) or case.pg == "welcome":
        return None
    if given is None:
        required = case.pg in REQUIRED_VAT and case.payment.vat_amount is not None
        return "부가세(vat_amount)가 필요한 결제건입니다." if required else None
    if given > case.left.vat or given > case.asked - (case.params.amount("tax_free") or 0):
        return "부가세(vat_amount)가 취소 가능한 금액보다 큽니다."
    return None


def counted_tax_free(case: CancelCase) -> Decimal | None:
    """Return the tax-free part that the PG books; None leaves the rest as it is."""
    given = case.params.amount("tax_free")
    if case.pg == "html5_inicis" and is_mixed(case) and given is None:
        return case.asked  # a mixed MID of Inicis takes a missing part as "all of it"
    if not takes_tax_free(case) or (given is None and case.asked == case.left.asked):
        return None if is_mixed(case) else ZERO
    return given or ZERO


def counted_vat(case: CancelCase) -> Decimal | None:
    """Return the VAT that the PG books; None computes it."""
    return case.params.amount("vat_amount") if takes_vat(case) else None


def spoils_vat(case: CancelCase) -> bool:
    """Tell whether a partial cancel leaves a VAT at the PG that a later partial one no longer fits."""
    given = case.params.amount("vat_amount")
    if not case.partial:
        return False
    return (case.pg == "kakaopay" and given is not None) or (
        case.pg == "tosspay_v2" and case.payment.vat_amount is not None and given is None
    )


def _unchecked(case: CancelCase) -> bool:
    return case.pg == "smartro_v2" and case.payment.pay_method == "vbank" and not case.payment.cash_receipt_issued
