"""Static files that are joined from others, so that a page asks for two files instead of fifteen."""

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, Storage


class BundleFinder(finders.BaseFinder):
    """Finds the bundles of the setting BUNDLES: {path: paths of its parts, in their order}.

    A bundle is written to VAR_DIR when it is asked for: by the development server at each request, by `collectstatic`
    once. `url()` in a part is relative to the bundle.
    """

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        self.storage = FileSystemStorage(settings.VAR_DIR / "bundles")

    def check(self, **_options: Any) -> list[CheckMessage]:
        return []

    def find(self, path: str, find_all: bool = False, **_options: Any) -> Any:
        found = [str(self._write(path))] if path in settings.BUNDLES else []
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        for path in settings.BUNDLES:
            self._write(path)
            yield path, self.storage

    def _write(self, path: str) -> Path:
        text = "\n".join(_text(part) for part in settings.BUNDLES[path])
        file = Path(self.storage.path(path))
        if not file.exists() or file.read_text("utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
            unfinished.write_text(text, "utf-8")
            unfinished.replace(file)  # another thread may be reading it
        return file


def _text(path: str) -> str:
    found = finders.find(path)
    if found is None:
        raise FileNotFoundError(f"a part of a bundle is missing: {path}")
    end = ";" if path.endswith(".js") else ""
    return f"/* {path} */\n{Path(found).read_text('utf-8')}{end}"
