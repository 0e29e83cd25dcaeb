"""The base of every error that our own rules raise."""

from typing import ClassVar


class DomainError(Exception):
    """Base of every error our own rules raise.

    `code` is a stable word that programs may branch on; `message` is a sentence for people, in the active
    language, that says what to do next; `retryable` says whether the same request may succeed later as it is.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
