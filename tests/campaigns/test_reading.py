"""What marketers ask runs as their retailer's reader: read only, bounded in cost and time, and nothing stays."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from campaigns import audience, reach, reading
from campaigns.compiler import Sql
from campaigns.config import gate
from campaigns.config.gate import Invalid
from campaigns.models import Customer, Event
from marketing import diagnosis
from tenants import context, provisioning, roles
from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api

EVENTFUL: dict[str, Any] = {"event": "view", "count": {"gte": 2}, "where": [{"property": "category", "eq": "wine"}]}


def as_reader(sql: str) -> list[Any]:
    with reading.as_reader(), connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def whoami() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('transaction_read_only')")
        return tuple(cursor.fetchone())


def test_counts_run_as_the_role_of_the_schema(at_acme: Retailer) -> None:
    factories.customers(3)
    before = whoami()
    assert as_reader("SELECT current_user, current_setting('transaction_read_only')") == [(at_acme.schema_name, "on")]
    assert as_reader("SELECT count(*) FROM campaigns_customer") == [(3,)]
    assert whoami() == before


@pytest.mark.parametrize(
    "table",
    [
        "accounts_user", "accounts_apikey", "django_session", "campaigns_template", "campaigns_brand",
        "public.tenants_retailer", "public.tenants_layer", "public.tenants_platformsuppression", "public.accounts_user",
    ],
)  # fmt: skip
def test_reader_may_not_read_what_no_rule_asks_for(at_acme: Retailer, table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # it is there
    with pytest.raises(ProgrammingError, match="permission denied"):
        as_reader(f"SELECT count(*) FROM {table}")


def test_reader_may_not_read_another_retailer(at_acme: Retailer, globex: Retailer) -> None:
    for table in ("campaigns_customer", "campaigns_facts"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            as_reader(f'SELECT count(*) FROM "{globex.schema_name}".{table}')
    with pytest.raises(ProgrammingError, match="permission denied"):
        as_reader(f"SELECT set_config('role', '{globex.schema_name}', true), count(*) FROM accounts_user")


@pytest.mark.parametrize("table", ["campaigns_customer", "accounts_user"])
def test_reader_changes_nothing(at_acme: Retailer, table: str) -> None:
    with pytest.raises((InternalError, ProgrammingError), match=r"read-only|permission denied"):
        as_reader(f"DELETE FROM {table} RETURNING 1")


def test_user_is_back_after_an_error_and_inside_a_transaction(at_acme: Retailer) -> None:
    before = whoami()
    with transaction.atomic():
        Customer.objects.create(external_id="ana")
        with pytest.raises(ProgrammingError):
            as_reader("SELECT * FROM no_such_table")
        assert whoami() == before
        as_reader("SELECT 1")
        Customer.objects.create(external_id="ben")
    assert Customer.objects.count() == 2


def test_outside_a_transaction_too(live_retailer: Retailer) -> None:
    with context.in_retailer(live_retailer):
        assert as_reader("SELECT current_user") == [(live_retailer.schema_name,)]
        assert whoami()[1] == "off"
        with pytest.raises(InternalError, match="read-only"):
            as_reader("CREATE TEMPORARY TABLE mine (id int)")


@pytest.mark.parametrize(
    ("people", "memory"), [(-1, "128MB"), (1_000_000, "128MB"), (4_200_000, "640MB"), (90_000_000, "1GB")]
)
def test_the_more_people_the_more_a_count_may_take(
    at_acme: Retailer, settings: Settings, people: int, memory: str
) -> None:
    with connection.cursor() as cursor:  # as after an ANALYZE of so many; gone with the test's transaction
        cursor.execute("UPDATE pg_class SET reltuples = %s WHERE oid = 'campaigns_customer'::regclass", [people])
    assert as_reader("SELECT current_setting('work_mem')") == [(memory,)]
    assert reading.most_cost() == settings.RULE_COST * max(1, -(-people // 1_000_000))


def test_too_dear_a_rule_is_refused_by_the_part_that_is_dear(at_acme: Retailer, settings: Settings) -> None:
    people, now = factories.customers(3), timezone.now()
    factories.happened(
        Event(event_id=f"v{n}", customer=people[n % 3], name="view", occurred_at=now, properties={"category": "wine"})
        for n in range(2_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_event")  # so that the planner knows, whatever it happened to know before
    rule = gate.parse_rule(
        {"any": [{"event": "login", "within": "1d"}, EVENTFUL, {"attribute": "city", "eq": "Leeds"}]}
    )
    settings.RULE_COST = 0
    for ask in (audience.preview, reach.look):
        with pytest.raises(Invalid, match="would take too long") as refused:
            ask(rule, as_of=timezone.now())
        [problem] = refused.value.problems
        assert problem.code == "too_dear"
        assert "“view” at least twice where category is wine" in problem.message
        assert reading.CURE in problem.message
    settings.RULE_COST = 10_000_000
    assert audience.preview(rule, as_of=timezone.now())[0] == 3


def test_dear_part_is_found_inside_segments(at_acme: Retailer, settings: Settings) -> None:
    factories.segment("viewers", EVENTFUL)
    settings.RULE_COST = 0
    with pytest.raises(Invalid, match="who did “view”"):
        audience.preview(gate.parse_rule({"not": {"segment": "viewers"}}), as_of=timezone.now())


def test_too_slow_a_question_is_stopped_with_a_cure(at_acme: Retailer) -> None:
    slow = Sql("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b")
    before = whoami()
    with (
        pytest.raises(Invalid, match=r"longer than 0.02 s and was stopped") as stopped,
        reading.as_reader(seconds=0.02),
        connection.cursor() as cursor,
    ):
        cursor.execute(slow.text)
    assert [problem.code for problem in stopped.value.problems] == ["too_slow"]
    assert whoami() == before
    assert Customer.objects.count() == 0


def test_doors_say_so_and_do_not_break(
    acme: Retailer, settings: Settings, api_key: Callable[..., str], marketer: Callable[[Retailer], Client]
) -> None:
    api = Api(acme, api_key(acme, scope=Scope.FULL))
    settings.RULE_COST = 0
    refused = api.post("segments/preview/", {"rule": EVENTFUL})
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert (error["field"], error["code"]) == ("rule", "too_dear")
    told = io.StringIO()
    call_command("explain_rule", "acme", "--rule", json.dumps(EVENTFUL), stdout=told)  # staff may still look
    assert "who did “view” at least twice" in told.getvalue()
    page = marketer(acme).post(
        "/admin/campaigns/segment/try/", {"rule-0-0-kind": "kept", "rule-0-0-json": json.dumps(EVENTFUL)}
    )
    assert "too long to count" in page.json()["errors"][0]["message"]


def test_staff_see_sentence_parts_and_plan(at_acme: Retailer) -> None:
    ana = factories.customers(1)[0]
    factories.happened([Event(event_id="e", customer=ana, name="view", occurred_at=timezone.now())])
    factories.segment("viewers", EVENTFUL)
    for given in (["viewers"], ["--rule", json.dumps(EVENTFUL)]):
        out = io.StringIO()
        call_command("explain_rule", "acme", *given, "--analyze", "--json", stdout=out)
        explained = json.loads(out.getvalue())
        assert explained["sentence"].startswith("Everyone who ")
        [[words, cost]] = explained["parts"]
        assert words == "who did “view” at least twice where category is wine"
        assert cost > 0
        assert any("actual time" in line for line in explained["plan"])
    for wrong in (["none"], ["--rule", "{"], ["--rule", "{}"], [], ["viewers", "--rule", "{}"]):
        with pytest.raises(CommandError):
            call_command("explain_rule", "acme", *wrong)


def test_reader_is_made_with_its_retailer_and_missed_where_it_is_not(live_retailer: Retailer) -> None:
    assert roles.without_reader() == []
    assert roles.make_reader(live_retailer.schema_name)  # once more changes nothing
    roles.drop_reader(live_retailer.schema_name)
    assert roles.without_reader() == [live_retailer.schema_name]
    finding = next(found for found in diagnosis.examine() if found.check == "readers")
    assert (finding.status, "make_readers" in finding.message) == (diagnosis.WARNING, True)
    with context.in_retailer(live_retailer):
        assert audience.preview(gate.parse_rule(EVENTFUL), as_of=timezone.now())[0] == 0  # as the database user
    call_command("make_readers", stdout=io.StringIO())
    assert roles.without_reader() == []


def test_reader_goes_with_its_retailer(live_retailer: Retailer) -> None:
    made = provisioning.provision("hooli", name="Hooli").retailer
    schema = made.schema_name
    provisioning.remove(made)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [schema])
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [schema])
        assert cursor.fetchone() == (0,)
