"""Search the data that processes leave behind for texts, in every encoding that a program may use."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from django.db import connection

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "euc-kr")


def notations(text: str) -> set[bytes]:
    """Return the text encoded, escaped for JSON, Python, URLs and HTML, in base64 and in hexadecimal."""
    found = {text.encode(encoding) for encoding in ENCODINGS}
    found |= {quote(text).encode(), quote_plus(text).encode(), json.dumps(text)[1:-1].encode()}
    found |= {repr(raw)[2:-1].encode() for raw in list(found)}
    found |= {"".join(f"&#{ord(letter)};" for letter in text).encode()}
    found |= {raw.hex().encode() for raw in (text.encode(), text.encode("utf-16-le"))}
    for raw in (text.encode(), text.encode("utf-16-le")):
        found |= set(_in_base64(raw))
    return found


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """Encode it at each offset within a longer text, without the characters that depend on its neighbours."""
    for before in range(3):
        padded = base64.b64encode(bytes(before) + raw)
        yield padded[(before * 8 + 5) // 6 : (len(raw) + before) * 8 // 6]


def leaks(texts: Iterable[str], places: dict[str, bytes]) -> list[str]:
    """Return one line for each place, text and encoding found."""
    return [
        f"{name}: {text} as {needle!r}"
        for text in texts
        for needle in notations(text)
        for name, content in places.items()
        if needle in content
    ]


def database() -> dict[str, bytes]:
    """Return every byte of the SQLite files, or every row of every PostgreSQL table as text."""
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"])
        return {file.name: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}
    with connection.cursor() as cursor:
        dumped = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')  # noqa: S608 - the name comes from the catalogue
            dumped[table] = "\n".join(row[0] for row in cursor.fetchall()).encode()
    return dumped


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
