"""The storefront's pages: a buyer's orders, and a fragment with one order for the script to refresh."""

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.money import precision
from refunds.storefront.answers import TEXTS
from refunds.storefront.forms import RefundForm
from refunds.storefront.orders import banks_by_pg, find_own_order, order_card, own_orders

PAGE_SIZE = 20


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the signed-in buyer's orders, newest first; everybody else gets the welcome page."""
    if not request.user.is_authenticated:
        return render(request, "storefront/welcome.html")
    page = Paginator(own_orders(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "who": _name_of(request.user),
        "orders": [order_card(payment) for payment in page],
        "banks": banks_by_pg(page),
        "form": RefundForm(),
        "texts": TEXTS,
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
    payment = find_own_order(request.user, imp_uid)
    return render(request, "storefront/order.html", {"order": order_card(payment), "contact": settings.SHOP_CONTACT})


def _name_of(user: User) -> str:
    """The full name; a Korean one has the family name first and no space."""
    if user.last_name and not user.last_name.isascii():
        return f"{user.last_name}{user.first_name}"
    return user.get_full_name() or user.get_username()
