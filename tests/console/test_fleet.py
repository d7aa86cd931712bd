"""What staff see of all retailers: who burns their budget, who is complained of, and who waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import configuration
from delivery import pipeline, tallies, vitals
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Signal
from delivery.signals import Heard, record
from tenants import agenda, context, fleet, roles
from tenants.models import AgendaItem, Retailer, Vitals
from tenants.objectives import Complaints, Level
from tests import factories

PEOPLE = 40


def told() -> dict[str, dict[str, Any]]:
    out = StringIO()
    call_command("fleet", "--json", stdout=out)
    return {row["slug"]: row for row in json.loads(out.getvalue())}


@pytest.fixture
def sent(at_acme: Retailer, outbox: MemoryChannel) -> Retailer:
    factories.customers(PEOPLE)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    return at_acme


def count(retailer: Retailer) -> datetime:
    now = timezone.now()
    with context.in_retailer(retailer):
        for run_id in {*Message.objects.values_list("run_id", flat=True)}:
            tallies.advance(run_id, now=now)
        vitals.advance(retailer, now=now)
    return now


def test_a_run_writes_its_retailers_vitals_by_itself(sent: Retailer, globex: Retailer) -> None:
    rows = told()
    assert rows["acme"]["success"]["hour"] == 1.0
    assert rows["acme"]["tried"]["hour"] == PEOPLE
    assert rows["acme"]["last_sent_at"] is not None
    assert rows["acme"]["troubles"] == []
    assert rows["globex"]["as_of"] is None


def test_misses_burn_the_budget_and_come_first(staff: Client, sent: Retailer) -> None:
    some = Message.objects.order_by("pk").values_list("pk", flat=True)[:4]
    Message.objects.filter(pk__in=list(some)).update(state="failed")
    count(sent)
    row = told()["acme"]
    assert row["success"] == {"hour": 0.9, "day": 0.9, "month": 0.9}
    assert row["troubles"] == ["fast burn: 100 times what a month bears, over 1 h"]
    page: Any = staff.get("/admin/")
    assert [each.retailer.slug for each in page.context["fleet"]] == ["acme", "globex"]
    assert "fast burn" in page.content.decode()


def test_an_hour_later_it_burns_slowly_and_then_not_any_more(sent: Retailer) -> None:
    failed = Message.objects.order_by("pk").values_list("pk", flat=True)[:4]
    Message.objects.filter(pk__in=list(failed)).update(state="failed")
    now = count(sent)
    row = Vitals.objects.get(retailer=sent)

    def troubles(later: timedelta) -> list[str]:
        return next(each.words for each in fleet.rows(now=now + later) if each.retailer == sent)

    assert troubles(timedelta(minutes=4))[0].startswith("fast burn")
    assert troubles(timedelta(minutes=20))[0].startswith("slow burn")  # the last five minutes were quiet
    assert not any("burn" in each for each in troubles(timedelta(minutes=50)))
    assert sum(tried for _, tried, _ in row.recent) == PEOPLE


def test_complaints_are_told_by_the_receivers_that_count_them(sent: Retailer) -> None:
    for message in Message.objects.select_related("customer"):
        message.customer.email = f"c{message.pk}@gmail.com"
        message.customer.save(update_fields=["email"])
    some = list(Message.objects.order_by("pk").values_list("pk", flat=True)[:3])
    now = timezone.now()
    record([Heard(pk, Signal.Kind.COMPLAINT, "test", f"c/{pk}", at=now) for pk in some])
    count(sent)
    row = told()["acme"]
    assert row["complaint_share"] == pytest.approx(3 / PEOPLE)
    assert row["troubles"] == ["complaints 7.50 % at Gmail"]


@pytest.mark.parametrize(
    ("complaints", "level"),
    [
        (Complaints(0, 0), Level.FINE),
        (Complaints(10, 2), Level.FINE),
        (Complaints(10_000, 7), Level.FINE),
        (Complaints(10_000, 8), Level.WARN),
        (Complaints(10_000, 19), Level.WARN),
        (Complaints(10_000, 20), Level.PAUSE),
    ],
)
def test_the_complaint_meter_warns_and_pauses_where_it_says(complaints: Complaints, level: Level) -> None:
    assert complaints.level == level


def test_what_waits_and_what_is_parked_is_trouble(acme: Retailer, globex: Retailer) -> None:
    agenda.put(acme, "run", 1, due_at=timezone.now() - timedelta(hours=2))
    row = told()["acme"]
    assert row["queue_seconds"] == pytest.approx(7200, abs=60)
    assert row["troubles"] == ["work waits for 2 h 00 min"]


def test_a_retailer_sees_nothing_of_it(sent: Retailer, ana: Client) -> None:
    assert "fleet" not in ana.get("/admin/").context
    assert not any("vitals" in table for table in roles.TABLES)
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, 'public.tenants_vitals', 'SELECT')", [sent.schema_name])
        assert cursor.fetchone()[0] is False


def test_many_retailers_take_as_many_queries_as_two(
    acme: Retailer, globex: Retailer, staff: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with CaptureQueriesContext(connection) as few:
        fleet.rows(now=timezone.now())
    Retailer.objects.bulk_create(
        Retailer(slug=f"r{number}", schema_name=f"r{number}", name=f"R {number}", status="active")
        for number in range(40)
    )
    with CaptureQueriesContext(connection) as many:
        assert len(fleet.rows(now=timezone.now())) == 42
    assert len(many) == len(few)
    assert staff.get("/admin/").status_code == 200


def test_what_runs_is_read_in_bounded_time_or_not_at_all(acme: Retailer, staff: Client) -> None:
    agenda.put(acme, "run", 1)
    params = connection.get_connection_params()
    known = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: params[name] for name in known if params.get(name)}) as other:
        other.execute(f'LOCK TABLE "{acme.schema_name}".campaigns_run IN ACCESS EXCLUSIVE MODE')
        page: Any = staff.get("/admin/")
        other.rollback()
    assert page.status_code == 200
    assert page.context["open_runs"] == []
    assert "What runs could not be read just now" in page.content.decode()
    assert "could not be read" not in staff.get("/admin/").content.decode()


def test_a_retailer_that_was_just_taken_down_leaves_the_page_standing(acme: Retailer, staff: Client) -> None:
    gone = Retailer.objects.bulk_create([Retailer(slug="gone", schema_name="gone", name="Gone", status="active")])[0]
    AgendaItem.objects.create(retailer=gone, kind="run", object_id=1, due_at=timezone.now())
    page: Any = staff.get("/admin/")
    assert page.status_code == 200
    assert "What runs could not be read just now" in page.content.decode()
