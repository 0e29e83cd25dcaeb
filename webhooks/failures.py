"""Why a delivery failed."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Failure(models.TextChoices):
    """Reasons why an attempt has no HTTP status, each with a sentence that says what to do."""

    INVALID_URL = "invalid_url", _("Enter a web address such as https://shop.example/refunds.")
    HTTPS_REQUIRED = "https_required", _("The address must start with https://.")
    CREDENTIALS_IN_URL = (
        "credentials_in_url",
        _("Remove the username and password from the address. The signature identifies the sender."),
    )
    FRAGMENT_IN_URL = "fragment_in_url", _("Remove the part after #. It is never sent.")
    HOST_IS_A_NUMBER = "host_is_a_number", _("Enter the host as a name or as an address such as 198.51.100.7.")
    PORT_NOT_ALLOWED = "port_not_allowed", _("This port is not allowed. Use 443, 80, or a port from 1024.")
    ADDRESS_NOT_PUBLIC = (
        "address_not_public",
        _("This host is not on the public internet. The operator can allow its network in WEBHOOK_ALLOWED_NETWORKS."),
    )
    HOST_UNKNOWN = "host_unknown", _("Unknown host name. Check its spelling.")
    NOT_REACHED = "not_reached", _("Cannot connect. Check that the server is running.")
    NOT_ENCRYPTED = "not_encrypted", _("Cannot make an encrypted connection. Check the certificate.")
    TOO_SLOW = "too_slow", _("No answer in time. The endpoint should answer first and process the event afterwards.")
    BROKEN_ANSWER = "broken_answer", _("The connection was lost, or the answer was not HTTP.")
    SECRET_UNREADABLE = "secret_unreadable", _("The secret can no longer be decrypted. Create a new one.")


class SendError(Exception):
    """No answer came. The endpoint may have received the event."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class AddressRefused(SendError):
    """The address is not allowed: nothing was sent, and at most its name was looked up."""
