"""Access tokens."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.conftest import NOON
from tests.sandbox_server import JSON, SandboxServer

CREDENTIALS = {"imp_key": SandboxServer.imp_key, "imp_secret": SandboxServer.imp_secret}


def get_token(sandbox: SandboxServer, **options: Any) -> JSON:
    answer = requests.post(f"{sandbox.url}/users/getToken", timeout=10, **(options or {"json": CREDENTIALS}))
    token: JSON = answer.json()["response"]
    return token


def read_banks(sandbox: SandboxServer, authorization: str | None) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.get(f"{sandbox.url}/banks", headers=headers, timeout=10)


def test_token_is_valid_for_thirty_minutes_and_returned_again(sandbox: SandboxServer) -> None:
    first = get_token(sandbox)
    sandbox.settings(now=NOON + 29 * 60)

    again = get_token(sandbox, data=CREDENTIALS)

    assert (first["now"], first["expired_at"]) == (NOON, NOON + 1800)
    assert again == {**first, "now": NOON + 29 * 60}


def test_token_near_its_end_is_extended_by_five_minutes(sandbox: SandboxServer) -> None:
    first = get_token(sandbox)
    sandbox.settings(now=NOON + 29 * 60 + 1)

    again = get_token(sandbox)

    assert again["access_token"] == first["access_token"]
    assert again["expired_at"] == first["expired_at"] + 300


def test_expired_token_is_refused_and_replaced(sandbox: SandboxServer) -> None:
    sandbox.settings(token_life_seconds=120)
    first = get_token(sandbox)
    sandbox.settings(now=NOON + 120)

    refused = read_banks(sandbox, first["access_token"])
    second = get_token(sandbox)

    assert (refused.status_code, refused.json()["code"]) == (401, -1)
    assert second["access_token"] != first["access_token"]
    assert read_banks(sandbox, second["access_token"]).status_code == 200


def test_bearer_is_accepted(sandbox: SandboxServer) -> None:
    assert read_banks(sandbox, f"Bearer {sandbox.token()}").status_code == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer ", "nonsense"])
def test_call_without_a_valid_token_is_a_401(sandbox: SandboxServer, authorization: str | None) -> None:
    answer = read_banks(sandbox, authorization)

    assert (answer.status_code, answer.json()["code"]) == (401, -1)


def test_wrong_secret_is_a_401(sandbox: SandboxServer) -> None:
    body = {**CREDENTIALS, "imp_secret": "wrong"}

    answer = requests.post(f"{sandbox.url}/users/getToken", json=body, timeout=10)

    assert (answer.status_code, answer.json()["code"], answer.json()["response"]) == (401, -1, None)


def test_missing_secret_is_a_400(sandbox: SandboxServer) -> None:
    answer = requests.post(f"{sandbox.url}/users/getToken", json={"imp_key": "sandbox_key"}, timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (400, -1)


def test_broken_json_is_answered_in_the_envelope(sandbox: SandboxServer) -> None:
    headers = {"Content-Type": "application/json"}

    answer = requests.post(f"{sandbox.url}/users/getToken", data="{", headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (400, -1)
