"""The message broker that needs no service: folders on one machine."""

from pathlib import Path
from typing import Any

FILESYSTEM = "filesystem://localhost"


def transport_options(url: str, var_dir: Path) -> dict[str, Any]:
    """What kombu's transport needs besides the address."""
    if not url.startswith("filesystem:"):
        return {}
    messages = str(var_dir / "broker" / "messages")
    return {
        # The same folder twice: what one process puts out, another takes in.
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(var_dir / "broker" / "control"),
        "polling_interval": 0.2,  # seconds; its default of 1 would be felt
    }


def make_folders(options: dict[str, Any]) -> None:
    """Make the folders that the options name, for this system user only."""
    for name in ("data_folder_in", "control_folder"):
        if name in options:
            Path(options[name]).mkdir(mode=0o700, parents=True, exist_ok=True)
