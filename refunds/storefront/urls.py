"""The storefront's URLs."""

from django.urls import path

from refunds.storefront import views

urlpatterns = [
    path("", views.home, name="storefront"),
    path("orders/<str:imp_uid>", views.order, name="storefront-order"),
]
