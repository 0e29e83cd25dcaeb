"""Which staff may see events, send them again, and decide who is told."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

ADD_ENDPOINT = "webhooks.add_endpoint"
CHANGE_ENDPOINT = "webhooks.change_endpoint"
VIEW_ENDPOINT = "webhooks.view_endpoint"
VIEW_DELIVERIES = "webhooks.view_delivery"
SEND = "webhooks.send_delivery"

AnyUser = AbstractBaseUser | AnonymousUser


def may_add_endpoint(user: AnyUser) -> bool:
    """Whoever may add an endpoint may have every refund's data sent to a server of their choice."""
    return _is_staff_with(user, ADD_ENDPOINT)


def may_change_endpoint(user: AnyUser) -> bool:
    """As above, and switch endpoints off, make new secrets and send tests."""
    return _is_staff_with(user, CHANGE_ENDPOINT)


def may_view_endpoints(user: AnyUser) -> bool:
    return _is_staff_with(user, VIEW_ENDPOINT, CHANGE_ENDPOINT, ADD_ENDPOINT)


def may_view_deliveries(user: AnyUser) -> bool:
    return _is_staff_with(user, VIEW_DELIVERIES, SEND)


def may_send_again(user: AnyUser) -> bool:
    return _is_staff_with(user, SEND)


def _is_staff_with(user: AnyUser, *permissions: str) -> bool:
    return isinstance(user, User) and user.is_staff and any(map(user.has_perm, permissions))
