"""Several writers of one file of events: what they leave is what one would, whatever comes between."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import facts, importing, ingest
from campaigns.models import Event, Facts
from tenants import context
from tenants.models import Retailer
from tests import locks, processes

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEOPLE = 10
COLUMNS = ("event_id", "external_id", "name", "occurred_at", "value")
FACTS = ("customer__external_id", "order_count", "order_value", "first_order_at", "order_1_at", "engaged_email_at")
Row = Sequence[str]
File = Callable[[Sequence[Row]], Path]


@pytest.fixture
def shop(live_retailer: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(live_retailer):
        ingest.upsert_customers([{"external_id": f"c{n}"} for n in range(PEOPLE)], now=NOW)
        yield live_retailer


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(rows: Sequence[Row]) -> Path:
        path = tmp_path / "events.csv"
        path.write_text("\n".join(map(",".join, [COLUMNS, *rows])))
        return path

    return write


@pytest.fixture
def chunks_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda rows: monkeypatch.setattr(importing, "CHUNK", rows)


def order(n: int, *, value: str = "2") -> Row:
    """Of everybody in turn: the same people are in every chunk."""
    return (f"e{n:05}", f"c{n % PEOPLE}", "order", (NOW - timedelta(days=n % 7)).isoformat(), value)


ROW = st.tuples(
    st.integers(0, 30).map("e{}".format),
    st.sampled_from(["c0", "c1", "c2", "nobody"]),
    st.sampled_from(["order", "order", "email_opened", "view"]),
    st.one_of(st.integers(0, 9).map(lambda n: (NOW - timedelta(days=n)).isoformat()), st.just("nonsense")),
    st.sampled_from(["", "1", "2.5", "1,too many"]),
)


# -- what is left ----------------------------------------------------------------------------------------------------


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(ROW, min_size=1, max_size=50))
def test_two_writers_leave_and_tell_what_one_does(
    shop: Retailer, file: File, chunks_of: Callable[[int], None], rows: list[Row]
) -> None:
    chunks_of(4)
    path = file(rows)

    assert _told_and_left(path, writers=2) == _told_and_left(path, writers=1)


def test_what_stands_first_in_the_file_is_the_event_even_where_its_writer_has_to_wait(
    shop: Retailer, file: File, chunks_of: Callable[[int], None]
) -> None:
    chunks_of(2)
    path = file([order(0), order(1), order(2), order(3), order(1, value="999"), order(4)])

    with ThreadPoolExecutor(1) as elsewhere:
        with holding_up(0):
            done = elsewhere.submit(import_events, shop, path)
            locks.await_somebody_waiting()
            locks.await_until(
                Event.objects.filter(event_id="e00003").exists
            )  # the other writer has gone on meanwhile, with what is nobody else's
            assert not Event.objects.filter(event_id__in=["e00001", "e00004"]).exists()
        summary = done.result()

    assert (summary["created"], summary["duplicate"]) == (5, 1)
    assert Event.objects.get(event_id="e00001").value == 2
    assert facts.recompute() == 0


def test_two_imports_of_the_same_people_beside_each_other_add_each_event_once_and_facts_stay_exact(
    shop: Retailer, file: File, chunks_of: Callable[[int], None]
) -> None:
    chunks_of(30)
    path = file([order(n) for n in range(600)])

    with ThreadPoolExecutor(3) as elsewhere:
        imports = [elsewhere.submit(import_events, shop, path, rejects=path.with_suffix(f".{n}")) for n in range(2)]
        moves = elsewhere.submit(_move_people, shop)
        summaries = [each.result() for each in imports]
        moves.result()

    assert sum(each["created"] for each in summaries) == Event.objects.count() == 600
    assert sum(each["duplicate"] for each in summaries) == 600
    assert set(Facts.objects.values_list("order_count", "order_value")) == {(60, 60 * 20_000)}
    assert facts.recompute() == 0


# -- what comes between ----------------------------------------------------------------------------------------------


def test_a_writer_that_fails_ends_the_import_and_the_next_one_brings_the_rest(
    shop: Retailer, file: File, chunks_of: Callable[[int], None]
) -> None:
    chunks_of(20)
    path = file([order(n) for n in range(300)])
    before = _connections()

    with refusing("e00070"), pytest.raises(Error, match="no room for e00070"):
        import_events(shop, path)

    stored = set(Event.objects.values_list("event_id", flat=True))
    assert {f"e{n:05}" for n in range(60)} <= stored
    assert stored.isdisjoint(f"e{n:05}" for n in range(60, 80))
    assert facts.recompute() == 0
    assert not [each.name for each in threading.enumerate() if each.name.startswith(("reader", "writer"))]
    locks.await_until(lambda: _connections() <= before)

    again = import_events(shop, path)
    assert (again["created"], again["duplicate"]) == (300 - len(stored), len(stored))
    assert Event.objects.count() == 300
    assert facts.recompute() == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_is_ended_amid_its_chunks_is_made_whole_by_the_next(
    shop: Retailer, file: File, how: signal.Signals
) -> None:
    rows = 2 * importing.CHUNK + 10
    path = file([order(n) for n in range(rows)])

    with holding_up(0, importing.CHUNK), importing_elsewhere(shop, path) as process:
        locks.await_somebody_waiting(importing.WRITERS)
        process.send_signal(how)
        assert process.wait(timeout=60) != 0  # while two chunks wait still, and one in line

    again = import_events(shop, path)
    assert again["created"] + again["duplicate"] == Event.objects.count() == rows
    assert facts.recompute() == 0


def import_events(shop: Retailer, path: Path, **options: Any) -> dict[str, Any]:
    """By command, on a connection of its own where another thread asks for it."""
    out = io.StringIO()
    try:
        call_command("import_events", shop.slug, str(path), json=True, stdout=out, **options)
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()
    return dict(json.loads(out.getvalue()))


@contextmanager
def holding_up(*numbers: int) -> Iterator[None]:
    """Whoever stores one of those orders waits: somebody else is about to, and in the end does not."""
    with transaction.atomic():
        rows = [dict(zip(COLUMNS, order(n), strict=True)) for n in numbers]
        ingest.add_events(rows, now=NOW, zone=UTC)
        try:
            yield
        finally:
            transaction.set_rollback(True)


@contextmanager
def refusing(event_id: str) -> Iterator[None]:
    """A database that has no room for one event."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no room for %', NEW.event_id; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON campaigns_event FOR EACH ROW "
            f"WHEN (NEW.event_id = '{event_id}') EXECUTE FUNCTION refuse()"
        )
        try:
            yield
        finally:
            cursor.execute("DROP FUNCTION refuse() CASCADE")


@contextmanager
def importing_elsewhere(shop: Retailer, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a person runs it, whom Ctrl-C ends even where the tests run in the background."""
    command = [sys.executable, "manage.py", "import_events", shop.slug, str(path)]
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        process = subprocess.Popen(command, cwd=processes.PROJECT, env=processes.environment(), start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, usual)
    try:
        yield process
    finally:
        processes.kill(process)


def _told_and_left(path: Path, *, writers: int) -> tuple[Any, ...]:
    """By an import into no events at all, and what it says again the second time."""
    Event.objects.all().delete()
    facts.recompute()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "WRITERS", writers)
        seen: list[int] = []
        told = [importing.import_events(path, now=NOW, zone=UTC, progress=seen.append) for _ in range(2)]
    assert facts.recompute() == 0
    rejected = told[0].rejects_path and told[0].rejects_path.read_text()
    events = list(
        Event.objects.order_by("event_id").values_list("event_id", "customer", "name", "occurred_at", "value")
    )
    return (
        [each.counts for each in told],
        seen,
        rejected,
        events,
        list(Facts.objects.order_by("pk").values_list(*FACTS)),
    )


def _move_people(shop: Retailer) -> None:
    try:
        with context.in_retailer(shop):
            for city in ("Leeds", "York", "Hull"):
                people = [
                    {"external_id": f"c{n}", "city": city, "email": f"{city}{n % 3}@example.test"} for n in range(10)
                ]
                ingest.upsert_customers(people[::-1], now=NOW)
    finally:
        connection.close()


def _connections() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename IS NOT NULL")
        return {pid for (pid,) in cursor.fetchall()}
