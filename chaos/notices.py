"""E-mails to buyers while the mail server refuses every second one and the workers are killed; then judge each."""

import time

from django.core.management import call_command

from tests.proof.notice_storm import storm


def run(variables: dict[str, str], *, port: int, settlements: int, seed: int) -> bool:
    """Settle so many refunds; print what happened, and return whether every promise held."""
    call_command("migrate", verbosity=0)
    started = time.monotonic()
    finding, server = storm(variables, port=port, settlements=settlements, seed=seed)
    delivered = sum(server.received.values())
    print(f"{len(server.received)} buyers told, {delivered} mails taken, {server.refused} refused")
    print(f"{time.monotonic() - started:.0f} s")
    for name, found in vars(finding).items():
        if found:
            print(f"! {name}: {found}")
    return finding.is_good
