"""The client of the sandbox's control API (sandbox/README.md describes the calls)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests

CALL_TIMEOUT_SECONDS = 30.0
JSON = dict[str, Any]


class SandboxError(RuntimeError):
    """The sandbox did not start, or its control API refused a request."""


class SandboxControl:
    """Control a running sandbox; `url` has no trailing slash."""

    imp_key = "sandbox_key"
    imp_secret = "sandbox_secret"

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def reset(self) -> None:
        """Forget everything: payments, tokens, faults, log, settings."""
        self._call("POST", "reset", {})

    def create_payment(self, **fields: Any) -> JSON:
        """Create one payment (defaults: 10,000 KRW by card at html5_inicis, paid now)."""
        created: JSON = self._call("POST", "payments", fields)
        return created

    def create_payments(self, payments: list[JSON]) -> list[JSON]:
        """Create many payments in one transaction."""
        created: list[JSON] = self._call("POST", "payments", payments)
        return created

    def payment(self, imp_uid: str) -> JSON:
        """Return the sandbox's real state, whatever faults are active, plus `pending_cancels` and `balance`."""
        found: JSON = self._call("GET", f"payments/{imp_uid}")
        return found

    def console_cancel(
        self, imp_uid: str, amount: int | str | Decimal | None = None, reason: str | None = None, **options: Any
    ) -> JSON:
        """Cancel as staff do in the i'mport console (sends the webhook); options: retain_promotion."""
        body = {"amount": None if amount is None else str(amount), "reason": reason, **options}
        payment: JSON = self._call("POST", f"payments/{imp_uid}/cancel", body)
        return payment

    def settle(self, imp_uid: str) -> JSON:
        """Execute the accepted, still pending cancels of a payment."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/settle", {})
        return payment

    def refuse(self, imp_uid: str) -> JSON:
        """Make the PG refuse the accepted, still pending cancels of a payment."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/refuse", {})
        return payment

    def pay(self, imp_uid: str) -> JSON:
        """Record the deposit for a virtual account."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/pay", {})
        return payment

    def fail(self, imp_uid: str) -> JSON:
        """Let a waiting or pending payment fail; `pay` lets it succeed."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/fail", {})
        return payment

    def unpay(self, imp_uid: str, shown_as: str = "cancelled") -> JSON:
        """Let the bank take a deposit back, shown as cancelled (with an item) or ready."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/unpay", {"shown_as": shown_as})
        return payment

    def take_back(self, imp_uid: str, amount: int | str | Decimal | None = None, **options: Any) -> JSON:
        """Undo the last cancel at the PG; options: cancellation_id, status (paid, ready, ...), keep_item."""
        body = {"amount": None if amount is None else str(amount), **options}
        payment: JSON = self._call("POST", f"payments/{imp_uid}/take-back", body)
        return payment

    def notify(self, imp_uid: str) -> JSON:
        """Send the notification of a payment's state and last cancel now, as after a correction by hand."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/notify", {})
        return payment

    def complete(self, imp_uid: str) -> JSON:
        """Show what was held back: hidden items, ids, PG numbers, the total."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/complete", {})
        return payment

    def rename_item(self, imp_uid: str, **options: str) -> JSON:
        """Give the last cancel another id; options: cancellation_id (which), new_id."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/rename-item", options)
        return payment

    def patch(self, imp_uid: str, **fields: Any) -> JSON:
        """Change the stored payment; `cancel_history` replaces its cancels, `cancel_amount` moves the total."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/patch", fields)
        return payment

    def show(self, imp_uid: str, **fields: Any) -> JSON:
        """Show any values over the real ones, impossible ones too; no fields shows the real ones again."""
        payment: JSON = self._call("POST", f"payments/{imp_uid}/show", fields)
        return payment

    def quirk(self, name: str, **options: Any) -> JSON:
        """Switch an untidiness on; options: imp_uid, times, and those of the quirk (sandbox/README.md)."""
        switch: JSON = self._call("POST", "quirks", {"quirk": name, **options})
        return switch

    def quirks(self) -> list[JSON]:
        """Return the untidiness switches that are on."""
        switches: list[JSON] = self._call("GET", "quirks")
        return switches

    def clear_quirks(self) -> None:
        """Switch every untidiness off."""
        self._call("DELETE", "quirks")

    def fault(self, endpoint: str, fault: str, **options: Any) -> JSON:
        """Add a fault rule; options: times, probability, seconds, message, imp_uid."""
        rule: JSON = self._call("POST", "faults", {"endpoint": endpoint, "fault": fault, **options})
        return rule

    def faults(self) -> list[JSON]:
        """Return the active fault rules with how often each fired."""
        rules: list[JSON] = self._call("GET", "faults")
        return rules

    def clear_faults(self) -> None:
        """Remove every fault rule."""
        self._call("DELETE", "faults")

    def log(self, endpoint: str | None = None) -> list[JSON]:
        """Return the API calls received, oldest first."""
        calls: list[JSON] = self._call("GET", "log" + (f"?endpoint={endpoint}" if endpoint else ""))
        return calls

    def stats(self) -> dict[str, int]:
        """Return how many API calls each endpoint received (absent = none)."""
        counts: dict[str, int] = self._call("GET", "stats")
        return counts

    def settings(self, **changes: Any) -> JSON:
        """Change the given settings (see sandbox/README.md) and return all of them."""
        current: JSON = self._call("POST", "settings", changes) if changes else self._call("GET", "settings")
        return current

    def webhooks(self) -> list[JSON]:
        """Return the webhook delivery log, oldest first."""
        deliveries: list[JSON] = self._call("GET", "webhooks")
        return deliveries

    def resend_webhook(self, delivery_id: int) -> JSON:
        """Send a webhook once more, as i'mport sometimes does."""
        delivery: JSON = self._call("POST", f"webhooks/{delivery_id}/resend", {})
        return delivery

    def token(self) -> str:
        """Return a valid access token, for tests that use raw HTTP."""
        body = {"imp_key": self.imp_key, "imp_secret": self.imp_secret}
        answer = self._session.post(f"{self.url}/users/getToken", json=body, timeout=CALL_TIMEOUT_SECONDS)
        return str(answer.json()["response"]["access_token"])

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Make an authenticated raw API call, such as `api("POST", "payments/cancel", json={...})`."""
        headers = {"Authorization": self.token(), **kwargs.pop("headers", {})}
        timeout = kwargs.pop("timeout", CALL_TIMEOUT_SECONDS)
        return requests.request(method, f"{self.url}/{path}", headers=headers, timeout=timeout, **kwargs)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(
            method,
            f"{self.url}/_sandbox/{path}",
            data=None if body is None else json.dumps(body, default=str).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=CALL_TIMEOUT_SECONDS,
        )
        if answer.status_code >= 400:
            raise SandboxError(f"{method} {path}: HTTP {answer.status_code}: {answer.text[:500]}")
        return json.loads(answer.text, parse_float=Decimal)
