"""Run the commands of docs/api.md and docs/api-examples.md, as written there, against a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from access.tokens.service import create_token
from config.celery import app
from refunds import tasks
from refunds.batches.claims import open_batches
from refunds.models import RefundRecord
from tests.factories import make_reason, make_staff, paid_at_sandbox
from tests.proof.web_server import running_web_server
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CURL = (
    'command curl --silent --show-error --noproxy "*" --fail-with-body'
    if shutil.which("curl")
    else f"{sys.executable} -m tests.curl"
)
# An error response fails the command; each response ends with a line break.
PRELUDE = f'set -euo pipefail\ncurl() {{ {CURL} "$@"; echo; }}\n'


def commands(document: str) -> str:
    text = (DOCS / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "".join(block for block in blocks if "curl " in block)


@pytest.mark.parametrize("document", ["api.md", "api-examples.md"])
def test_every_command_of_the_api_documents_works(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]], tmp_path: Path, document: str
) -> None:
    make_reason(code="change_of_mind")
    shop = make_staff(
        *("refund_payment", "view_payment", "view_refundrecord", "change_payment", "view_reconciliationreport"),
        name="shop",
    )
    for order in ("ORDER-1", "maru-2001"):
        paid_at_sandbox(sandbox, merchant_uid=order)
    paid_at_sandbox(sandbox, merchant_uid="ORDER-2", pay_method="vbank")
    _token, text = create_token(user=shop, name="shop")

    with running_web_server(child_environment(), tmp_path / "web.log", workers=1) as url:
        done = subprocess.run(
            ["bash", "-c", PRELUDE + commands(document)],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "URL": url, "TOKEN": text},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert len(answers) == commands(document).count("curl ") - 1  # the one inside $( ) is not printed
    assert [answer["refund"]["status"] for answer in answers if "refund" in answer] == ["succeeded", "succeeded"]
    refund = RefundRecord.objects.get(idempotency_key="return-17")
    assert [answer["number"] for answer in answers if "number" in answer] == [refund.number]


def test_operations_name_the_scheduled_tasks_and_the_order_of_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    operations = (DOCS / "operations.md").read_text(encoding="utf-8")
    order = re.findall(r"^\d\. (.*)$", operations.partition("The sweep works in this order")[2], re.MULTILINE)[:3]
    done: list[str] = []
    monkeypatch.setattr(tasks, "open_batches", lambda: done.append("batches") or open_batches())
    monkeypatch.setattr(tasks, "reconcile_due", lambda **_: done.append("open refunds") or [])
    monkeypatch.setattr(tasks, "process_waiting", lambda **_: done.append("notification inbox"))

    tasks.sweep()

    assert [word in line for word, line in zip(done, order, strict=True)] == [True] * 3, (done, order)
    scheduled = {str(entry["task"]) for entry in app.conf.beat_schedule.values()}
    assert scheduled == set(re.findall(r"^\| `([\w.]+\.tasks\.\w+)` \| every", operations, re.MULTILINE))
