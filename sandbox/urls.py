"""The URLs: the simulated API at the root, the control API and the console beside it."""

from __future__ import annotations

from django.urls import path, re_path
from django.views.generic import RedirectView

from sandbox.server.views import api, console, control, naver, receipts, shop, subscribe, untidy

UID = r"[^/]+"

# Fixed paths come before the catch-all payments/{imp_uid}.
API = [
    re_path(r"^users/getToken/?$", api.get_token),
    re_path(r"^payments/?$", api.payments),
    re_path(r"^payments/cancel/?$", api.cancel),
    re_path(r"^payments/prepare/?$", shop.prepare),
    re_path(rf"^payments/prepare/(?P<merchant_uid>{UID})/?$", shop.prepared),
    re_path(rf"^payments/find/(?P<merchant_uid>{UID})(?:/(?P<status>\w+))?/?$", api.find),
    re_path(rf"^payments/findAll/(?P<merchant_uid>{UID})(?:/(?P<status>\w+))?/?$", api.find_all),
    re_path(r"^payments/status/(?P<status>\w+)/?$", api.status),
    re_path(rf"^payments/(?P<imp_uid>{UID})/balance/?$", api.balance),
    re_path(rf"^payments/(?P<imp_uid>{UID})/?$", api.payment),
    re_path(r"^vbanks/holder/?$", api.holder),
    re_path(r"^vbanks/?$", shop.vbanks),
    re_path(rf"^vbanks/(?P<imp_uid>{UID})/?$", shop.vbank),
    re_path(r"^banks(?:/(?P<code>\w+))?/?$", api.banks),
    re_path(r"^users/pg/?$", shop.channels),
    re_path(rf"^escrows/logis/(?P<imp_uid>{UID})/?$", shop.logis),
    re_path(rf"^receipts/external/(?P<merchant_uid>{UID})/?$", receipts.external),
    re_path(rf"^receipts/(?P<imp_uid>{UID})/?$", receipts.receipt),
]

SUBSCRIBE = [
    re_path(r"^subscribe/payments/onetime/?$", subscribe.onetime),
    re_path(r"^subscribe/payments/again/?$", subscribe.again),
    re_path(r"^subscribe/payments/foreign/?$", subscribe.foreign),
    re_path(r"^subscribe/payments/schedule/?$", subscribe.schedule),
    re_path(r"^subscribe/payments/unschedule/?$", subscribe.unschedule),
    re_path(rf"^subscribe/payments/schedule/customers/(?P<customer_uid>{UID})/?$", subscribe.customer_schedules),
    re_path(rf"^subscribe/payments/schedule/(?P<merchant_uid>{UID})/reschedule/?$", subscribe.reschedule),
    re_path(rf"^subscribe/payments/schedule/(?P<merchant_uid>{UID})/retry/?$", subscribe.retry),
    re_path(rf"^subscribe/payments/schedule/(?P<merchant_uid>{UID})/?$", subscribe.scheduled),
    re_path(r"^subscribe/customers/?$", subscribe.customers),
    re_path(rf"^subscribe/customers/(?P<customer_uid>{UID})/payments/?$", subscribe.customer_payments),
    re_path(rf"^subscribe/customers/(?P<customer_uid>{UID})/schedules/?$", subscribe.customer_schedules),
    re_path(rf"^subscribe/customers/(?P<customer_uid>{UID})/?$", subscribe.customer),
]

NAVER = [
    re_path(rf"^payments/(?P<imp_uid>{UID})/naver/product-orders/?$", naver.product_orders),
    re_path(rf"^payments/(?P<imp_uid>{UID})/naver/cash-amount/?$", naver.cash_amount),
    re_path(rf"^payments/(?P<imp_uid>{UID})/naver/(?P<operation>[a-z-]+)/?$", naver.operation),
    re_path(rf"^naver/product-orders/(?P<product_order_id>{UID})/?$", naver.product_order),
]

CONTROL = [
    re_path(r"^_sandbox/health/?$", control.health),
    re_path(r"^_sandbox/reset/?$", control.reset),
    re_path(r"^_sandbox/payments/?$", control.payments),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/cancel/?$", control.cancel),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/settle/?$", control.settle),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/refuse/?$", control.refuse),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/pay/?$", control.pay),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/fail/?$", untidy.fail),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/unpay/?$", untidy.unpay),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/take-back/?$", untidy.take_back),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/notify/?$", untidy.notify),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/complete/?$", untidy.complete),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/rename-item/?$", untidy.rename_item),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/patch/?$", untidy.patch),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/show/?$", untidy.show),
    re_path(rf"^_sandbox/payments/(?P<imp_uid>{UID})/?$", control.payment),
    re_path(r"^_sandbox/quirks/?$", untidy.quirk_list),
    re_path(r"^_sandbox/quirks/(?P<quirk_id>\d+)/?$", untidy.quirk),
    re_path(r"^_sandbox/faults/?$", control.faults),
    re_path(r"^_sandbox/faults/(?P<rule_id>\d+)/?$", control.fault),
    re_path(r"^_sandbox/log/?$", control.log),
    re_path(r"^_sandbox/stats/?$", control.stats),
    re_path(r"^_sandbox/settings/?$", control.settings),
    re_path(r"^_sandbox/accounts/?$", control.accounts),
    re_path(r"^_sandbox/webhooks/?$", control.webhook_log),
    re_path(r"^_sandbox/webhooks/(?P<delivery_id>\d+)/resend/?$", control.webhook_resend),
]

CONSOLE = [
    path("", RedirectView.as_view(url="/console/")),
    path("console/", console.payment_list, name="console"),
    path("console/payments/<str:imp_uid>/", console.payment_page, name="console-payment"),
    path("console/faults/", console.fault_page, name="console-faults"),
    path("console/quirks/", untidy.quirk_page, name="console-quirks"),
    path("console/log/", console.log_page, name="console-log"),
]

urlpatterns = [*API, *SUBSCRIBE, *NAVER, *CONTROL, *CONSOLE]
