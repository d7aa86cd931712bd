"""Results for a spreadsheet: a run's numbers by anything that is told apart, its links, or its messages one by one.

Reads    Tally, SegmentTally, LinkTally, Link; for the messages also Message, Customer and Signal
Promise  no cell is taken for a formula, and a run of any size takes the memory of one page of it
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import StreamingHttpResponse

from campaigns.importing.rejects import harmless
from campaigns.models import Run
from delivery import humans, identity, results
from tenants import context
from tenants.models import Retailer

LINKS, MESSAGES = "link", "message"
CONTENTS = (*results.DIMENSIONS, LINKS, MESSAGES)
_AT_ONCE = 2_000  # messages in memory while they are written out
_BATCHES = 8  # that they are looked for in at once
_LINK = ("step", "variant", "number", "label", "url", "clicks", "messages", "clicks_by_machine")


def chunks(run: Run, of: str, retailer: Retailer) -> Iterator[str]:
    """The file piece by piece, each read in the retailer's schema: a response is sent after its request has left it.

    Raises KeyError for what is not in CONTENTS.
    """
    pages = _pages(run, of, retailer)
    header = next(pages)
    return _written(header, pages)


def file(run: Run, of: str) -> StreamingHttpResponse:
    """The same as an answer that is sent while it is read."""
    name = f"{run.campaign.key}-run-{run.pk}-by-{of}.csv"
    return StreamingHttpResponse(
        chunks(run, of, context.current()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _written(header: Sequence[Sequence[Any]], pages: Iterator[Sequence[Sequence[Any]]]) -> Iterator[str]:
    yield _text(header)
    for page in pages:
        yield _text(page)


def _pages(run: Run, of: str, retailer: Retailer) -> Iterator[Sequence[Sequence[Any]]]:
    """The header alone, then rows in pages."""
    if of == MESSAGES:
        return _messages(run, retailer)
    return iter(_links(run) if of == LINKS else _numbers(run, of))


def _numbers(run: Run, dimension: str) -> list[Sequence[Sequence[Any]]]:
    """A column of revenue for each currency that occurs, for what is in none, and where there is nothing at all."""
    columns, found = results.DIMENSIONS[dimension], results.by(run, dimension)
    currencies = sorted({currency for each in found for currency in each.revenue}) or [""]
    rows = [
        [*each.of.values(), *each.counts.values(), *(each.revenue.get(currency, 0) for currency in currencies)]
        for each in found
    ]
    revenues = [f"revenue_{currency}" if currency else "revenue" for currency in currencies]
    return [[[*columns, *results.COUNTS, *revenues]], rows]


def _links(run: Run) -> list[Sequence[Sequence[Any]]]:
    return [[_LINK], [[each[column] for column in _LINK] for each in results.links(run)]]


def _messages(run: Run, retailer: Retailer) -> Iterator[Sequence[Sequence[Any]]]:
    """Batch by batch, in the order in which they were made: whatever else there is, nobody else's rows are read."""
    called, batch, after = identity.public_ids(retailer), 0, 0
    yield [_COLUMNS]
    while True:
        with context.in_retailer(retailer), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM delivery_batch WHERE run_id = %s AND id > %s ORDER BY id LIMIT %s",
                           [run.pk, batch, _BATCHES])  # fmt: skip
            batches = [pk for (pk,) in cursor.fetchall()]
            params: Mapping[str, Any] = {"run": run.pk, "batches": batches, "human": humans.HUMAN, "most": _AT_ONCE}
            cursor.execute(_MESSAGES, {**params, "after": after})
            rows = cursor.fetchall()
        if rows:
            after = rows[-1][0]
            yield [(called(number), *cells) for number, *cells in rows]
        if len(rows) < _AT_ONCE:
            if not batches:
                return
            batch, after = batches[-1], 0


def _text(rows: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([[harmless(_cell(value)) for value in row] for row in rows])
    return file.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(timespec="seconds")
    return str(value)


_COLUMNS = (
    "message", "customer", "step", "variant", "channel", "provider", "state", "reason", "attempts", "due", "settled",
    "opened", "opened_by_machine", "clicked", "clicked_by_machine", "unsubscribed", "complained",
)  # fmt: skip
_MESSAGES = """
SELECT message.id, customer.external_id, message.step, message.variant, message.channel, message.provider,
    message.state, message.reason, message.attempts, message.send_at, message.settled_at,
    coalesce(told.opened, FALSE), coalesce(told.fetched AND NOT told.opened, FALSE),
    coalesce(told.clicked, FALSE), coalesce(told.followed AND NOT told.clicked, FALSE),
    coalesce(told.unsubscribed, FALSE), coalesce(told.complained, FALSE)
FROM (
    SELECT * FROM delivery_message
    WHERE batch_id = ANY(%(batches)s::bigint[]) AND run_id = %(run)s AND id > %(after)s ORDER BY id LIMIT %(most)s
) message
LEFT JOIN campaigns_customer customer ON customer.id = message.customer_id
LEFT JOIN LATERAL (
    SELECT bool_or(kind = 'open' AND human >= %(human)s) AS opened,
        bool_or(kind = 'open' AND human < %(human)s) AS fetched,
        bool_or(kind = 'click' AND human >= %(human)s) AS clicked,
        bool_or(kind = 'click' AND human < %(human)s) AS followed,
        bool_or(kind = 'unsubscribe') AS unsubscribed, bool_or(kind = 'complaint') AS complained
    FROM delivery_signal WHERE message_id = message.id
) told ON TRUE
ORDER BY message.id
"""
