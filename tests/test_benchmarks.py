"""The benchmarks run, print what they promise, and find nothing wrong. Their figures are for quieter machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import spreading

KEYS = {
    "messages_per_s",
    "cpu_s_per_1000",
    "limit_messages_per_s",
    "naive_messages_per_s",
    "ratio_limit",
    "ratio_naive",
    "peak_rss_mb",
    "duplicates",
    "lost",
}
REPORTS = {
    "p95_ms", "p50_ms", "queries", "worst_p95_ms", "most_queries", "count_s", "count_again_s", "count_turns",
    "longest_turn_s", "count_others_s", "naive_totals_ms", "rows_mb", "tallies_mb", "wrong",
}  # fmt: skip
HOSTILE = {
    f"{place}_{figure}"
    for place in ("beside", "within")
    for figure in ("baseline_p99_us", "p99_us", "ratio", "cpu_ratio")
} | {"hostile_made", "hostile_refused", "hostile_slowest_ms", "hostile_memory_mb"}
MOST_QUERIES = 25  # of a page, whatever there is to report
EMBEDDED = ("DATABASE_URL", "CELERY_BROKER_URL")  # left unset, so that nobody's own services are used


def benchmark(*words: str, seconds: float = 120) -> dict[str, Any]:
    """What the last line of its output says."""
    environment = {name: value for name, value in os.environ.items() if name not in EMBEDDED}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *words],
        cwd=Path(__file__).resolve().parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_delivery_sends_everything_once_and_tells_all_its_figures() -> None:
    figures = benchmark("delivery", "--messages", "200")
    assert figures.keys() >= KEYS
    assert figures["duplicates"] == figures["lost"] == 0
    assert all(figures[key] > 0 for key in KEYS - {"duplicates", "lost"})


PROPAGATION = {"p50_s", "p99_s", "p99_s_degraded", "naive_p99_s", "publishes", "sightings", "judged_batches"}


def test_propagation_finds_no_batch_out_of_date_and_stops_that_stop() -> None:
    tiny = ("--retailers", "3", "--writers", "2", "--seconds", "2", "--stops", "1")
    figures = benchmark("propagation", *tiny)
    assert figures["stale_batches"] == 0
    assert 0 <= figures["stop_p99_s"] <= 5
    assert all(figures[key] > 0 for key in PROPAGATION)


AUDIENCE = {"evaluate_s", "limit_evaluate_s", "limit_count_ms"} | {
    f"{way}_{kind}_per_s"
    for kind in ("events", "customers")
    for way in ("ingest", "limit", "bulk_create", "save")
}  # fmt: skip


@pytest.mark.timeout(420)
def test_audience_counts_and_takes_in_what_the_raw_tables_say() -> None:
    tiny = ("--customers", "2000", "--events", "10000", "--ingest-seconds", "1", "--cold", "1", "--repeat", "1")
    figures = benchmark("audience", *tiny, "--scale", "0", seconds=400)
    assert figures["count_p95_ms"].keys() == figures["naive_count_ms"].keys() == {"R1", "R2", "R3", "R4", "R5"}
    assert figures["facts_drifted"] == 0
    assert all(figures[key] > 0 for key in AUDIENCE)


TEMPLATES = {
    "us_per_message",
    "limit_us",
    "ratio_limit",
    "rich_us_per_message",
    "rich_limit_us",
    "rich_ratio_limit",
    "propagation_p50_s",
    "propagation_p99_s",
    "next_batch_p99_s",
    "everybody_s",
    "rows_per_publish",
    "judged_batches",
    "stale_batches",
}


def test_templates_say_what_the_hand_written_mails_say_and_tell_what_they_cost() -> None:
    figures = benchmark("templates", "--messages", "100", "--retailers", "3", "--queued", "2")
    assert figures.keys() == TEMPLATES
    assert figures["stale_batches"] == 0
    assert figures["propagation_p99_s"] <= spreading.BAR
    assert all(figures[key] > 0 for key in TEMPLATES - {"stale_batches"})


def test_hostile_templates_are_set_beside_friendly_ones() -> None:
    figures = benchmark("hostile", "--rounds", "1", "--fuzzed", "300", seconds=400)
    assert figures.keys() == HOSTILE
    assert all(figures[key] > 0 for key in HOSTILE - {"hostile_memory_mb"})
    assert figures["hostile_memory_mb"] >= 0


INGEST = {
    "hits_per_s",
    "p99_ms",
    "acknowledged_before_kill",
    "web_cpu_us_per_hit",
    "client_cpu_us_per_hit",
    "naive_hits_per_s",
    "webhooks_per_s",
    "webhooks_p99_ms",
    "webhook_events",
    "naive_webhooks_per_s",
}


@pytest.mark.timeout(420)
def test_ingest_loses_nothing_that_it_acknowledged() -> None:
    tiny = ("--messages", "4000", "--seconds", "1", "--callers", "8", "--patient")
    figures = benchmark("ingest", *tiny, seconds=400)
    assert figures["lost"] == figures["wrong"] == figures["refused"] == 0
    assert all(figures[key] > 0 for key in INGEST)


def test_reports_say_what_the_rows_say_and_how_long_each_page_takes() -> None:
    figures = benchmark("reports", "--signals", "20000", "--runs", "4", "--repeat", "2")
    assert figures.keys() == REPORTS
    assert figures["wrong"] == 0
    assert figures["p95_ms"].keys() == figures["p50_ms"].keys() == figures["queries"].keys()
    assert {"run", "results by segment", "comparison", "overview", "CSV by hour", "API report", "fleet"} <= set(
        figures["p95_ms"]
    )
    assert all(figures[key] > 0 for key in REPORTS - {"p95_ms", "p50_ms", "queries", "wrong"})
    assert figures["most_queries"] <= MOST_QUERIES
