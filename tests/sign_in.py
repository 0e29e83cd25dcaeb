"""Sign in like a browser: username, password, code."""

from __future__ import annotations

import time
from base64 import b32decode
from typing import Any

import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import TOTP

from access.models import Authenticator
from access.two_factor.service import begin_set_up, finish_set_up

SHOP, ADMIN = "/accounts/login/", "/admin/login/"
BOTH = (SHOP, ADMIN)
PASSWORD = "secret"


def send_password(client: Client, page: str, name: str, password: str = "wrong", **more: Any) -> Any:
    """Send username and password to this login page."""
    return client.post(page, {"username": name, "password": password}, **more)


def code_of(device: Authenticator, *, steps: int = 0) -> str:
    """Return the code that the app shows now, or `steps` of 30 seconds later."""
    totp = TOTP(b32decode(device.secret))
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06d}"


def with_device(user: User) -> tuple[Authenticator, list[str]]:
    """Set up two-factor sign-in for this user. This uses up the code of the step before."""
    with time_machine.travel(time.time(), tick=False):  # the step must not change meanwhile
        begun = begin_set_up(user)
        return finish_set_up(begun=begun, code=code_of(begun, steps=-1))


def is_signed_in(client: Client) -> bool:
    """Tell whether the admin accepts this client's session."""
    return client.get("/admin/").status_code == 200
