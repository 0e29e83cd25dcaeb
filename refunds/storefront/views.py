"""The storefront's pages: a buyer's orders, and a fragment with one order for the script to refresh."""

from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.money import precision
from payments.errors import PaymentNotFound
from payments.lookup import find_payment
from payments.models import Payment
from refunds.storefront.orders import banks_by_pg, order_card, with_latest_refunds
from refunds.storefront.words import REFUSED

PAGE_SIZE = 20


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the signed-in buyer's orders, newest first; everybody else gets the welcome page."""
    if not request.user.is_authenticated:
        return render(request, "storefront/welcome.html")
    page = Paginator(_orders_of(request), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "who": _name_of(request.user),
        "orders": [order_card(payment) for payment in page],
        "banks": banks_by_pg(page),
        "refused": {name: str(text) for name, text in REFUSED.items()},
        "contact": settings.SHOP_CONTACT,
        "decimals": {payment.currency: precision(payment.currency) for payment in page},
    }
    return render(request, "storefront/orders.html", context)


@never_cache
@require_safe
def order(request: HttpRequest, imp_uid: str) -> HttpResponse:
    """Render the current state of one order of the signed-in buyer, as a fragment of the page."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    try:
        payment = find_payment(payments=_orders_of(request), imp_uid=imp_uid)
    except PaymentNotFound as exc:
        raise Http404 from exc
    return render(request, "storefront/order.html", {"order": order_card(payment), "contact": settings.SHOP_CONTACT})


def _name_of(user: User) -> str:
    """The full name; a Korean one has the family name first and no space."""
    if user.last_name and not user.last_name.isascii():
        return f"{user.last_name}{user.first_name}"
    return user.get_full_name() or user.get_username()


def _orders_of(request: HttpRequest) -> QuerySet[Payment]:
    """The payments of the user's own orders, for staff too; newest first."""
    mine = with_latest_refunds(Payment.objects.visible_to_buyer(cast(User, request.user)))
    return mine.order_by(Coalesce("paid_at", "failed_at", "created_at").desc(), "-pk")
