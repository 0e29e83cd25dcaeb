"""Open and submit the admin's refund pages like a browser, and read their messages."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from payments.models import Payment

REFUND_URL = "/admin/payments/payment/refund/"


@dataclass(frozen=True)
class Page:
    """The confirmation page as first shown; `url` contains its token."""

    url: str
    text: str

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.url).query)["token"][0]

    def shown_balance(self, payment: Payment) -> str:
        return _hidden(self.text, f"p{payment.pk}-expected_balance")

    def shown_warnings(self, payment: Payment) -> list[str]:
        """Return the marks of the warnings that the page showed before anything was typed."""
        return re.findall(rf'type="hidden" name="p{payment.pk}-read" value="([^"]+)"', self.text)

    def has_field(self, payment: Payment, name: str) -> bool:
        return f'name="p{payment.pk}-{name}"' in self.text


def sign_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def confirmation(client: Client, *payments: Payment) -> Page:
    """Open the confirmation page for these payments."""
    ids = ",".join(str(payment.pk) for payment in payments)
    answer: Any = client.get(REFUND_URL, {"ids": ids}, follow=True)
    assert answer.status_code == 200
    return Page(answer.redirect_chain[-1][0], answer.text)


def fill(
    client: Client,
    page: Page,
    orders: Mapping[Payment, Mapping[str, str]],
    *,
    reason: str = "",
    reason_code: str = "",
    do: str = "refund",
    read: bool = False,
) -> HttpResponse:
    """Tick these orders, fill in their fields, and press a button. A page that sent nothing is shown again.

    `read`: tick the warnings that it then shows, and press once more.
    """
    data: dict[str, Any] = {"token": page.token, "reason": reason, "reason_code": reason_code, "do": do}
    for payment, typed in orders.items():
        fields = {"selected": "on", "expected_balance": page.shown_balance(payment), **typed}
        data |= {f"p{payment.pk}-{name}": value for name, value in fields.items()}
        data[f"p{payment.pk}-read"] = [*page.shown_warnings(payment), *filter(None, [typed.get("read")])]
    answer = _pressed(client, page, data)
    if read and answer.status_code == 200:
        for payment in orders:
            data[f"p{payment.pk}-read"] = page.shown_warnings(payment) + ticks(answer.text, payment)
        answer = _pressed(client, page, data)
    return answer


def _pressed(client: Client, page: Page, data: dict[str, Any]) -> HttpResponse:
    answer: Any = client.post(page.url, data)
    if answer.status_code == 302 and answer["Location"].startswith(REFUND_URL):
        answer = client.get(answer["Location"])
    return answer  # type: ignore[no-any-return]


def ticks(text: str, payment: Payment) -> list[str]:
    """Return the marks of the warnings that have to be ticked for this order."""
    return re.findall(rf'type="checkbox" class="rd-check" name="p{payment.pk}-read" value="([^"]+)"', text)


def codes(text: str) -> list[str]:
    """Return the stable codes of all messages on the page."""
    return re.findall(r'data-code="([a-z_]+)"', text)


def states(text: str) -> dict[str, str]:
    """Return the state of each order on the result page."""
    return dict(re.findall(r'data-order="([^"]+)" data-state="([a-z_]+)"', text))


def links(text: str, words: str) -> list[str]:
    """Return where the links lead whose text begins with these words."""
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(?:<span[^>]*>[^<]*</span>)?\s*([^<]*)', text)
    return [html.unescape(href) for href, label in found if label.startswith(words)]


def _hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found, f"the page has no {name}"
    return found[1]
