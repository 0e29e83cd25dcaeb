"""Re-encrypt every encrypted column with the first of ENCRYPTION_KEYS, so that the others can be removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from core.encryption.cipher import DecryptError, is_current, reencrypt
from core.encryption.fields import EncryptedTextField

BATCH = 500


@dataclass(slots=True)
class Reencrypted:
    """The result for one column. `unreadable` has the primary keys of rows that no key decrypts; they are unchanged."""

    column: str
    reencrypted: int
    current: int  # already encrypted with the first key
    unreadable: list[object]


def reencrypt_all() -> Iterator[Reencrypted]:
    """Re-encrypt every encrypted column of every app, row by row. When interrupted, run it again to continue.

    A row that is changed concurrently keeps the concurrent change.
    """
    for model in apps.get_models():
        options = model._meta  # noqa: SLF001 - documented, in spite of its name
        for field in options.concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield _reencrypt_column(model, field.name, Reencrypted(f"{options.label}.{field.name}", 0, 0, []))


def _reencrypt_column(model: type[models.Model], name: str, done: Reencrypted) -> Reencrypted:
    rows: models.QuerySet[Any, tuple[Any, str]] = (
        models.QuerySet(model).exclude(**{name: ""}).exclude(**{name: None}).order_by("pk").values_list("pk", name)
    )
    last: object = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
        for key, encrypted in batch:
            _reencrypt_row(model, name, key, encrypted, done)
            last = key
    return done


def _reencrypt_row(model: type[models.Model], name: str, key: object, encrypted: str, done: Reencrypted) -> None:
    if is_current(encrypted):
        done.current += 1
        return
    try:
        anew = reencrypt(encrypted)
    except DecryptError:
        done.unreadable.append(key)
        return
    done.reencrypted += models.QuerySet(model).filter(pk=key, **{name: encrypted}).update(**{name: anew})
