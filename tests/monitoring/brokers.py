"""Use another broker inside a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app


@contextmanager
def broker(**conf: object) -> Iterator[None]:
    """Change Celery's settings inside the block."""
    kept = {name: current_app.conf[name] for name in conf}
    current_app.conf.update(conf)
    try:
        yield
    finally:
        current_app.conf.update(kept)
