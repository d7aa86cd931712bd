"""Staff see how Postgres would count a retailer's segment; nobody else does, and nothing is counted."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from campaigns.models import Event, Segment
from tenants import context, roles
from tenants.accounts.models import Role, User
from tenants.models import Retailer
from tests import factories

RULE: dict[str, Any] = {
    "all": [
        {"attribute": "city", "in": ["Leeds", "O'Hara\"; DROP TABLE <b>x</b>"]},
        {"event": "view", "count": {"gte": 2}, "where": [{"property": "category", "eq": "wine"}]},
    ]
}


@pytest.fixture
def viewers(acme: Retailer) -> Retailer:
    """Acme, with a segment that asks of events, and one of everybody."""
    with context.in_retailer(acme):
        ana = factories.customers(1)[0]
        factories.happened([Event(event_id="e", customer=ana, name="view", occurred_at=timezone.now())])
        factories.segment("viewers", RULE)
        factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    return acme


def text(page: Any) -> str:
    assert page.status_code == 200, page.status_code
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def test_staff_find_a_segment_and_see_sentence_sql_values_and_plan(viewers: Retailer, staff: Client) -> None:
    path = f"/admin/retailers/{viewers.pk}/segments/"
    assert path in staff.get(f"/admin/tenants/retailer/{viewers.pk}/change/").content.decode()
    listed = staff.get(path)
    assert f"{path}viewers/" in listed.content.decode()
    page: Any = staff.get(f"{path}viewers/")
    told = text(page)
    assert "who did “view” at least twice where category is wine" in told
    assert "Aggregate (cost=" in told
    assert f"Asked as {viewers.schema_name}, who may only read" in told
    sql = page.context["sql"]
    assert "campaigns_event" in sql
    assert "wine" not in sql
    assert "Leeds" not in sql
    params = dict(page.context["params"])
    assert '"wine"' in params.values()
    assert set(re.findall(r"\$\d+", sql)) == {f"${number}" for number in params}
    assert "<b>x</b>" not in page.content.decode()


def test_nothing_but_explain_is_asked_of_customers_and_as_the_reader(viewers: Retailer, staff: Client) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        staff.get(f"/admin/retailers/{viewers.pk}/segments/viewers/")
    about = [each["sql"] for each in asked if "campaigns_facts" in each["sql"] or "campaigns_event" in each["sql"]]
    assert about
    assert all(sql.startswith("EXPLAIN (") and "ANALYZE" not in sql for sql in about)
    as_reader = [each["sql"] for each in asked if "set_config('role'" in each["sql"]]
    assert as_reader
    assert all("transaction_read_only" in sql and "statement_timeout" in sql for sql in as_reader)


def test_cost_is_held_against_the_guard(viewers: Retailer, staff: Client, settings: Settings) -> None:
    path = f"/admin/retailers/{viewers.pk}/segments/"
    settings.RULE_SECONDS = 7
    assert "within the guard of 1,000,000,000" in (told := text(staff.get(f"{path}viewers/")))
    assert "Stopped after 7 s" in told
    settings.RULE_COST = 0
    assert "above the guard of 0: it is refused" in text(staff.get(f"{path}viewers/"))
    assert "not guarded: it asks of no events" in text(staff.get(f"{path}leeds/"))


def test_a_segment_that_cannot_be_counted_says_why(viewers: Retailer, staff: Client) -> None:
    with context.in_retailer(viewers):
        Segment.objects.filter(key="leeds").update(rule={"segment": "gone"})
        Segment.objects.filter(key="viewers").update(rule={"what": "ever"})
    path = f"/admin/retailers/{viewers.pk}/segments/"
    assert "there is no segment 'gone'" in text(staff.get(f"{path}leeds/"))
    assert "It cannot be counted" in text(staff.get(f"{path}viewers/"))
    assert "It cannot be read" in text(staff.get(path))


def test_a_missing_reader_is_told(viewers: Retailer, staff: Client) -> None:
    roles.drop_reader(viewers.schema_name)
    assert "has no reader of its own" in text(staff.get(f"/admin/retailers/{viewers.pk}/segments/leeds/"))


def test_nobody_but_staff_gets_there(
    viewers: Retailer, globex: Retailer, marketer: Callable[[Retailer], Client], api_key: Callable[..., str]
) -> None:
    path = f"/admin/retailers/{viewers.pk}/segments/"
    for each in (path, f"{path}viewers/"):
        for retailer in (viewers, globex):
            assert marketer(retailer).get(each).status_code == 404  # their administrators, on their own hosts
        crossing = marketer(viewers)
        assert crossing.get(each, headers={"host": "localhost"}).status_code == 302  # no session of the platform's
        stranger = Client(headers={"host": "localhost"})
        assert stranger.get(each)["Location"].startswith("/admin/login/")
        by_key = stranger.get(each, headers={"Authorization": f"Api-Key {api_key(viewers)}"})
        assert by_key.status_code == 302
        outsider = Client(headers={"host": "localhost"})
        outsider.force_login(User.objects.create_user(f"{len(each)}@platform.example", role=Role.ADMIN, is_staff=False))
        assert outsider.get(each).status_code == 302


def test_another_retailers_segment_and_unknown_ones_are_not_there(
    viewers: Retailer, globex: Retailer, staff: Client
) -> None:
    assert staff.get(f"/admin/retailers/{globex.pk}/segments/viewers/").status_code == 404
    assert staff.get(f"/admin/retailers/{viewers.pk}/segments/none/").status_code == 404
    assert staff.get("/admin/retailers/999999/segments/").status_code == 404
    assert "has no segment yet" in text(staff.get(f"/admin/retailers/{globex.pk}/segments/"))
