"""The storefront's URLs."""

from django.urls import path

from refunds.storefront import refund_page, views

urlpatterns = [
    path("", views.home, name="storefront"),
    path("orders/<str:imp_uid>", views.order, name="storefront-order"),
    path("orders/<str:imp_uid>/refund", refund_page.refund_page, name="storefront-refund"),
    path("orders/<str:imp_uid>/refunds/<int:pk>", refund_page.result_page, name="storefront-refund-result"),
]
