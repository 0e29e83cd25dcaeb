"""Close months of random refunds, and compare each statement with naive sums. Exit code 1 if one differs.

python -m chaos.month_close --database postgres --refunds 100000 --seed 1
"""

import argparse
import importlib
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import django
from django.core.management import call_command

from tests.proof.own_postgres import OwnPostgres


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.month_close", description=__doc__.partition("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--refunds", type=int, default=10_000, help="About so many refunds (default: 10,000).")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    said = f"--database {options.database} --refunds {options.refunds} --seed {options.seed}"
    print(f"python -m chaos.month_close {said}", flush=True)
    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refund-months-")))
        server = stack.enter_context(OwnPostgres()) if options.database == "postgres" else None
        url = server.url if server else f"sqlite:///{folder}/refunds.sqlite3"
        os.environ |= {"DATABASE_URL": url, "DEBUG": "true", "DJANGO_READ_DOTENV": "0", "LOG_LEVEL": "WARNING"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
        call_command("migrate", verbosity=0)
        model = importlib.import_module("chaos.months").Model(refunds=options.refunds, seed=options.seed)
        try:
            model.run()
        except AssertionError as exc:
            print(f"! {exc}")
            print("BAD: a statement differs from the naive sums.")
            return 1
    moved, months = len(model.seen), len(model.closed)
    print(f"{months} months closed, {moved:,} movements, {time.monotonic() - started:.0f} s")
    print("GOOD: every movement is in exactly one month, and each statement equals the naive sums.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
