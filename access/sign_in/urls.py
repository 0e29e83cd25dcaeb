"""URLs of sign-in, sign-out and the second factor. They stand before the admin's own URLs."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.cache import never_cache

from access.sign_in import password_reset
from access.sign_in.views import AdminCodeStep, AdminSignIn, CodeStep, SignIn, password_change
from access.two_factor import views

_signed_in = admin.site.admin_view

urlpatterns = [
    path("accounts/login/", SignIn.as_view(), name="login"),
    path("accounts/login/code/", never_cache(CodeStep.as_view()), name="login-code"),
    path("accounts/password-reset/", password_reset.Request.as_view(), name="password_reset"),
    path("accounts/password-reset/sent/", password_reset.Sent.as_view(), name="password_reset_done"),
    path("accounts/password-reset/<uidb64>/<token>/", password_reset.Confirm.as_view(), name="password_reset_confirm"),
    path("accounts/password-reset/done/", password_reset.Done.as_view(), name="password_reset_complete"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/login/", AdminSignIn.as_view(), name="admin-login"),
    path("admin/logout/", LogoutView.as_view(next_page="admin:login"), name="admin-logout"),
    path("admin/login/code/", never_cache(AdminCodeStep.as_view()), name="admin-login-code"),
    path("admin/password_change/", _signed_in(password_change)),
    path("admin/two-factor/", _signed_in(views.overview), name="two-factor"),
    path("admin/two-factor/begin/", _signed_in(views.begin), name="two-factor-begin"),
    path("admin/two-factor/set-up/", _signed_in(views.set_up), name="two-factor-set-up"),
    path("admin/two-factor/backup-codes/", _signed_in(views.backup_codes), name="two-factor-backup-codes"),
    path("admin/two-factor/off/", _signed_in(views.off), name="two-factor-off"),
]
