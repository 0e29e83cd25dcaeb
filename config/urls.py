"""The root URL configuration. `/healthz`, `/readyz` and `/metrics` are served by `monitoring.middleware`."""

from django.contrib import admin
from django.urls import include, path

from config.views import admin_search

urlpatterns = [
    path("admin/search/", admin.site.admin_view(admin_search)),
    path("", include("access.sign_in.urls")),  # before the admin, whose own login page has no second factor
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("payments.urls")),
    path("", include("refunds.api.urls")),
    path("", include("refunds.storefront.urls")),
]

handler400 = "refunds.api.error_pages.bad_request"
handler403 = "refunds.api.error_pages.permission_denied"
handler404 = "refunds.api.error_pages.page_not_found"
handler500 = "refunds.api.error_pages.server_error"
