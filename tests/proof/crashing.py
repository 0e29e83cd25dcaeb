"""Refund in processes that die, stop or lose their database at a named step. Run by test_kill.py.

    python -m tests.proof.crashing kill POINT IMP_UID [POINT IMP_UID ...]
    python -m tests.proof.crashing wait POINT IMP_UID [...]     at the step: say so, and go on that many seconds later

The number of a request for approval instead of IMP_UID approves it.

Each refund runs in its own forked process, with `manage.py refund`. POINT is a name below, or a number N: the N-th
call of one of our functions.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import django
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from core import clock

ROOT = str(Path(__file__).resolve().parents[2])
OURS = tuple(f"{ROOT}/{package}/" for package in ("payments", "refunds"))
Action = Callable[[], None]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_a_line() -> None:
    """Stop here like a suspended machine; the line read gives the seconds by which the clock then moves on."""
    sys.stdout.write("reached\n")
    sys.stdout.flush()
    seconds = float(sys.stdin.readline() or 0)
    time_machine.travel(time.time() + seconds, tick=True).start()
    if seconds:  # the database's clock, which leases use, moves on as well
        clock.database_now = timezone.now


def before(owner: Any, name: str, action: Action) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        action()
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, action: Action) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        action()
        return result

    setattr(owner, name, wrapped)


def around_the_cancel(action: Action, *, sent: bool) -> None:
    """Act just before the cancel is sent, or just after its response arrives."""
    session = sys.modules["payments.gateway.iamport.session"].HttpSession
    original = session.send

    def send(self: Any, call: Any, token: str = "") -> Any:
        if call.moves_money and not sent:
            action()
        answer = original(self, call, token)
        if call.moves_money and sent:
            action()
        return answer

    session.send = send


def while_it_hangs(action: Action, imp_uid: str) -> None:
    """Act from another thread as soon as i'mport has received the cancel, while we wait for the response."""
    log = f"{os.environ['IAMPORT_API_URL']}/_sandbox/log?endpoint=cancel"

    def watch() -> None:
        while not any(call["imp_uid"] == imp_uid for call in json.load(urllib.request.urlopen(log))):  # noqa: S310
            time.sleep(0.02)
        action()

    threading.Thread(target=watch, daemon=True).start()


def before_the_second_commit(action: Action) -> None:
    """Act before the second commit, which settles; the first one reserves."""
    original, commits = connection.commit, []

    def commit() -> None:
        commits.append(1)
        if len(commits) == 2:
            action()
        original()

    connection.commit = commit  # type: ignore[method-assign]


def at_call(number: int, action: Action) -> None:
    """Act at the `number`-th call of one of our functions."""
    calls = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            calls += 1
            if calls == number:
                action()

    sys.setprofile(count)


def arm(point: str, imp_uid: str, action: Action) -> None:
    services, ledger = sys.modules["refunds.services.refund"], sys.modules["refunds.ledger.booking"]
    points: dict[str, Action] = {
        "after the reservation": partial(before, services, "execute", action),
        "before the cancel is sent": partial(around_the_cancel, action, sent=False),
        "while i'mport works": partial(while_it_hangs, action, imp_uid),
        "after the answer": partial(around_the_cancel, action, sent=True),
        "inside the settlement": partial(after, ledger, "succeed", action),
        "before the settlement's commit": partial(before_the_second_commit, action),
        "after the settlement": partial(after, services, "settle_answer", action),
    }
    at_call(int(point), action) if point.isdigit() else points[point]()


def refund(point: str, imp_uid: str, action: Action) -> int:
    """Refund in a forked process; return its exit code, -9 if it was killed."""
    connections.close_all()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 0
    try:
        arm(point, imp_uid, action)
        if imp_uid.startswith("imp_"):
            call_command("refund", imp_uid, "--amount", "1000", stdout=sys.stderr)
        else:
            approve_as_second_person(imp_uid)
    except SystemExit as exc:
        code = int(exc.code or 0)
    except BaseException as exc:  # noqa: BLE001 - the parent needs an exit code in any case
        sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        code = 3
    finally:
        os._exit(code)


def approve_as_second_person(number: str) -> None:
    """Approve a request for approval as the user "boss"."""
    decide, models = import_module("refunds.approvals.decide"), import_module("refunds.models")
    approval = models.RefundApproval.objects.get(number=number)
    boss = get_user_model().objects.get(username="boss")
    decide.approve(approval=approval, user=boss, seen=decide.current_view(approval).seen)


def main(mode: str, *arguments: str) -> None:
    django.setup()
    action = {"kill": die, "wait": wait_for_a_line}[mode]
    for point, imp_uid in zip(arguments[::2], arguments[1::2], strict=True):
        sys.stdout.write(f"{refund(point, imp_uid, action)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
