"""Change how the shop tells its buyers: the settings and its own wording."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from refunds.models import NoticeSettings, NoticeText
from refunds.notices.outbox import shop_settings
from refunds.notices.wording import usual_wording


@transaction.atomic(durable=True)
def save_settings(*, is_on: bool, kinds: Sequence[str], **fields: Any) -> NoticeSettings:
    """Save the settings. Switching mails on tells nobody about what was before."""
    since = shop_settings().on_since
    values = {**fields, "kinds": list(kinds), "on_since": (since or timezone.now()) if is_on else None}
    shop, _is_new = NoticeSettings.objects.update_or_create(pk=1, defaults=values)
    return shop


@transaction.atomic(durable=True)
def save_wording(*, kind: str, language: str, subject: str, body: str) -> None:
    """Save the shop's own wording. The usual one is not stored, so that it stays the usual one."""
    usual = usual_wording(kind, language)
    if (subject, body) == (usual.subject, usual.body):
        NoticeText.objects.filter(kind=kind, language=language).delete()
    else:
        texts = {"subject": subject, "body": body}
        NoticeText.objects.update_or_create(kind=kind, language=language, defaults=texts)
