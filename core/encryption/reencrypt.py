"""Seal everything anew with the first of ENCRYPTION_KEYS, so that the others can be taken away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from core.encryption.cipher import UnsealError, is_current, reseal
from core.encryption.fields import SealedTextField

BATCH = 500


@dataclass(slots=True)
class Resealed:
    """What was done to one column. `unopened`: primary keys of rows that no key opens, left as they are."""

    column: str
    resealed: int
    current: int  # needed nothing
    unopened: list[object]


def reseal_everything() -> Iterator[Resealed]:
    """Seal every sealed column of every app anew, row by row. Broken off, it goes on where it was when run again.

    A row that somebody else writes meanwhile keeps what they wrote.
    """
    for model in apps.get_models():
        options = model._meta  # noqa: SLF001 - documented, in spite of its name
        for field in options.concrete_fields:
            if isinstance(field, SealedTextField):
                yield _reseal_column(model, field.name, Resealed(f"{options.label}.{field.name}", 0, 0, []))


def _reseal_column(model: type[models.Model], name: str, done: Resealed) -> Resealed:
    rows: models.QuerySet[Any, tuple[Any, str]] = (
        models.QuerySet(model).exclude(**{name: ""}).exclude(**{name: None}).order_by("pk").values_list("pk", name)
    )
    last: object = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
        for key, sealed in batch:
            _reseal_row(model, name, key, sealed, done)
            last = key
    return done


def _reseal_row(model: type[models.Model], name: str, key: object, sealed: str, done: Resealed) -> None:
    if is_current(sealed):
        done.current += 1
        return
    try:
        anew = reseal(sealed)
    except UnsealError:
        done.unopened.append(key)
        return
    done.resealed += models.QuerySet(model).filter(pk=key, **{name: sealed}).update(**{name: anew})
