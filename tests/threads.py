"""Work in parallel threads, each with its own database connection."""

import threading
from collections.abc import Callable

from django.db import connection

from core.errors import DomainError


def at_once(*work: Callable[[], object]) -> list[object]:
    """Run all of these at the same moment; return each one's result, or the code of its error."""
    results: list[object] = []
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results.append(one())
        except DomainError as exc:
            results.append(exc.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
