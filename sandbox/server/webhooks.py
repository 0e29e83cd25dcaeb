"""Send notifications to the merchant after the change is committed."""

from __future__ import annotations

import threading
from typing import Any

import requests
from django.db import connections, transaction

from sandbox.server import clock, store
from sandbox.server.models import Cancellation, Config, Payment, WebhookDelivery

TIMEOUT_SECONDS = (3, 10)


def notify(payment: Payment, cancellation: Cancellation | None = None) -> None:
    """Queue the notification of a payment's new state. Call it inside a write transaction."""
    config = Config.load()
    url = payment.notice_url or config.webhook_url
    if not url:
        return
    body = {"imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid, "status": payment.status}
    if cancellation is not None and not cancellation.id_hidden:
        body["cancellation_id"] = cancellation.cancellation_id
    _enqueue(url, config.webhook_format, body)


def resend(delivery: WebhookDelivery) -> WebhookDelivery:
    """Send the same body again, as i'mport sometimes does."""
    with store.write():
        return _enqueue(delivery.url, delivery.format, delivery.body)


def delivery_json(delivery: WebhookDelivery) -> dict[str, Any]:
    """Return one entry of the delivery log."""
    names = ("id", "url", "format", "body", "http_status", "error", "at")
    return {name: getattr(delivery, name) for name in names}


def _enqueue(url: str, body_format: str, body: dict[str, str]) -> WebhookDelivery:
    delivery = WebhookDelivery.objects.create(url=url, format=body_format, body=body, at=clock.now())
    thread = threading.Thread(target=_deliver, args=(delivery,), daemon=True)
    transaction.on_commit(thread.start)
    return delivery


def _deliver(delivery: WebhookDelivery) -> None:
    status: int | None = None
    error = ""
    try:
        status = _post(delivery)
    except requests.RequestException as exc:
        error = f"{type(exc).__name__}: {exc}"[:300]
    try:
        with store.write():
            # An update, not a save: a reset may have deleted the row.
            WebhookDelivery.objects.filter(pk=delivery.pk).update(http_status=status, error=error)
    finally:
        connections.close_all()


def _post(delivery: WebhookDelivery) -> int:
    with requests.Session() as session:
        session.trust_env = False  # local notifications must not go through a proxy
        if delivery.format == "form":
            answer = session.post(delivery.url, data=delivery.body, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        else:
            answer = session.post(delivery.url, json=delivery.body, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    return answer.status_code
