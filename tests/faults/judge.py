"""The providers' ledgers held against the database's: who was lost, mailed twice, mistaken, leaked, or written to
although suppressed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from campaigns.models import Run
from delivery import identity, pace, reports
from delivery.batches import INTERRUPTED
from tenants.models import Retailer
from tests.faults.providers import is_refused
from tests.faults.truth import Account, Taken

OBEYS_WITHIN = 5.0  # seconds from a suppression, or a suspension, to the last mail that goes against it
_SENT = {"accepted", "delivered"}
_MAY_BE_SENT = _SENT | {"unknown"}
_OPEN = {"queued", "claimed"}
_NOT_DUE = {"expired", "cancelled"}


class Row(NamedTuple):
    """A message of the database's ledger."""

    key: str
    state: str
    reason: str
    recipient: str


@dataclass
class Findings:
    """About one retailer. `unaccounted` and `complaints` are in words, with an example; empty where all is well."""

    states: Counter[str]
    duplicates: int = 0
    unaccounted: int = 0
    complaints: list[str] = field(default_factory=list)
    withheld: int = 0  # unknown, and suppressed since: whatever became of them, they must not be sent again
    interrupted: int = 0  # left unknown by those who died during a hand-over

    @property
    def unknown(self) -> int:
        return self.states["unknown"]

    @property
    def sent(self) -> int:
        return sum(self.states[state] for state in _SENT)

    @property
    def eligible(self) -> int:
        """Due, of those whom the provider does not refuse for good, and who may still be written to."""
        return sum(self.states.values()) - sum(self.states[state] for state in (*_NOT_DUE, "rejected")) - self.withheld

    def lack(self, what: str, whom: set[str] | list[str]) -> None:
        if whom:
            self.unaccounted += len(whom)
            self.complain(what, whom)

    def complain(self, what: str, whom: set[str] | list[str]) -> None:
        if whom:
            self.complaints.append(f"{len(whom)} {what}, such as {min(whom)}")


def judge(retailer: Retailer, run: Run, account: Account, suppressed: Mapping[str, float]) -> Findings:
    """What is to be said once a run has ended. `suppressed` says since when which address is; in seconds of the clock
    of day. In the retailer's schema.
    """
    rows = _rows(retailer, run)
    findings = Findings(Counter(row.state for row in rows))
    findings.withheld = sum(row.state == "unknown" and row.recipient in suppressed for row in rows)
    _compare(rows, account.taken, findings)
    _explain_unknown(run, rows, account, findings)
    report = reports.report(run)
    if not report.balances:
        findings.lack("members without a message", [f"due {report.due}, and there are {report.steps}"])
    findings.duplicates = doubles(account.taken)
    if findings.duplicates:
        findings.complaints.append(f"{findings.duplicates} went out twice")
    domain = f"@{retailer.slug}.example"
    leaks = [each.recipient for each in account.taken if not each.recipient.endswith(domain)]
    leaks += [each.sender for each in account.taken if not each.sender.endswith(domain)]
    findings.complain("of another retailer at this one's provider", leaks)
    findings.complain("written to although suppressed", late(account.taken, suppressed))
    _judge_windows(run, findings)
    return findings


def doubles(taken: list[Taken]) -> int:
    """How many more went out than there are messages, or people: each has one message."""
    return len(taken) - min(len({each.key for each in taken}), len({each.recipient for each in taken}))


def late(taken: list[Taken], suppressed: Mapping[str, float]) -> list[str]:
    never = float("inf")
    return [each.recipient for each in taken if each.at > suppressed.get(each.recipient, never) + OBEYS_WITHIN]


def _compare(rows: list[Row], taken: list[Taken], findings: Findings) -> None:
    """Message by message: what each side says of it."""
    state_of, by_key = {row.key: row.state for row in rows}, {each.key: each for each in taken}
    findings.lack("messages that never ended", [row.recipient for row in rows if row.state in _OPEN])
    findings.lack("sent, says our ledger, and not the provider's",
                  [row.recipient for row in rows if row.state in _SENT and row.key not in by_key])  # fmt: skip
    findings.lack("sent, says the provider's ledger, and not ours",
                  [row.recipient for row in rows if row.key in by_key and row.state not in _MAY_BE_SENT])  # fmt: skip
    findings.lack("at the provider that no message of ours is", by_key.keys() - state_of.keys())
    people = {row.key: row.recipient for row in rows}
    strayed = [key for key, each in by_key.items() if people.get(key, each.recipient) != each.recipient]
    findings.complain("went to another person than their own", strayed)
    refused = {row.recipient for row in rows if row.state == "rejected"}
    findings.complain("refused, says our ledger, whom the provider never refuses",
                      {address for address in refused if not is_refused(address)})  # fmt: skip
    failed = [f"{row.recipient}: {row.reason}" for row in rows if row.state == "failed"]
    findings.complain("failed", failed)


def _explain_unknown(run: Run, rows: list[Row], account: Account, findings: Findings) -> None:
    """Unknown is only what became of those in the hand-over of one who died, and those whose answer left it open."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_HAND_OVER, [run.pk, INTERRUPTED])
        in_hand_over = {address for (address,) in cursor.fetchall()}
    unknown = {f"{row.recipient} ({row.reason})" for row in rows
               if row.state == "unknown" and row.recipient not in in_hand_over | account.doubtful}  # fmt: skip
    findings.complain("unknown although the provider's answer was plain", unknown)


def _judge_windows(run: Run, findings: Findings) -> None:
    """Whoever died left no more unknown than it had in hand-over."""
    with connection.cursor() as cursor:
        cursor.execute(_WINDOWS, [run.pk, INTERRUPTED])
        windows = [(f"batch {batch}", count) for batch, count in cursor.fetchall()]
    findings.interrupted = sum(count for _, count in windows)
    findings.complain("windows of more than is handed over at once", [w for w, count in windows if count > pace.MOST])


def _rows(retailer: Retailer, run: Run) -> list[Row]:
    name = identity.public_ids(retailer)
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [run.pk])
        return [Row(name(number), *rest) for number, *rest in cursor.fetchall()]


_ROWS = """
SELECT message.id, message.state, message.reason, customer.email
FROM delivery_message message JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE message.run_id = %s
"""
_IN_HAND_OVER = """
SELECT DISTINCT customer.email
FROM delivery_outcomerecord record
JOIN delivery_message message ON message.id = record.message_id
JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE message.run_id = %s AND record.result = 'unknown' AND record.detail = %s
"""
_WINDOWS = """
SELECT message.batch_id, count(*)
FROM delivery_outcomerecord record JOIN delivery_message message ON message.id = record.message_id
WHERE message.run_id = %s AND record.result = 'unknown' AND record.detail = %s
GROUP BY message.batch_id, record.epoch
"""
