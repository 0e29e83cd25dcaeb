"""The URL map; applications are named by string only. `/healthz`, `/readyz`, `/metrics`: `monitoring.middleware`."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("", include("payments.urls")),
    path("", include("refunds.api.urls")),
    path("", include("refunds.storefront_urls")),
]

handler400 = "refunds.api.errors.bad_request"
handler403 = "refunds.api.errors.permission_denied"
handler404 = "refunds.api.errors.page_not_found"
handler500 = "refunds.api.errors.server_error"
