"""kombu's broker in folders, mended: its own reads messages that are half written, which ends a Celery worker."""

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


class _Channel(filesystem.Channel):
    """A message gets its name when it is complete, and is taken by a renaming in the same folder.

    Which queues are bound to an exchange is replaced as a whole as well: a process that is killed leaves no half of it.
    """

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # its bases disagree
        name = f"{time.monotonic_ns()}_{uuid.uuid4()}.{queue}.msg"
        written = Path(self.data_folder_out) / f".{name}.new"
        written.write_text(dumps(payload), encoding="utf-8")
        written.rename(Path(self.data_folder_out) / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for waiting in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = waiting.with_name(f".{waiting.name}.taken")
            try:
                waiting.rename(taken)
            except FileNotFoundError:  # somebody else was faster
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
        except ValueError:  # an older version was killed while it wrote this
            table = []
        return table


class Transport(filesystem.Transport):
    """What `filesystem://` stands for here, once `use_for_files` was called."""

    Channel = _Channel


def use_for_files() -> None:
    """Have kombu take this transport for `filesystem://`."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
