"""Options of the file-system broker, which needs no service: folders on one machine."""

from pathlib import Path
from typing import Any

FILESYSTEM = "filesystem://localhost"


def transport_options(url: str, var_dir: Path) -> dict[str, Any]:
    """Return kombu's transport options for the broker at `url`; empty unless it is the file-system broker."""
    if not url.startswith("filesystem:"):
        return {}
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
