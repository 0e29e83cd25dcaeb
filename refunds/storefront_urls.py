"""The storefront's addresses."""

from django.urls import path

from refunds import storefront_views

urlpatterns = [
    path("", storefront_views.home, name="storefront"),
    path("orders/<str:imp_uid>", storefront_views.order, name="storefront-order"),
]
