"""Refund under random failures, then check that none was lost, doubled or reported wrongly. Exit code 1 if any was.

python -m chaos --database sqlite --refunds 1000 --seed 1
python -m chaos --database postgres --batch 1000 --broker redis     one bulk refund of 1,000 orders instead
python -m chaos --database postgres --notices 10000                 e-mails to the buyers of 10,000 refunds instead
"""

import argparse
import importlib
import os
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from chaos.brokers import running_broker
from chaos.mails import mail_environment
from chaos.world import WebServer, World, environment
from tests.proof.own_postgres import OwnPostgres, free_port
from tests.sandbox_server import SandboxServer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--refunds", type=int, default=1_000, help="Refunds to request over the API (default: 1000).")
    parser.add_argument("--batch", type=int, metavar="N", help="Refund N orders in one batch instead.")
    parser.add_argument("--notices", type=int, metavar="N", help="Tell N buyers by e-mail instead.")
    parser.add_argument("--broker", choices=("folder", "redis"), default="folder", help="That of the batch's worker.")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    kind = f"--batch {options.batch} --broker {options.broker}" if options.batch else f"--refunds {options.refunds}"
    kind = f"--notices {options.notices}" if options.notices else kind
    print(f"python -m chaos --database {options.database} {kind} --seed {options.seed}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refund-chaos-")))
        server = stack.enter_context(OwnPostgres()) if options.database == "postgres" else None
        sandbox = stack.enter_context(SandboxServer.start(folder / "sandbox.sqlite3"))
        variables = environment(server.url if server else f"sqlite:///{folder}/refunds.sqlite3", sandbox, folder)
        broker = stack.enter_context(running_broker(options.broker, folder))
        variables["CELERY_BROKER_URL"] = broker.url
        mail_port = free_port()
        variables |= mail_environment(mail_port)
        os.environ.update(variables)
        django.setup()
        web = WebServer(variables, free_port(), folder / "web.log")
        stack.callback(web.kill)
        # Models need Django set up.
        world = World(sandbox, web, variables, server)
        if options.notices:
            notices = importlib.import_module("chaos.notices")
            good = notices.run(variables, port=mail_port, settlements=options.notices, seed=options.seed)
        elif options.batch:
            batch_storm = importlib.import_module("chaos.batch_storm")
            good = batch_storm.run(world, broker, orders=options.batch, seed=options.seed)
        else:
            storm = importlib.import_module("chaos.storm")
            good = storm.run(world, refunds=options.refunds, seed=options.seed)
    print("GOOD: no refund lost or doubled." if good else "BAD: see the lines that start with !")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
