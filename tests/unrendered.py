"""Skip the rendering of pages where only statuses, headers or queries are the subject: it takes most of the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django.utils.safestring import mark_safe


@contextmanager
def pages_unrendered() -> Iterator[None]:
    """Return every page empty: its view runs, its template does not."""
    with patch("django.template.backends.django.Template.render", lambda *_args, **_kwargs: mark_safe("")):
        yield
