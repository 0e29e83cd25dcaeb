"""Permissions to see deliveries, send events again, and manage webhook endpoints."""

from core.permissions import AnyUser, is_staff_with

ADD_ENDPOINT = "webhooks.add_endpoint"
CHANGE_ENDPOINT = "webhooks.change_endpoint"
VIEW_ENDPOINT = "webhooks.view_endpoint"
VIEW_DELIVERIES = "webhooks.view_delivery"
SEND = "webhooks.send_delivery"


def may_add_endpoint(user: AnyUser) -> bool:
    """Allow adding endpoints, and so sending every refund's data to a server of the user's choice."""
    return is_staff_with(user, ADD_ENDPOINT)


def may_change_endpoint(user: AnyUser) -> bool:
    """Allow editing endpoints, switching them off, making new secrets and sending tests."""
    return is_staff_with(user, CHANGE_ENDPOINT)


def may_view_endpoints(user: AnyUser) -> bool:
    return is_staff_with(user, VIEW_ENDPOINT, CHANGE_ENDPOINT, ADD_ENDPOINT)


def may_view_deliveries(user: AnyUser) -> bool:
    return is_staff_with(user, VIEW_DELIVERIES, SEND)


def may_send_again(user: AnyUser) -> bool:
    return is_staff_with(user, SEND)
