"""Who is told about refunds, and what they were told."""

from django.contrib import admin

from outgoing.admin_deliveries import DeliveryAdmin
from outgoing.admin_endpoints import EndpointAdmin
from outgoing.models import Delivery, Endpoint

admin.site.register(Endpoint, EndpointAdmin)
admin.site.register(Delivery, DeliveryAdmin)
