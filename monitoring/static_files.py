"""The check that `manage.py collectstatic` was run for this release: without it every page is a server error."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks

from monitoring.readiness import NotReady, register_check

_NOT_COLLECTED = ["CVS", ".*", "*~"]  # what collectstatic leaves out


@cache  # this process has read the list of collected files at its start
def missing_file() -> str:
    """Return a file that pages use under a hashed name and that was not collected; empty if there is none."""
    collected = getattr(staticfiles_storage, "hashed_files", None)  # None: not with hashed names, as in development
    return "" if collected is None else next((name for name in _used_files() if name not in collected), "")


def _used_files() -> Iterator[str]:
    for finder in get_finders():
        yield from (name for name, _storage in finder.list(_NOT_COLLECTED))


@checks.register("web", deploy=True)  # for web servers: commands and workers need no static files
def static_files_are_collected(**_options: Any) -> list[checks.CheckMessage]:
    """Report that pages will fail."""
    if not (name := missing_file()):
        return []
    return [
        checks.Error(
            f"Static files are not collected ({name}): pages will fail.",
            hint="Run manage.py collectstatic --noinput, then restart the web server.",
            id="monitoring.E001",
        )
    ]


def check_static_files() -> None:
    """Raise `NotReady` if pages will fail."""
    if name := missing_file():
        raise NotReady("missing", f"{name} was not collected")


register_check("static", check_static_files)
