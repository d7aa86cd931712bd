"""What a retailer's runs came to between two instants, told from their tallies.

Reads    Tally, Run, Result
Promise  every number is a sum over tallies, of messages by the hour in which they went out; revenue is by currency
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from delivery.models import Receivers
from delivery.warmup import receivers
from tenants.objectives import Complaints, Tried

_GROUP = receivers.case("'@' || domain")
RECEIVERS = f"CASE channel WHEN 'email' THEN {_GROUP} ELSE '' END"
TAKEN = "state IN ('accepted', 'delivered', 'bounced')"  # a provider took it, whatever came of it
MISSED = "state IN ('failed', 'rejected', 'unknown')"
COUNTS = {
    "messages": "sum(messages)",
    "taken": f"sum(messages) FILTER (WHERE {TAKEN})",
    "missed": f"sum(messages) FILTER (WHERE {MISSED})",
    "delivered": "sum(messages) FILTER (WHERE state IN ('accepted', 'delivered'))",  # and not come back, so far
    "bounced": "sum(messages) FILTER (WHERE state = 'bounced')",
    **{
        name: f"sum({name})"
        for name in (
            "opened", "opened_by_machine", "clicked", "clicked_by_machine", "unsubscribed", "complained", "converted",
        )
    },
}  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """Counts of messages by COUNTS; `receivers` by the name of a group of receiving domains, e-mail alone; `revenue`
    by currency, blank where none is known."""

    counts: dict[str, int]
    revenue: dict[str, Decimal]
    receivers: dict[str, Complaints]

    @property
    def tried(self) -> Tried:
        return Tried(self.counts["taken"] + self.counts["missed"], self.counts["missed"])

    @property
    def complaints(self) -> Complaints:
        found = self.receivers.values()
        return Complaints(sum(each.delivered for each in found), sum(each.complained for each in found))

    def percent(self, name: str) -> float | None:
        """Of what a provider took."""
        return 100 * self.counts[name] / self.counts["taken"] if self.counts["taken"] else None


@dataclass(frozen=True)
class Ran:
    """A run that sent something in the time."""

    run_id: int
    campaign: str
    state: str
    reason: str
    counts: dict[str, int]


def summarise(since: datetime, until: datetime) -> Summary:
    found = _asked(_BY_RECEIVERS, since, until)
    counts = {name: sum(int(row[name]) for row in found) for name in COUNTS}
    groups = {
        str(Receivers(row["receivers"]).label): Complaints(int(row["delivered"]), int(row["complained"]))
        for row in found
        if row["receivers"] and row["messages"]
    }
    revenue: dict[str, Decimal] = {}
    for row in sorted(found, key=lambda row: str(row["currency"])):
        if row["amounts"]:
            revenue[row["currency"]] = revenue.get(row["currency"], Decimal()) + row["revenue"]
    return Summary(counts, revenue, groups)


def runs(since: datetime, until: datetime, *, most: int) -> list[Ran]:
    """Those that sent most, first."""
    return [
        Ran(
            row["run_id"],
            row["campaign"],
            row["state"],
            row["reason"],
            {name: int(row[name]) for name in COUNTS},
        )
        for row in _asked(_BY_RUN, since, until, most)
    ]


def _asked(question: str, *params: datetime | int) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(question, [params[0], *params])
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_SUMS = ", ".join(
    f"coalesce({counted}, 0) AS {name}"
    for name, counted in {**COUNTS, "amounts": "sum(amounts)", "revenue": "sum(revenue)"}.items()
)
_ADDED = ", ".join(
    f"sum({name}) AS {name}"
    for name in (
        "messages", "opened", "opened_by_machine", "clicked", "clicked_by_machine", "unsubscribed", "complained",
        "converted", "amounts", "revenue",
    )
)  # fmt: skip
_RECENT = """campaigns_tally tally
WHERE run_id IN (SELECT id FROM campaigns_run WHERE finished_at IS NULL OR finished_at > %s)
    AND hour >= %s AND hour < %s"""
# The rows of amounts are of no messages: in each group of receivers those with a currency only add revenue.
# Each domain is looked at once: telling whose it is costs more than adding up its tallies.
_BY_RECEIVERS = f"""
SELECT {RECEIVERS} AS receivers, currency, {_SUMS}
FROM (SELECT channel, domain, state, currency, {_ADDED} FROM {_RECENT} GROUP BY channel, domain, state, currency) tally
GROUP BY 1, 2 ORDER BY 1, 2
"""
_BY_RUN = f"""
SELECT run.id AS run_id, campaign.name AS campaign, run.state, run.reason, told.*
FROM (SELECT tally.run_id AS of_run, {_SUMS} FROM {_RECENT} GROUP BY tally.run_id) told
JOIN campaigns_run run ON run.id = told.of_run
JOIN campaigns_campaign campaign ON campaign.id = run.campaign_id
ORDER BY told.messages DESC, run.id DESC LIMIT %s
"""
