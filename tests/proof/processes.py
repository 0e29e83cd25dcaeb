"""Refund, reconcile or notify in several processes at once. Run by test_processes.py.

    python -m tests.proof.processes SECONDS ROLE [ROLE ...]

Forks one process per role; all start together and work for SECONDS.
ROLE: refund:IMP_UID[,IMP_UID...], reconcile:IMP_UID[,IMP_UID...] or notify:IMP_UID[,IMP_UID...]
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable

import django
from django.core.management import call_command
from django.db import connections
from django.test import Client

AMOUNTS = ("100", "250", "400")


def refund(imp_uid: str, dice: random.Random) -> None:
    call_command("refund", imp_uid, "--amount", dice.choice(AMOUNTS))


def reconcile(imp_uid: str, dice: random.Random) -> None:
    call_command("reconcile", *([] if dice.random() < 0.2 else [imp_uid]))


def notify(imp_uid: str, dice: random.Random) -> None:
    """Send a notification as i'mport does."""
    Client().post("/webhooks/iamport", json.dumps({"imp_uid": imp_uid, "status": "paid"}), "application/json")


ROLES: dict[str, Callable[[str, random.Random], None]] = {"refund": refund, "reconcile": reconcile, "notify": notify}


def work(role: str, start: float, seconds: float) -> None:
    name, _, uids = role.partition(":")
    dice = random.Random(f"{role}-{os.getpid()}")
    time.sleep(max(0, start - time.time()))
    while time.time() < start + seconds:
        try:
            ROLES[name](dice.choice(uids.split(",")), dice)
        except SystemExit as exc:
            if exc.code != 1:  # 1: some were refused or are open, as intended
                raise


def main(seconds: float, *roles: str) -> int:
    django.setup()
    connections.close_all()
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    start = time.time() + 1
    children = []
    for role in roles:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(role, start, seconds)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    return sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), *sys.argv[2:]))
