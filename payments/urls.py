"""URL of i'mport's notifications, with or without a trailing slash."""

from django.urls import re_path

from payments.intake.webhook import iamport_webhook

urlpatterns = [re_path(r"^webhooks/iamport/?$", iamport_webhook, name="iamport-webhook")]
