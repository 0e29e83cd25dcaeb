"""The same paths as ours, and one that leaves the checksum out."""

from django.urls import path

from benchmarks.naive.views import cancel, healthz

urlpatterns = [
    path("payments/cancel", cancel, {"sends_checksum": True}),
    path("payments/cancel/unchecked", cancel, {"sends_checksum": False}),
    path("healthz", healthz),
]
