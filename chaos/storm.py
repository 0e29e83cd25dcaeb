"""One run: prepare, refund under faults, wait until all leases are over, reconcile, judge."""

import json
import sys
import time

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from access.tokens.service import create_token
from chaos.clients import Clients
from chaos.comparison import Truth
from chaos.report import judge, lines
from chaos.trouble import Trouble
from chaos.world import LEASE, World
from payments.intake.sync import sync_by_id
from refunds.models import RefundRecord, RefundSource, RefundStatus

CLIENTS = 6
REFUNDS_PER_PAYMENT = 2.5
KINDS = (
    {"pg_provider": "uplus"},
    {"pg_provider": "html5_inicis"},
    {"pg_provider": "kcp"},
    {"pg_provider": "tosspayments", "pay_method": "trans"},
    {"pg_provider": "nice_v2", "promotion": {"id": "p", "discount": 1_000}},
)


def run(world: World, *, refunds: int, seed: int) -> bool:
    """Run once; return whether every promise held."""
    started = time.monotonic()
    imp_uids, tokens = _prepare(world, refunds)
    world.web.start()
    world.sandbox.settings(webhook_url=f"{world.web.url}/webhooks/iamport")
    trouble = Trouble(world, imp_uids, seed)
    clients = Clients(world, imp_uids, tokens, refunds, seed)
    trouble.start()
    clients.run()
    trouble.end()
    seconds = time.monotonic() - started
    kills = world.web.kills
    world.web.kill()
    time.sleep(LEASE + 1)
    exit_code = _reconcile(world)
    truth = [world.sandbox.payment(imp_uid) for imp_uid in imp_uids]
    verdict = judge(clients.attempts, truth)
    counts = {
        **_troubles(world, trouble),
        "web server killed (SIGKILL)": kills,
        "commands killed (SIGKILL)": clients.command_kills,
        "seconds of storm": round(seconds),
        **_results(truth),
        "exit code of the last reconcile": exit_code,
    }
    print("\n".join(lines(clients.attempts, counts, trouble.fired, verdict)))
    return verdict.is_good and exit_code == 0


def _troubles(world: World, trouble: Trouble) -> dict[str, int]:
    return {
        "cancels made in the console": trouble.console_cancels,
        "notifications sent to us": len(world.sandbox.webhooks()),
        "reconcile runs meanwhile": trouble.reconciles,
        "database stopped": world.postgres.stops if world.postgres else 0,
    }


def _results(truth: list[Truth]) -> dict[str, int]:
    ours = RefundRecord.objects.exclude(source=RefundSource.CONSOLE)
    return {
        "payments": len(truth),
        "refunds that moved money": ours.succeeded().count(),
        "refunds that failed": ours.filter(status=RefundStatus.FAILED).count(),
        "console cancels in the ledger": RefundRecord.objects.filter(source=RefundSource.CONSOLE).count(),
        "won refunded": int(sum(shown["cancel_amount"] for shown in truth)),
    }


def _prepare(world: World, refunds: int) -> tuple[list[str], list[str]]:
    """Migrate, create payments at i'mport, mirror them, and create API tokens."""
    call_command("migrate", verbosity=0)
    count = max(4, round(refunds / REFUNDS_PER_PAYMENT))
    wanted = [{**KINDS[n % len(KINDS)], "merchant_uid": f"chaos-{n}", "amount": 10_000} for n in range(count)]
    imp_uids = [shown["imp_uid"] for shown in world.sandbox.create_payments(wanted)]
    list(sync_by_id(imp_uids))
    user = User.objects.create_superuser("chaos")
    tokens = [create_token(user=user, name="storm")[1] for _ in range(CLIENTS)]
    connections.close_all()
    return imp_uids, tokens


def _reconcile(world: World) -> int:
    """Run `manage.py reconcile`; return its exit code and print what it could not settle."""
    process = world.manage("reconcile", "--json")
    text, errors = process.communicate()
    if process.returncode:
        print(errors, file=sys.stderr)
        open_ones = [result for result in json.loads(text)["results"] if not result["ok"]]
        print(json.dumps(open_ones, indent=1)[:5_000], file=sys.stderr)
    return process.returncode
