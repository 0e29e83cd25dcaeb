"""A fixed version of kombu's file-system broker, which reads half-written messages and so crashes a Celery worker."""

import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from filelock import FileLock
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

MOST_MESSAGES = 1_000


class _Channel(filesystem.Channel):
    """Write a message under a temporary name and rename it when complete; take it by renaming it as well.

    The file of an exchange's queues is also replaced as a whole, so a killed process leaves no half-written one.
    """

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # its bases disagree
        # Without a worker messages would pile up for ever. Ours are hints: the next sweep finds the work.
        if sum(1 for _ in Path(self.data_folder_out).glob("*.msg")) >= MOST_MESSAGES:
            logger.warning("the broker holds %d messages that no worker takes; dropping one", MOST_MESSAGES)
            return
        name = f"{time.monotonic_ns()}_{uuid.uuid4()}.{queue}.msg"
        written = Path(self.data_folder_out) / f".{name}.new"
        written.write_text(dumps(payload), encoding="utf-8")
        written.rename(Path(self.data_folder_out) / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for waiting in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = waiting.with_name(f".{waiting.name}.taken")
            try:
                waiting.rename(taken)
            except FileNotFoundError:  # another worker took it
                continue
            text = taken.read_bytes()
            taken.unlink()
            try:
                return loads(text)
            except ValueError:
                logger.warning("a message of the broker could not be read and was dropped: %s", waiting.name)
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self.control_folder.mkdir(exist_ok=True)
        table: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]  # not in its types
        with FileLock(table.with_suffix(".lock")):
            known = self.get_table(exchange)
            if bound not in known:
                written = table.with_suffix(".new")
                written.write_text(dumps([bound, *known]), encoding="utf-8")
                written.replace(table)

    def get_table(self, exchange: str) -> list[Any]:
        try:
            table: list[Any] = super().get_table(exchange)
        except ValueError:  # a process with kombu's own transport was killed while writing it
            table = []
        return table


class Transport(filesystem.Transport):
    """The transport of `filesystem://` after `use_for_files`."""

    Channel = _Channel


def use_for_files() -> None:
    """Register this transport with kombu for `filesystem://`."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
