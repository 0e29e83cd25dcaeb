"""Request refunds: over the REST API with a token, and from the command line."""

import json
import random
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from chaos.world import World

AMOUNTS = (500, 500, 1_000, 1_000, 1_500, 2_500, 4_000, 9_000, None)  # None: all that is left
REPEATED_SHARE = 0.5  # of the requests without a clear answer that are repeated with their key
COMMAND_KILL_SHARE = 0.3
ANSWER_TIMEOUT = 30  # seconds
NO_ANSWER = "no answer"
NOBODY_THERE = {(NO_ANSWER, ""), ("503", "database_unavailable")}


@dataclass
class RefundAttempt:
    """One requested refund and the answers it got. `numbers` are the refunds that the answers name."""

    imp_uid: str
    amount: int | None
    key: str
    reason: str
    entry_point: str  # "api" or "command"
    answers: list[tuple[str, str]] = field(default_factory=list)  # status ("200", "exit 0", NO_ANSWER), error code
    numbers: set[str] = field(default_factory=set)

    def note(self, status: str, document: dict[str, Any]) -> None:
        self.answers.append((status, str(document.get("code", ""))))
        number = (document.get("refund") or {}).get("number")
        if number:
            self.numbers.add(number)


@dataclass
class Clients:
    """Request `wanted` refunds over the API, and a few from the command line meanwhile."""

    world: World
    imp_uids: list[str]
    tokens: list[str]
    wanted: int
    seed: int
    attempts: list[RefundAttempt] = field(default_factory=list)
    command_kills: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Request all refunds; return when each has an answer."""
        threads = [threading.Thread(target=self._by_api, args=(number,)) for number in range(len(self.tokens))]
        commands = threading.Thread(target=self._by_command)
        for thread in (*threads, commands):
            thread.start()
        for thread in threads:
            thread.join()
        self.world.stopping.set()
        commands.join()

    def _new(self, dice: random.Random, entry_point: str) -> RefundAttempt | None:
        with self._lock:
            if entry_point == "api" and sum(attempt.entry_point == "api" for attempt in self.attempts) >= self.wanted:
                return None
            key = str(uuid.UUID(int=dice.getrandbits(128)))
            attempt = RefundAttempt(
                dice.choice(self.imp_uids), dice.choice(AMOUNTS), key, f"chaos {key[:8]}", entry_point
            )
            self.attempts.append(attempt)
            return attempt

    def _by_api(self, number: int) -> None:
        dice = random.Random(f"{self.seed}-api-{number}")
        session = requests.Session()
        session.headers["Authorization"] = f"Token {self.tokens[number]}"
        while attempt := self._new(dice, "api"):
            self._post(session, attempt)
            while attempt.answers[-1][0] in {NO_ANSWER, "504"} and dice.random() < REPEATED_SHARE:
                self._post(session, attempt)

    def _post(self, session: requests.Session, attempt: RefundAttempt) -> None:
        body: dict[str, Any] = {"imp_uid": attempt.imp_uid, "reason": attempt.reason}
        if attempt.amount is not None:
            body["cancel_request_amount"] = attempt.amount
        url, headers = f"{self.world.web.url}/payments/cancel", {"Idempotency-Key": attempt.key}
        try:
            answer = session.post(url, json=body, headers=headers, timeout=ANSWER_TIMEOUT)
            attempt.note(str(answer.status_code), answer.json())
        except (requests.RequestException, ValueError):
            attempt.note(NO_ANSWER, {})
        if attempt.answers[-1] in NOBODY_THERE:
            time.sleep(0.3)  # the server or its database may be restarting

    def _by_command(self) -> None:
        dice = random.Random(f"{self.seed}-command")
        while not self.world.stopping.is_set():
            attempt = self._new(dice, "command")
            assert attempt is not None
            options = [] if attempt.amount is None else ["--amount", str(attempt.amount)]
            process = self.world.manage("refund", attempt.imp_uid, "--reason", attempt.reason, "--json", *options)
            patience = dice.uniform(0.5, 5) if dice.random() < COMMAND_KILL_SHARE else None
            try:
                text, _ = process.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                process.kill()
                text, _ = process.communicate()
                self.command_kills += 1
            attempt.note(*_command_answer(process.returncode, text))


def _command_answer(exit_code: int, text: str) -> tuple[str, dict[str, Any]]:
    try:
        return f"exit {exit_code}", json.loads(text)["results"][0]
    except (ValueError, KeyError, IndexError):
        return NO_ANSWER, {}
