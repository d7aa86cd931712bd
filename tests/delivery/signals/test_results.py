"""Every number of a report is what the rows themselves say, asked for another way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns import configuration, ingest
from campaigns.models import Customer, Member, Result, Run, Tally
from delivery import pipeline, results, tallies
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Signal
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import factories


def ask(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


SHOWN = {
    "messages": "TRUE",
    "taken": "m.state IN ('accepted', 'delivered', 'bounced')",
    "delivered": "m.state = 'delivered'",
    "bounced": "m.state = 'bounced'",
    "opened": "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'open' AND s.human >= 50)",
    "opened_by_machine": "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'open'"
    " AND s.human < 50) AND NOT EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'open'"
    " AND s.human >= 50)",
    "clicked": "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'click' AND s.human > 49)",
    "clicked_by_machine": "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'click'"
    " AND s.human < 50) AND NOT EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'click'"
    " AND s.human >= 50)",
    "unsubscribed": "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'unsubscribe')",
    "complained": "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = 'complaint')",
    "converted": "m.state IN ('accepted', 'delivered') AND EXISTS (SELECT FROM campaigns_event e WHERE"
    " e.customer_id = m.customer_id AND e.name = 'order' AND e.occurred_at > m.settled_at"
    " AND e.occurred_at <= m.settled_at + interval '1 day')",
}
GROUPS = {
    "step": "m.step",
    "variant": "m.variant",
    "channel": "m.channel",
    "provider": "m.provider",
    "domain": "split_part(c.email, '@', 2)",
    "hour": "date_trunc('hour', m.settled_at)",
}


@pytest.mark.parametrize("dimension", list(GROUPS))
def test_numbers_are_those_of_the_rows(run: Run, dimension: str) -> None:
    tallies.count(run, now=timezone.now())
    for name, condition in SHOWN.items():
        asked = ask(
            f"SELECT {GROUPS[dimension]}, count(*) FILTER (WHERE {condition}) FROM delivery_message m"
            f" JOIN campaigns_customer c ON c.id = m.customer_id WHERE m.run_id = %s GROUP BY 1",
            run.pk,
        )
        shown = {list(each.of.values())[-1]: each.counts[name] for each in results.by(run, dimension)}
        assert shown == dict(asked), name
        assert results.totals(run).counts[name] == sum(shown.values())
    assert results.totals(run).counts["clicked"] > 0
    assert results.totals(run).counts["converted"] > 0


def test_revenue_is_what_goal_events_brought(run: Run) -> None:
    tallies.count(run, now=timezone.now())
    ((revenue,),) = ask(
        "SELECT sum(e.value) FROM campaigns_event e JOIN delivery_message m ON m.customer_id = e.customer_id"
        " WHERE e.name = 'order' AND m.state IN ('accepted', 'delivered') AND e.occurred_at > m.settled_at"
        " AND e.occurred_at <= m.settled_at + interval '1 day' AND m.run_id = %s",
        run.pk,
    )
    assert results.totals(run).revenue == {"": revenue}
    assert revenue > 0


def test_the_last_message_before_it_is_credited(at_acme: Retailer, run: Run) -> None:
    first = Message.objects.filter(state="accepted").first()
    assert first is not None
    assert first.settled_at is not None
    ingest.add_events(
        [
            {"event_id": "x", "external_id": Customer.objects.get(pk=first.customer_id).external_id, "name": "order",
             "occurred_at": (first.settled_at + timedelta(minutes=20)).isoformat(), "value": 1000}
        ],
        now=timezone.now(), zone=at_acme.tzinfo,
    )  # fmt: skip
    before = tallies.count(run, now=timezone.now()) and results.totals(run)
    assert before.revenue[""] >= 1000
    Message.objects.create(
        run_id=run.pk + 1, batch_id=1, member_id=1, channel="email", customer_id=first.customer_id, step="other",
        variant="a", position=1, send_at=first.send_at, state="delivered",
        settled_at=first.settled_at + timedelta(minutes=10),
    )  # fmt: skip
    tallies.count(run, now=timezone.now())
    assert results.totals(run).revenue[""] < before.revenue[""] - 999


def test_links_are_counted_by_people_and_by_machines(run: Run) -> None:
    tallies.count(run, now=timezone.now())
    asked = ask(
        "SELECT m.variant, s.link, count(*) FILTER (WHERE human >= 50),"
        " count(DISTINCT m.id) FILTER (WHERE human >= 50),"
        " count(*) FILTER (WHERE human < 50) FROM delivery_signal s JOIN delivery_message m ON m.id = s.message_id"
        " WHERE s.kind = 'click' AND s.link <> 0 GROUP BY 1, 2 ORDER BY 1, 2"
    )
    shown = results.links(run)
    names = ("variant", "number", "clicks", "messages", "clicks_by_machine")
    assert [tuple(each[name] for name in names) for each in shown] == asked
    assert {each["label"] for each in shown} == {"Shop", ""}


def test_the_arms_are_all_who_were_drawn(run: Run) -> None:
    Member.objects.filter(is_included=True).order_by("pk")[:1].get()
    capped = Member.objects.filter(is_included=True).order_by("pk").values("pk")[:7]
    Member.objects.filter(pk__in=capped).update(is_included=False, reason="capped")
    result = tallies.count(run, now=timezone.now())
    assert result.arms is not None
    for arm, who in (("held_out", "reason = 'holdout'"), ("reached", "is_included OR reason = 'capped'")):
        ((people, converted, value),) = ask(
            f"SELECT count(*), count(*) FILTER (WHERE n > 0), sum(v) FROM (SELECT m.id, count(e.id) AS n,"
            f" coalesce(sum(e.value), 0) AS v FROM campaigns_member m LEFT JOIN campaigns_event e"
            f" ON e.customer_id = m.customer_id AND e.name = 'order' AND e.occurred_at > %s AND e.occurred_at <= %s"
            f" WHERE m.run_id = %s AND ({who}) GROUP BY m.id) each_one",
            run.evaluated_at,
            result.counts_until,
            run.pk,
        )
        told = result.arms[arm]
        assert (told["people"], told["converted"], Decimal(str(told["y"]))) == (people, converted, value)
    assert result.arms["held_out"]["people"] > 0
    assert result.arms["held_out"]["xx"] > 0


def asked_for(retailer: Retailer, key: str) -> dict[str, Any]:
    client = Client(headers={"host": f"{retailer.slug}.localhost", "authorization": f"Api-Key {key}"})
    with context.on_platform():
        return dict(client.get("/api/v1/campaigns/welcome/report/").json()["results"])


def test_the_report_tells_it_and_is_honest_about_what_is_not_known(
    acme: Retailer, run: Run, api_key: Callable[[Retailer], str]
) -> None:
    told = asked_for(acme, api_key(acme))
    assert told["totals"]["messages"] == Message.objects.filter(run=run).count()
    assert [each["variant"] for each in told["by"]["variant"]] == ["a", "b"]
    assert told["lift"]["shares"]["verdict"] == "too early"
    Result.objects.update(counts_until=timezone.now(), as_of=timezone.now())
    told = asked_for(acme, api_key(acme))
    assert (told["lift"]["shares"]["verdict"], told["lift"]["shares"]["interval"]) == ("not enough data", None)


def test_counting_again_is_counting_once(run: Run) -> None:
    tallies.count(run, now=timezone.now())
    before = list(Tally.objects.order_by("step", "variant", "domain", "hour", "state").values())
    tallies.count(run, now=timezone.now())
    after = list(Tally.objects.order_by("step", "variant", "domain", "hour", "state").values())
    assert [{**row, "id": 0} for row in after] == [{**row, "id": 0} for row in before]


def test_a_run_is_counted_by_itself_while_anything_is_to_come(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    made = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    item = AgendaItem.objects.get(kind=tallies.AGENDA_KIND)
    assert Result.objects.filter(run=made).exists()
    assert item.due_at > timezone.now()
    assert tallies.advance(made.pk, now=timezone.now() + timedelta(days=31)) is None
    assert Signal.objects.count() == 0
