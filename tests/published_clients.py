"""Clients of i'mport that others publish (requirements-client.txt), unchanged."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(sys.prefix) / "clients"


def published(module: str) -> Any:
    """Import one of them from the folder beside the environment, which comes last, so that it shadows nothing."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return import_module(module)
