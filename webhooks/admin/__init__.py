"""Register the admin of webhook endpoints and deliveries."""

from django.contrib import admin

from webhooks.admin.deliveries import DeliveryAdmin
from webhooks.admin.endpoints import EndpointAdmin
from webhooks.models import Delivery, Endpoint

admin.site.register(Endpoint, EndpointAdmin)
admin.site.register(Delivery, DeliveryAdmin)
