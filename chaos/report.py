"""Judge a run: the requests, the faults, and whether a refund was lost, doubled or reported wrongly."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.clients import NO_ANSWER, RefundAttempt
from chaos.comparison import Truth, differences, doubled, executions, unresolved, was_executed
from refunds.models import RefundRecord, RefundStatus

REFUNDED = {"200", "exit 0"}
# With these codes the refund has ended without moving money.
MOVED_NOTHING = {"gateway_unavailable", "refused_by_gateway", "refund_not_carried_out"}


@dataclass
class Verdict:
    """The broken promises; all lists are empty after a good run."""

    differences: list[str]
    doubled: list[str]
    unresolved: list[str]
    refunded_but_not_moved: list[str] = field(default_factory=list)
    moved_but_denied: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not any(vars(self).values())


def judge(attempts: list[RefundAttempt], truth: list[Truth]) -> Verdict:
    """Compare the ledger with i'mport, and every answer with what happened."""
    executed = executions(truth)
    verdict = Verdict(differences(truth), doubled(truth), unresolved())
    records = {record.reason: record for record in RefundRecord.objects.exclude(source="console")}
    for attempt in attempts:
        record = records.get(attempt.reason)
        moved = 0 if record is None else executed[record.number]
        name = f"{attempt.entry_point} {attempt.imp_uid} {attempt.reason}: {attempt.answers}, moved {moved} times"
        statuses = {status for status, _ in attempt.answers}
        if statuses & REFUNDED and not (moved == 1 and record and record.status == RefundStatus.SUCCEEDED):
            verdict.refunded_but_not_moved.append(name)
        if moved and _denied(attempt):
            verdict.moved_but_denied.append(name)
        if "500" in statuses:
            verdict.unexpected.append(name)
        if record is not None and was_executed(record, executed) != (record.status == RefundStatus.SUCCEEDED):
            verdict.differences.append(f"{record.number}: {record.status}, moved {moved} times")
    return verdict


def _denied(attempt: RefundAttempt) -> bool:
    """Tell whether the answer said for certain that nothing happened.

    400, 409 and 503 "database_unavailable" are about one request: when it repeats another one, whose answer was
    lost, that one may have moved money.
    """
    status, code = attempt.answers[-1]
    return code in MOVED_NOTHING or (len(attempt.answers) == 1 and status in {"400", "409", "503"})


def lines(attempts: list[RefundAttempt], counts: dict[str, int], fired: Counter[str], verdict: Verdict) -> list[str]:
    """Return the table that a run prints."""
    answers = Counter(
        f"{status} {code}".strip() if status != NO_ANSWER else status
        for attempt in attempts
        for status, code in attempt.answers
    )
    table = [("refunds requested", len(attempts)), ("answers", answers.total())]
    table += [(f"  {answer}", count) for answer, count in sorted(answers.items())]
    table += [("faults fired at i'mport", fired.total())]
    table += [(f"  {fault}", count) for fault, count in sorted(fired.items())]
    table += list(counts.items())
    return shown(table, vars(verdict))


def shown(table: list[tuple[str, int]], broken: Mapping[str, list[str]]) -> list[str]:
    """Return the lines of a table, how often each promise was broken, and the first of each."""
    rows = [*table, *((name.replace("_", " "), len(found)) for name, found in broken.items())]
    width = max(len(name) for name, _ in rows) + 2
    counts = [f"{name:<{width}}{count:>7,}" for name, count in rows]
    return counts + [f"! {sentence}" for found in broken.values() for sentence in found[:20]]
