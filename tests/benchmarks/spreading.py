"""How soon an edit of a base is in the messages of every retailer below it, while workers are busy with their batches.

Each retailer has a template of its own words on the one base. For each of them the base is published anew; from that
commit on, the code that a batch begins with looks up what counts for the retailer and renders its first message. What
is timed is the first message that says what was published, and whose it is. Beside it stand how long workers took to
begin another batch after a commit, and how long one process took for the first messages of all retailers, one after
another, after a single commit: that is what the machine can do, not what an edit waits for.

The workers meanwhile send what is queued for all retailers; the ledger must not name an older version in a batch begun
after a commit. Nothing is copied to retailers: the rows that a publish writes are counted by Postgres, with one
retailer below the base and with all of them.
"""

from __future__ import annotations

import random
import time
from argparse import Namespace
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from campaigns import bases, content
from campaigns.language import CUSTOMER_FIELDS
from campaigns.models import Customer, Run, Template
from delivery import compose
from delivery.batches import Entry
from delivery.channels.base import Outbound
from delivery.models import Message
from tenants import context
from tenants.models import BaseTemplate, BaseVersion, Retailer
from tests.benchmarks import delays, engine, fleet, installation, witness, workload
from tests.benchmarks.sink import SinkProcess
from tests.benchmarks.witness import Lease
from tests.benchmarks.writers import Publish

BAR = 2.0  # seconds, of the 99th percentile
_KEY, _TEMPLATE, _STEP = "bench", "picks", "first"
_RATE = 6500  # messages/s: so much is queued that workers stay busy
_PER_RETAILER = 0.25  # seconds of queued work for each publish, beside those asked for
_STARTS_WITHIN = 60.0


@dataclass
class Results:
    """Seconds from a commit: to a retailer's first message that says what was published, to workers' next batches."""

    waits: list[float] = field(default_factory=list)
    next_batches: list[float] = field(default_factory=list)
    everybody: float = 0.0
    rows: int = 0  # that a publish writes, with all retailers below
    rows_of_one: int = 0
    stale: int = 0
    judged: int = 0
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Published:
    """What was published: its words, and its commit by our clock and by the database's, which is read later."""

    version: BaseVersion
    words: str
    at: float
    committed: datetime
    rows: int


def run(options: Namespace) -> Results:
    """Provision, publish while workers are busy, judge, remove."""
    results = Results()
    print(f"{options.retailers} retailers below one base, {options.workers} busy workers", flush=True)
    seconds, seed = options.queued + options.retailers * _PER_RETAILER, options.seed or 1
    standing = fleet.ready(
        options.retailers, messages=int(seconds * _RATE), seed=seed, prepare=lambda _: _build(results)
    )
    try:
        for retailer in standing.retailers:
            _give_words(retailer)
        _measure(results, standing.retailers, workers=options.workers, seed=seed)
    finally:
        if not installation.is_ours_alone():
            _clear_away(standing.retailers)
    return results


def _clear_away(retailers: Sequence[Retailer]) -> None:
    witness.leave()
    engine.remove(retailers)
    BaseTemplate.objects.filter(key=_KEY).update(live=None)
    BaseTemplate.objects.filter(key=_KEY).delete()


def _measure(results: Results, retailers: Sequence[Retailer], *, workers: int, seed: int) -> None:
    order, begun = random.Random(seed).sample(list(retailers), len(retailers)), witness.clock()
    with SinkProcess() as sink, engine.running(email_url=sink.url, workers=workers, postgres=None):
        witness.await_workers(workers, since=begun, seconds=_STARTS_WITHIN)
        people = {each.pk: _person(each) for each in order}
        published = [_publish_timed("edit for all")]
        for retailer in order:
            results.everybody = _first_render(results, retailer, people, published[-1])
        for number, retailer in enumerate(order):
            published.append(_publish_timed(f"edit {number}"))
            results.waits.append(_first_render(results, retailer, people, published[-1]))
        witness.await_workers(workers, since=published[-1].committed, seconds=_STARTS_WITHIN)
        if not fleet.is_there_more(retailers):
            results.complaints.append("Workers ran out of work: waits are not those beside busy ones.")
    results.rows = max(each.rows for each in published)
    if results.rows != results.rows_of_one:
        results.complaints.append(f"A publish writes {results.rows_of_one} rows for one and {results.rows} for all.")
    leases = witness.leases(begun, witness.clock())
    told = [Publish("public", "template", each.version.number, each.committed) for each in published]
    results.next_batches = delays.to_next_batch(told, leases)
    _judge(results, retailers, published, leases)


def _first_render(
    results: Results, retailer: Retailer, people: Mapping[int, tuple[int, Entry]], published: _Published
) -> float:
    """Seconds from the commit to the retailer's first message, if it is right."""
    message = _first_message(retailer, *people[retailer.pk])
    waited = time.perf_counter() - published.at
    if f"{published.words}." not in message.html or f"Words of {retailer.slug}." not in message.html:
        results.complaints.append(f"{retailer.slug} does not say what was published as {published.words}")
    return waited


def _judge(
    results: Results, retailers: Sequence[Retailer], published: Sequence[_Published], leases: Sequence[Lease]
) -> None:
    """Batches begun after a commit, and those of them with a message that was made of an older version."""
    begun = {(each.schema, each.batch_id, each.epoch): each.at for each in leases}
    commits = [each.committed for each in published]
    for retailer in retailers:
        with context.in_retailer(retailer), connection.cursor() as cursor:
            cursor.execute(_OLDEST)
            for batch_id, epoch, oldest in cursor.fetchall():
                at = begun.get((retailer.schema_name, batch_id, epoch))
                if at and (before := bisect_left(commits, at)):
                    results.judged += 1
                    results.stale += oldest < published[before - 1].version.pk
    if results.stale:
        results.complaints.append(f"{results.stale} batches begun after a commit were made of an older version.")
    if not results.judged:
        results.complaints.append("No batch was begun after a commit: nothing is proved.")


def _first_message(retailer: Retailer, run_pk: int, entry: Entry) -> Outbound:
    """As a batch begins: the run and what counts for it are read anew."""
    with context.in_retailer(retailer):
        under_way = Run.objects.select_related("version", "campaign").get(pk=run_pk)
        composer = compose.composer(under_way, _STEP, retailer, [entry], now=timezone.now())
        outbound, failures = composer.compose([entry])
    if failures:
        raise RuntimeError(failures[0].reason)
    return outbound[0]


def _person(retailer: Retailer) -> tuple[int, Entry]:
    """A run of the retailer and somebody in it, read before anything is timed."""
    with context.in_retailer(retailer):
        message = Message.objects.order_by("pk")[0]
        customer = Customer.objects.get(pk=message.customer_id)
        row = {name: getattr(customer, name) for name in CUSTOMER_FIELDS} | {"attributes": customer.attributes}
        entry = Entry(message.pk, 0, "email", message.variant, 0, "", customer.email, row, customer.pk)
        return message.run_id, entry


# -- the base, and what is built on it ---------------------------------------------------------------------------------
def _build(results: Results) -> None:
    """For the first retailer, whose copies the others are: its template fills a slot of the base."""
    with context.on_platform():
        _publish("edit before all")  # not one of those to come: the same words would be the same version
    template = Template.objects.get(key=_TEMPLATE)
    template.base, template.html, template.text, template.subject = _KEY, "", "", ""
    template.slots = {"words": "Words of nobody."}
    template.save()
    content.publish(template)
    with context.on_platform():
        results.rows_of_one = _publish_timed("edit for one").rows


def _publish_timed(words: str) -> _Published:
    with _rows_counted() as counted:
        version = _publish(words)
    at = time.perf_counter()
    return _Published(version, words, at, witness.clock(), *counted)


def _publish(words: str) -> BaseVersion:
    """One transaction: what a commit is counted from."""
    ours = workload.in_our_language(workload.load().source)
    html = ours.html.replace(
        "</body>", f"<p>{{{{ content.words }}}}</p>{{% locked edit %}}<p>{words}.</p>{{% endlocked %}}</body>"
    )
    slots = {"words": {"type": "text", "default": "None."}}
    draft = {"source_format": "html", "subject": ours.subject, "html": html, "text": ours.text, "slots": slots}
    return bases.publish(bases.save(bases.find(_KEY) or bases.blank(_KEY), draft), by="benchmark")


def _give_words(retailer: Retailer) -> None:
    """Each retailer's template says something else: none is served from what was made of another's."""
    with context.in_retailer(retailer), connection.cursor() as cursor:
        cursor.execute(_WORDS, {"words": f"Words of {retailer.slug}.", "slug": retailer.slug})


@contextmanager
def _rows_counted() -> Iterator[list[int]]:
    """A transaction, and how many rows it has written, by Postgres' own count, as its last act."""
    counted: list[int] = []
    with transaction.atomic():
        before = _rows()
        yield counted
        counted.append(_rows() - before)


def _rows() -> int:
    """What this connection has written that the server's statistics do not know of: this transaction, maybe more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])


def report(results: Results) -> dict[str, float]:
    """The lines of the table, and the keys of the last line."""
    print(f"{'seconds from commit to':<36}{'measured':>9}{'p50':>8}{'p99':>8}{'most':>8}")
    rows = {"a retailer's first message": results.waits, "a worker's next batch": results.next_batches}
    for name, values in rows.items():
        figures = "".join(f"{delays.percentile(values, share):>8.3f}" for share in (0.5, 0.99, 1.0))
        print(f"{name:<36}{len(values):>9}{figures}")
    print(f"all retailers' first messages, one after another by one process: {results.everybody:.2f} s")
    print(f"rows written by a publish: {results.rows_of_one} with one retailer below it, {results.rows} with all")
    print(f"{results.judged} batches begun after a commit, {results.stale} of them of an older version")
    p99 = delays.percentile(results.waits, 0.99)
    print(f"propagation_p99_s is {p99:.2f}: {'OVER' if p99 > BAR else 'within'} the bar of {BAR:.0f} s", flush=True)
    return {
        "propagation_p50_s": round(delays.percentile(results.waits, 0.5), 3),
        "propagation_p99_s": round(p99, 3),
        "next_batch_p99_s": round(delays.percentile(results.next_batches, 0.99), 3),
        "everybody_s": round(results.everybody, 2),
        "rows_per_publish": results.rows,
        "judged_batches": results.judged,
        "stale_batches": results.stale,
    }


_WORDS = """
UPDATE campaigns_templateversion
SET document = jsonb_set(document, '{slots,words}', to_jsonb(%(words)s::text)), content_hash = left(content_hash, 32) ||
    md5(%(slug)s)
WHERE document ->> 'base' = 'bench'
"""
_OLDEST = """
SELECT message.batch_id, outcome.epoch, min(edition.base_version)
FROM delivery_outcomerecord outcome
JOIN delivery_message message ON message.id = outcome.message_id
JOIN campaigns_edition edition ON edition.content_hash = message.template_hash
GROUP BY 1, 2
"""
