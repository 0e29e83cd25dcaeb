"""The pages on which a buyer refunds an order without a script: the form, a question about the account, the result."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from access.api.throttles import may_request_refund
from core.errors import DomainError
from core.money import KRW, format_money
from payments.models import Payment
from refunds.errors import ConfirmationRequired, InvalidRequest, PolicyViolated, RefundOutcomeUnknown
from refunds.inputs import Actor
from refunds.models import RefundRecord
from refunds.permissions import may_refund_any
from refunds.services.refund import refund_order
from refunds.storefront.answers import Answer, answer_of, answer_to, say
from refunds.storefront.forms import RefundForm
from refunds.storefront.orders import find_own_order, order_card


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def refund_page(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """Show the form of one order's refund; on POST make the refund, and redirect to its result."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    payment = find_own_order(request.user, imp_uid)
    if request.method != "POST":
        return _form_page(request, payment, RefundForm(payment=payment))
    form = RefundForm(request.POST, payment=payment)
    if not form.is_valid() or "correct" in request.POST:
        form.renew()
        return _form_page(request, payment, form)
    if not may_request_refund(request):
        return _answer_page(request, payment, Answer("warn", say("unavailable_title"), say("unavailable"), again=True))
    return _refund(request, payment, form)


@never_cache
@require_safe
def result_page(request: HttpRequest, imp_uid: str, pk: int) -> HttpResponse:
    """Show what has become of one refund of the signed-in buyer's order."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    payment = find_own_order(request.user, imp_uid)
    refund = payment.refunds.filter(pk=pk).select_related("payment").first()
    if refund is None:
        raise Http404
    return _answer_page(request, payment, answer_of(refund), is_live=refund.is_live)


def _refund(request: HttpRequest, payment: Payment, form: RefundForm) -> HttpResponse:
    user = cast(User, request.user)
    try:
        record, _is_new = refund_order(
            uids={"imp_uid": payment.imp_uid},
            request=form.refund_request(
                requester="admin" if may_refund_any(user) else "customer", confirmed=request.POST.getlist("confirm")
            ),
            actor=Actor(name=user.get_username(), user=user),
            key=str(form.cleaned_data["key"]),
        )
    except ConfirmationRequired as exc:
        return _question_page(request, payment, form, exc)
    except (InvalidRequest, PolicyViolated) as exc:
        form.add_violations(exc.violations)
        form.renew()
        return _form_page(request, payment, form)
    except RefundOutcomeUnknown as exc:
        record = exc.refund
    except DomainError as exc:
        return _answer_page(request, payment, answer_to(exc))
    return _redirect_to_result(payment, record)


def _redirect_to_result(payment: Payment, record: RefundRecord) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("storefront-refund-result", args=[payment.imp_uid, record.pk]))


def _form_page(request: HttpRequest, payment: Payment, form: RefundForm) -> HttpResponse:
    order = order_card(payment)
    if not order["can_ask"] and not form.is_bound:
        if order["live_refund"]:
            return HttpResponseRedirect(
                reverse("storefront-refund-result", args=[payment.imp_uid, order["live_refund"]])
            )
        return _answer_page(
            request, payment, Answer("info", say("invalid_title"), order["notice"] or say("nothing_left"))
        )
    form.focus_first_error()
    needs, currency = form.needs, payment.currency
    notes = [say("to_account_page" if needs.account else "to_method", method=order["method"])]
    if payment.promotion_discount:
        notes.append(say("discount", discount=format_money(payment.promotion_discount, currency)))
    if needs.merchant_fee:
        notes.append(say("fee", fee=format_money(needs.merchant_fee, KRW)))
    left = say("left_of", left=order["refundable"] or format_money(form.left, currency), paid=order["paid"])
    return _page(request, "refund", order=order, form=form, left=left, notes=notes)


def _question_page(request: HttpRequest, payment: Payment, form: RefundForm, exc: ConfirmationRequired) -> HttpResponse:
    """Ask whether the account is right. It cannot be changed on this page: the answer is about this account."""
    account = [(field.label, _shown(field)) for field in form if field.name.startswith("refund_") and field.value()]
    return _page(
        request,
        "refund_question",
        order=order_card(payment),
        question=exc.message,
        account=account,
        codes=[warning.code for warning in exc.warnings],
        typed=form.typed(),
        texts={name: say(name) for name in ("confirm_title", "confirm_more", "back", "confirm")},
    )


def _shown(field: Any) -> str:
    return str(dict(getattr(field.field.widget, "choices", ())).get(field.value(), field.value()))


def _answer_page(request: HttpRequest, payment: Payment, answer: Answer, *, is_live: bool = False) -> HttpResponse:
    return _page(request, "refund_answer", order=order_card(payment), answer=answer, is_live=is_live)


def _page(request: HttpRequest, name: str, **facts: Any) -> HttpResponse:
    return render(request, f"storefront/{name}.html", {"contact": settings.SHOP_CONTACT, **facts})
