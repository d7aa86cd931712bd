"""The database goes away and comes back: whoever works carries on, in the same process."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection

from delivery import tasks
from tenants.models import Retailer
from tests import processes
from tests.benchmarks.sink import SinkProcess
from tests.faults.test_worker_death import launched, wait_until_ended


@pytest.fixture
def elsewhere(django_db_setup: None, django_db_blocker: Any) -> psycopg.Connection[Any]:
    """A connection of the test's own, by which it ends others."""
    with django_db_blocker.unblock():
        params = connection.get_connection_params()
        known = ("host", "port", "user", "password", "dbname")
        return psycopg.connect(**{name: params[name] for name in known if params.get(name)}, autocommit=True)


def test_a_task_after_the_server_ended_the_connection_makes_a_new_one(
    live_retailer: Retailer, elsewhere: psycopg.Connection[Any]
) -> None:
    for _ in range(3):
        tasks.tick()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = cursor.fetchone()[0]
        assert elsewhere.execute("SELECT pg_terminate_backend(%s, 5000)", [backend]).fetchone() == (True,)
    tasks.tick()


def test_the_poll_outlives_its_connections(live_retailer: Retailer, elsewhere: psycopg.Connection[Any]) -> None:
    with SinkProcess() as sink:
        run = launched(live_retailer, people=1500)
        env = processes.environment(EMAIL_URL=sink.url, LEASE_SECONDS="3", PGAPPNAME="outlives")
        with processes.worker(env) as worker:
            for reached in (100, 500):
                assert sink.wait_for(reached, seconds=60) >= reached
                ended = elsewhere.execute(_END_ALL, ["outlives"]).fetchall()
                assert ended
            report = wait_until_ended(run, live_retailer)
            assert worker.poll() is None
        assert report.balances
        assert report.in_flight == 0
        keys = [received.key for received in sink.received()]
    assert len(keys) == len(set(keys))


_END_ALL = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
