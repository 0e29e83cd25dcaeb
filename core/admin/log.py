"""The history of the admin: what somebody did, told in the language of who reads it."""

from collections.abc import Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model

from core.sentences import packed, unpacked


def log(user: User, *rows: Model, text: str, flag: int = CHANGE) -> None:
    """Add an entry to the history of each row. A `core.sentences.sentence` is told in the reader's language."""
    LogEntry.objects.log_actions(user.pk, rows, flag, change_message=packed(text))


def told(entry: LogEntry) -> str:
    """Return what an entry says, in the active language."""
    return unpacked(entry.get_change_message())


def tell(entries: Sequence[LogEntry]) -> None:
    """Put the entries, which are not saved, into the active language for a template that shows them."""
    for entry in entries:
        entry.change_message = told(entry)
