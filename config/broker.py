"""Options of the message broker: Redis, RabbitMQ, or folders on one machine."""

from pathlib import Path
from typing import Any

FILESYSTEM = "filesystem://localhost"
# A request that enqueues a task waits this long at most for a broker that does not answer.
CONNECT_SECONDS = 2
# A worker's blocking read of Redis returns after a second.
ANSWER_SECONDS = 3


def transport_options(url: str, var_dir: Path) -> dict[str, Any]:
    """Return what kombu's transport needs besides the URL."""
    if not url.startswith("filesystem:"):
        # For Redis, for RabbitMQ, and for both: without max_retries kombu connects until it succeeds.
        redis = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": ANSWER_SECONDS}
        return {**redis, "write_timeout": ANSWER_SECONDS, "max_retries": 0}
    messages = str(var_dir / "broker" / "messages")
    return {
        # The same folder for both, so that every process reads what the others write.
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(var_dir / "broker" / "control"),
        "polling_interval": 0.2,  # seconds; the default of 1 is a noticeable delay
    }


def make_folders(options: dict[str, Any]) -> None:
    """Create the folders named in the options, readable by this system user only."""
    for name in ("data_folder_in", "control_folder"):
        if name in options:
            Path(options[name]).mkdir(mode=0o700, parents=True, exist_ok=True)
