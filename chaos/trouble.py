"""Cause faults: i'mport misbehaves, staff cancel in its console, processes die."""

import contextlib
import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from chaos.world import World
from tests.sandbox_server import SandboxError, SandboxServer

FAULTS = (
    "latency", "http_500", "http_502_html", "http_429", "drop_before", "expired_token", "refuse", "hang_before",
    "drop_after", "truncated", "not_json", "empty_body", "refuse_after", "accept_later", "code0_null", "hang",
)  # fmt: skip
# The probability of each of the 16 faults per call.
CHANCES = {"cancel": 0.02, "payment": 0.02, "payments": 0.02, "getToken": 0.02, "status": 0.02}
# Seconds. A hanging call outlasts our read time-out, and ends before the lease does.
SECONDS = {"latency": 0.3, "hang": 2.5, "hang_before": 2.5}
SETTLE_SECONDS = 3  # until the PG executes what it accepted


def add_faults(sandbox: SandboxServer) -> None:
    sandbox.settings(async_settle_seconds=SETTLE_SECONDS)
    for endpoint, chance in CHANCES.items():
        for fault in FAULTS:
            sandbox.fault(endpoint, fault, probability=chance, seconds=SECONDS.get(fault, 0))


@dataclass
class Trouble:
    """Threads that cause faults until the world is stopping."""

    world: World
    imp_uids: list[str]
    seed: int
    console_cancels: int = 0
    reconciles: int = 0
    fired: Counter[str] = field(default_factory=Counter)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        add_faults(self.world.sandbox)
        works = [self._console, self._kill_web, self._reconcile]
        if self.world.postgres is not None:
            works.append(self._stop_database)
        self._threads = [threading.Thread(target=work) for work in works]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait for the threads, count the faults and clear them."""
        for thread in self._threads:
            thread.join()
        for rule in self.world.sandbox.faults():
            self.fired[rule["fault"]] += rule["fired"]
        self.world.sandbox.clear_faults()

    def _pause(self, dice: random.Random, shortest: float, longest: float) -> bool:
        """Wait; return False when the run is stopping."""
        return not self.world.stopping.wait(dice.uniform(shortest, longest))

    def _console(self) -> None:
        dice = random.Random(f"{self.seed}-console")
        while self._pause(dice, 0.2, 1.5):
            with contextlib.suppress(SandboxError):  # nothing left to cancel
                # No amount of a refund: while that one has no answer, the cancel is taken as its own and flagged for
                # review, and nobody could tell them apart here.
                amount = dice.choice((510, 1_010, 2_010))
                self.world.sandbox.console_cancel(dice.choice(self.imp_uids), amount, "in the console")
                self.console_cancels += 1

    def _kill_web(self) -> None:
        dice = random.Random(f"{self.seed}-kill")
        while self._pause(dice, 2, 8):
            self.world.web.kill()
            self.world.web.start()

    def _stop_database(self) -> None:
        dice = random.Random(f"{self.seed}-database")
        assert self.world.postgres is not None
        while self._pause(dice, 10, 20):
            self.world.postgres.stop()
            self.world.stopping.wait(dice.uniform(0.2, 2))
            self.world.postgres.start()

    def _reconcile(self) -> None:
        dice = random.Random(f"{self.seed}-reconcile")
        while self._pause(dice, 5, 10):
            self.world.manage("reconcile").communicate()
            self.reconciles += 1
