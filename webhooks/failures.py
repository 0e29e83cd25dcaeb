"""Why an event did not reach an endpoint, or never could."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Failure(models.TextChoices):
    """Every way in which an attempt gets no HTTP status, with a sentence that says what to do."""

    INVALID_URL = "invalid_url", _("This is no web address. It looks like https://shop.example/refunds.")
    HTTPS_REQUIRED = "https_required", _("The address must begin with https://, so that nobody can listen in.")
    CREDENTIALS_IN_URL = (
        "credentials_in_url",
        _("Leave user and password out of the address: the signature says who sends."),
    )
    FRAGMENT_IN_URL = "fragment_in_url", _("Leave out the part of the address from # on: it is never sent.")
    HOST_IS_A_NUMBER = "host_is_a_number", _("Write the host as a name, or as an address such as 198.51.100.7.")
    PORT_NOT_ALLOWED = "port_not_allowed", _("This port is not a web server's. Use 443, 80, or one from 1024 on.")
    ADDRESS_NOT_PUBLIC = (
        "address_not_public",
        _(
            "This host is not on the public internet. Events are sent there only if the operator names its network "
            "in WEBHOOK_ALLOWED_NETWORKS."
        ),
    )
    HOST_UNKNOWN = "host_unknown", _("The name of the host is unknown. Check its spelling.")
    NOT_REACHED = "not_reached", _("No connection could be made. Is the server running?")
    NOT_ENCRYPTED = "not_encrypted", _("No encrypted connection could be made. Is the certificate valid?")
    TOO_SLOW = "too_slow", _("No answer came in time. The endpoint should answer first and work afterwards.")
    BROKEN_ANSWER = "broken_answer", _("The connection broke off, or the answer was not HTTP.")
    SECRET_UNREADABLE = "secret_unreadable", _("The secret cannot be read any more. Make a new one.")


class SendError(Exception):
    """No answer came. Whether the endpoint has had the event may be unknown."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class AddressRefused(SendError):
    """Nothing is sent to this address, and nothing was asked of it but its name."""
