"""How fast mail leaves: our whole path, from launch to settled ledger, between the physical limit and the naive way.

The clock starts at the launch of a campaign per retailer, with workers running and warm, and stops when every run is
completed: audience, messages, re-checks, rendering, hand-over, outcomes and ledger are all in it. Before and after
each of our runs stand halves of both baselines, against the same mail server, so that the machine's moods strike all
three alike. Processor time counts workers, scheduler, this process and Postgres, and not the mail server.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tenants.models import Retailer
from tests.benchmarks import engine, figures, limit, naive, usage, workload
from tests.benchmarks.engine import Engine, Person
from tests.benchmarks.figures import Measured
from tests.benchmarks.naive import Naive
from tests.benchmarks.sink import SinkProcess
from tests.benchmarks.workload import Workload

NAIVE_SHARE, NAIVE_LEAST, NAIVE_MOST = 0.05, 40, 1000  # the naive way is too slow for all of them


@dataclass
class Results:
    """What was measured, repetition by repetition."""

    ours: list[Measured] = field(default_factory=list)
    limit: list[Measured] = field(default_factory=list)
    naive: list[Measured] = field(default_factory=list)
    duplicates: int = 0
    lost: int = 0
    peak_rss_mb: float = 0.0
    complaints: list[str] = field(default_factory=list)


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. False when a check has failed.

    Raises NoFigures.
    """
    source = workload.load()
    people = list(source.people(options.messages, options.tenants, options.seed or source.seed))
    _say(f"{options.messages:,} messages of {options.tenants} retailers by {options.workers} workers; {source.origin}")
    _say(usage.machine())
    _say("Provisioning, and taking customers in ...")
    retailers = engine.provision(options.tenants)
    try:
        results = _measured(options, source, people, retailers)
    finally:
        engine.remove(retailers)
    _say(_table(results))
    _say(usage.machine())
    for complaint in results.complaints:
        _say(f"WRONG: {complaint}")
    _say(json.dumps(_keys(results)))
    return not (results.complaints or results.duplicates or results.lost)


def _measured(options: Namespace, source: Workload, people: list[Person], retailers: Sequence[Retailer]) -> Results:
    by_retailer = [[p for p in people if p["tenant"] == number] for number in range(1, len(retailers) + 1)]
    for retailer, theirs in zip(retailers, by_retailer, strict=True):
        engine.fill(retailer, source.source, iter(theirs))
    engine.read_sample(retailers[0], by_retailer[0])
    results = Results()
    postgres = engine.postgres_pid()
    if postgres is None:
        _say("Postgres does not run on this machine: its processor time is NOT in these figures.")
    with ExitStack() as stack:
        sink = stack.enter_context(SinkProcess(chunking=not options.without_chunking))
        _say("Starting workers ...")
        naive_way = stack.enter_context(naive.running(port=sink.port, workers=options.workers, postgres=postgres))
        ours = stack.enter_context(engine.running(email_url=sink.url, workers=options.workers, postgres=postgres))
        naive_way.send(people[: options.workers])
        ours.warm_up(retailers[0], len(by_retailer[0]))
        baselines = _Baselines(source, people, sink, naive_way, options.workers)
        for number in range(1, options.repeat + 1):
            _say(f"Round {number} of {options.repeat}: the baselines' first half ...")
            baselines.send(results, 0)
            _say("  ours ...")
            _send_ours(ours, retailers, people, sink, results)
            _say(f"  {results.ours[-1].per_s:,.0f} messages/s; the baselines' second half ...")
            baselines.send(results, 1)
        results.peak_rss_mb = ours.peak_rss_mb()
    return results


@dataclass(frozen=True)
class _Baselines:
    source: Workload
    people: list[Person]
    sink: SinkProcess
    naive: Naive
    workers: int

    def send(self, results: Results, half: int) -> None:
        theirs = self.people[half::2] or self.people
        results.limit.append(limit.send(self.source.source, theirs, port=self.sink.port, processes=self.workers))
        number = round(min(max(len(self.people) * NAIVE_SHARE, NAIVE_LEAST), NAIVE_MOST) / 2)
        results.naive.append(self.naive.send(theirs[:number]))


def _send_ours(
    ours: Engine, retailers: Sequence[Retailer], people: Sequence[Person], sink: SinkProcess, results: Results
) -> None:
    sink.reset()
    measured, runs = ours.send(retailers, len(people))
    duplicates, lost, complaints = engine.check(runs, sink, {person["email"] for person in people})
    results.ours.append(measured)
    results.duplicates += duplicates
    results.lost += lost
    results.complaints += complaints
    sink.reset()


def _keys(results: Results) -> dict[str, float]:
    ours, best, naive_way = (figures.middle(each) for each in (results.ours, results.limit, results.naive))
    return {
        "messages_per_s": round(ours.per_s, 1),
        "cpu_s_per_1000": round(ours.cpu_s_per_1000, 4),
        "limit_messages_per_s": round(best.per_s, 1),
        "limit_cpu_s_per_1000": round(best.cpu_s_per_1000, 4),
        "naive_messages_per_s": round(naive_way.per_s, 1),
        "naive_cpu_s_per_1000": round(naive_way.cpu_s_per_1000, 4),
        "ratio_limit": round(ours.per_s / best.per_s, 4),
        "ratio_naive": round(ours.per_s / naive_way.per_s, 2),
        "peak_rss_mb": round(results.peak_rss_mb, 1),
        "duplicates": results.duplicates,
        "lost": results.lost,
    }


def _table(results: Results) -> str:
    ours, best, naive_way = (figures.middle(each) for each in (results.ours, results.limit, results.naive))
    rows = (("the limit", best, results.limit), ("ours", ours, results.ours), ("naive", naive_way, results.naive))
    lines = [f"{'':<10}{'messages':>12}{'messages/s':>12}{'cpu s per 1,000':>18}   each time, messages/s"]
    for name, usual, measured in rows:
        each = " ".join(f"{one.per_s:,.0f}" for one in measured)
        number = sum(one.messages for one in measured)
        lines.append(f"{name:<10}{number:>12,}{usual.per_s:>12,.0f}{usual.cpu_s_per_1000:>18.3f}   {each}")
    lines.append(f"ours is {ours.per_s / best.per_s:.2f} of the limit and {ours.per_s / naive_way.per_s:.1f} x naive; "
                 f"{results.duplicates} duplicates, {results.lost} lost; "
                 f"a worker held {results.peak_rss_mb:.0f} MB at most")  # fmt: skip
    return "\n".join(lines)


def _say(words: str) -> None:
    print(words, flush=True)
