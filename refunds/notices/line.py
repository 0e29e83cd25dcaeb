"""The connection to the mail server, and what its errors mean."""

from contextlib import suppress
from smtplib import SMTPAuthenticationError, SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection

from core.sentences import sentence as _

_PERMANENT = 500  # codes of SMTP from here on are final


class NotTakenError(Exception):
    """The mail server did not take a mail. `is_final`: nor will it later. `is_down`: it takes none at all now."""

    def __init__(self, reason: str, *, is_final: bool = False, is_down: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_final, self.is_down = reason, is_final, is_down


class Line:
    """A connection that serves several mails, and is opened again after an error."""

    def __init__(self) -> None:
        self._connection: Any = None

    def send(self, message: EmailMultiAlternatives) -> None:
        """Send a mail. Raises `NotTakenError`."""
        try:
            message.connection = self._opened()
            message.send()
        except (OSError, SMTPException, ValueError) as exc:
            is_open = self._connection is not None
            self.close()
            raise _meaning(exc, is_open=is_open) from exc

    def close(self) -> None:
        """Close the connection. The next mail opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, SMTPException):
                connection.close()

    def _opened(self) -> Any:
        if self._connection is None:
            connection = get_connection()
            connection.open()
            self._connection = connection
        return self._connection


def _meaning(exc: Exception, *, is_open: bool) -> NotTakenError:
    if isinstance(exc, ValueError) and not isinstance(exc, OSError):  # a header or an address
        return NotTakenError(_("This mail cannot be written: check the sender and the address."), is_final=True)
    if isinstance(exc, SMTPRecipientsRefused):
        code = max((code for code, _text in exc.recipients.values()), default=0)
        reason = _("The mail server does not accept this address (%(code)s).") % {"code": code}
        return NotTakenError(reason, is_final=code >= _PERMANENT)
    if isinstance(exc, SMTPAuthenticationError):
        return NotTakenError(_("The mail server refuses the user name or password of EMAIL_URL."), is_down=True)
    if isinstance(exc, SMTPResponseException):
        reason = _("The mail server refused the mail (%(code)s).") % {"code": exc.smtp_code}
        return NotTakenError(reason, is_down=not is_open)
    return NotTakenError(_("The mail server could not be reached."), is_down=not is_open)
