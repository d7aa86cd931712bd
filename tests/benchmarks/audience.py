"""Who will get a message, at the size of a large retailer: live counts, evaluation of a run, and what comes in.

The people are made in Postgres (tests.benchmarks.population); everything measured goes through the product's own
functions, its import commands and its API. Each figure stands beside the naive way and beside what the machine can do
at best, measured in the same run, and each answer is held against the raw tables. Growth is measured
beside a retailer of `--scale` times as many people, now the one, now the other.
"""

from __future__ import annotations

import json
import shutil
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tenants import context
from tenants.models import Retailer
from tests.benchmarks import cold, counting, engine, evaluating, growth, population, usage
from tests.benchmarks.counting import Counts
from tests.benchmarks.evaluating import Evaluated
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.growth import Growth
from tests.benchmarks.ingesting import Ingest, Ingested
from tests.benchmarks.population import Population
from tests.benchmarks.rows import KINDS, Kind

BARS = {"cold": 1000.0, "warm": 300.0, "evaluate_s": 15.0, "events": 20_000.0, "customers": 15_000.0, "scaling": 1.2}
_EVENT_BYTES = 450  # on disk with its indexes, about


@dataclass
class Results:
    counts: Counts
    evaluated: Evaluated
    ingested: dict[Kind, Ingested]
    drifted: int
    grown: Growth | None = None
    complaints: list[str] = field(default_factory=list)


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. False when a check has failed.

    Raises NoFigures.
    """
    _say(f"{options.customers:,} customers, {options.events:,} events, seed {options.seed}")
    _say(usage.machine())
    _check_disk(options)
    call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
    results = _at_size(options)
    if options.scale:
        _grow(options, results)
    for line in _table(results, options):
        _say(line)
    _say(usage.machine())
    for complaint in dict.fromkeys(results.complaints):
        _say(f"WRONG: {complaint}")
    _say(json.dumps(_keys(results)))
    return not results.complaints


def _at_size(options: Namespace) -> Results:
    people = Population(options.customers, options.events, options.seed, timezone.now())
    retailer = _filled(people)
    try:
        _say("Counting, warm ...")
        counts = counting.warm(retailer, as_of=people.until)
        _say(f"Counting, cold: {cold.what_is_possible()} ...")
        counting.from_cold(counts, retailer, as_of=people.until, runs=options.cold)
        _say("Evaluating ...")
        evaluated = evaluating.evaluate(retailer, now=people.until, repeat=options.repeat)
        _say("Taking in ...")
        ingest = Ingest(retailer, people, seconds=options.ingest_seconds)
        ingest.run(_say)
    finally:
        engine.remove([retailer])
    complaints = [*counts.complaints, *evaluated.complaints, *ingest.complaints]
    return Results(counts, evaluated, ingest.measured, ingest.drifted, complaints=complaints)


def _grow(options: Namespace, results: Results) -> None:
    sizes = [(options.customers, options.events), (options.customers * options.scale, options.events * options.scale)]
    _say(f"Growth: {sizes[0][0]:,} customers beside {sizes[1][0]:,}, in turns")
    until, retailers = timezone.now(), []
    try:
        retailers += [_filled(Population(customers, events, options.seed, until)) for customers, events in sizes]
        results.grown = growth.between(*retailers, as_of=until)
    finally:
        engine.remove(retailers)
    results.complaints += results.grown.complaints


def _filled(people: Population) -> Retailer:
    retailer = engine.provision(1)[0]
    _say("Making the people ...")
    begun = time.monotonic()
    with context.in_retailer(retailer):
        population.fill(people)
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    _say(f"  {time.monotonic() - begun:.0f} s")
    return retailer


def _check_disk(options: Namespace) -> None:
    needed = options.events * max(1, options.scale) * _EVENT_BYTES * 1.5
    free = shutil.disk_usage("/tmp").free  # where the installation stands
    if cold.is_embedded() and free < needed:
        raise NoFigures(f"{needed / 1e9:.0f} GB are needed and {free / 1e9:.0f} GB free: take less, or --scale 0.")


def _keys(results: Results) -> dict[str, Any]:
    counts, evaluated = results.counts, results.evaluated
    figures: dict[str, Any] = {
        "count_p95_ms": {
            each.question.name: {"cold": round(each.cold_p95, 1), "warm": round(each.warm_p95, 1)}
            for each in counts.each
        },
        "evaluate_s": round(evaluated.usual, 3),
    }
    for kind in KINDS:
        figures |= _ingest_keys(kind, results.ingested[kind])
    grown = results.grown
    return figures | {
        "scaling_5m": round(grown.most, 3) if grown else None,
        "scaling_count": {name: round(ratio, 3) for name, ratio in grown.counts.items()} if grown else None,
        "scaling_evaluate": round(grown.evaluate, 3) if grown else None,
        "facts_drifted": results.drifted,
        "naive_count_ms": {each.question.name: round(median(each.naive), 1) for each in counts.each},
        "naive_count_cold_ms": {each.question.name: round(each.naive_cold[0], 1) for each in counts.each},
        "limit_count_ms": round(median(counts.limit), 1),
        "limit_evaluate_s": round(median(evaluated.limit), 3),
        "ratio_limit_evaluate": round(evaluated.usual / median(evaluated.limit), 2),
    }


def _ingest_keys(kind: Kind, ingested: Ingested) -> dict[str, float]:
    limit, bulk, one = (ingested.middle(way) for way in ("limit", "bulk", "one_by_one"))
    return {
        f"ingest_{kind}_per_s": round(ingested.per_s),
        **{f"ingest_{kind}_{door}_per_s": round(rate) for door, rate in ingested.doors.items()},
        **{f"ingest_{kind}_{door}_cpu_s_per_1000": round(cpu, 4) for door, cpu in ingested.cpu_s_per_1000.items()},
        f"ingest_{kind}_command_start_s": round(ingested.start_s, 1),
        f"limit_{kind}_per_s": round(limit),
        f"bulk_create_{kind}_per_s": round(bulk),
        f"save_{kind}_per_s": round(one),
        f"ratio_limit_{kind}": round(ingested.per_s / limit, 3),
    }


def _table(results: Results, options: Namespace) -> Iterator[str]:
    evaluated, told = results.evaluated, results.evaluated.waterfall
    yield f"{'count, ms':<46}{'people':>10}{'reached':>10}{'warm p95':>10}{'cold p95':>10}{'naive':>10}{'cold':>10}"
    for each in results.counts.each:
        yield (
            f"{each.question.name + ' ' + each.question.words:<46}{each.people:>10,}{each.reachable:>10,}"
            f"{each.warm_p95:>10.0f}{each.cold_p95:>10.0f}{median(each.naive):>10.0f}{each.naive_cold[0]:>10.0f}"
        )
    yield f"one pass over the facts takes {median(results.counts.limit):.0f} ms"
    yield (
        f"evaluate: {told.candidates:,} candidates in {evaluated.usual:.1f} s, {told.included:,} included, "
        f"{told.excluded}; plain rows take {median(evaluated.limit):.1f} s"
    )
    others = f"{'COPY':>10}{'bulk_create':>14}{'save':>10}"
    yield f"{'rows/s':<12}{'command':>10}{'API':>10}{others}{'cpu s/1,000':>12}{'API':>8}"
    for kind, ingested in results.ingested.items():
        yield (
            f"{kind:<12}{ingested.doors['command']:>10,.0f}{ingested.doors['api']:>10,.0f}"
            f"{ingested.middle('limit'):>10,.0f}{ingested.middle('bulk'):>14,.0f}{ingested.middle('one_by_one'):>10,.0f}"
            f"{ingested.cpu_s_per_1000['command']:>12.3f}{ingested.cpu_s_per_1000['api']:>8.3f}"
        )
    if grown := results.grown:
        yield f"at {options.scale} times the size: counts {grown.ms} ms, evaluate {grown.seconds} s"
    yield from _verdicts(results)


def _verdicts(results: Results) -> Iterator[str]:
    within: dict[str, tuple[float, float]] = {
        "warm count, ms": (max(each.warm_p95 for each in results.counts.each), BARS["warm"]),
        "cold count, ms": (max(each.cold_p95 for each in results.counts.each), BARS["cold"]),
        "evaluate, s": (results.evaluated.usual, BARS["evaluate_s"]),
    }
    if results.grown:
        within["growth"] = (results.grown.most, BARS["scaling"])
    for what, (figure, bar) in within.items():
        yield f"{what} {figure:.2f}: {'OVER' if figure > bar else 'within'} the bar of {bar:g}"
    for kind in KINDS:
        rate = results.ingested[kind].per_s
        yield f"{kind}/s {rate:,.0f}: {'UNDER' if rate < BARS[kind] else 'within'} the bar of {BARS[kind]:,.0f}"


def _say(words: str) -> None:
    print(words, flush=True)
