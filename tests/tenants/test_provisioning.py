"""A retailer from nothing: one command, and people can work."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tenants import agenda, context, provisioning
from tenants.models import AgendaItem, Retailer

SHAPE = """
SELECT concat_ws(' ', 'TABLE', relname, relkind, relacl, reloptions, relpersistence, relrowsecurity, relreplident)
  FROM pg_class WHERE relnamespace = %s::regnamespace
UNION ALL SELECT concat_ws(' ', 'COLUMN', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod),
    attnotnull, attidentity, attgenerated, attstorage, attstattarget, attacl, pg_get_expr(adbin, adrelid))
  FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid AND relnamespace = %s::regnamespace
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = %s
UNION ALL SELECT concat_ws(' ', 'CONSTRAINT', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE connamespace = %s::regnamespace
UNION ALL SELECT concat_ws(' ', 'SEQUENCE', sequencename, data_type, start_value, increment_by, cycle)
  FROM pg_sequences WHERE schemaname = %s
UNION ALL SELECT concat_ws(' ', 'TRIGGER', tgrelid::regclass, pg_get_triggerdef(pg_trigger.oid))
  FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid AND relnamespace = %s::regnamespace WHERE NOT tgisinternal
UNION ALL SELECT concat_ws(' ', 'FUNCTION', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = %s::regnamespace
UNION ALL SELECT concat_ws(' ', 'SCHEMA', nspacl) FROM pg_namespace WHERE nspname = %s
UNION ALL SELECT concat_ws(' ', 'MIGRATION', id, app, name) FROM {schema}.django_migrations
UNION ALL SELECT concat_ws(' ', 'TYPE', id, app_label, model) FROM {schema}.django_content_type
UNION ALL SELECT concat_ws(' ', 'PERMISSION', id, codename, content_type_id) FROM {schema}.auth_permission
"""


def output(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.fixture
def provisioned(db: None) -> str:
    return output("provision_retailer", "initech", "--name", "Initech", "--timezone", "Europe/Riga")


def path_of(printed: str) -> str:
    found = re.search(r"http://initech\.localhost:8000(/login/\S+)", printed)
    assert found
    return found[1]


def test_provisioning_prints_a_login_link_that_works_once(provisioned: str) -> None:
    client, path = Client(headers={"host": "initech.localhost"}), path_of(provisioned)
    first = client.get(path)
    assert first.status_code == 302
    assert client.get("/admin/password_change/").status_code == 200
    assert Client(headers={"host": "initech.localhost"}).get(path).status_code == 410


def test_login_link_of_one_retailer_says_nothing_to_another(provisioned: str, acme: Retailer) -> None:
    assert Client(headers={"host": "acme.localhost"}).get(path_of(provisioned)).status_code == 410


def test_provisioned_api_key_opens_the_api_of_its_retailer_only(provisioned: str, acme: Retailer) -> None:
    found = re.search(r"API key \(shown once\): (\S+)", provisioned)
    assert found
    headers = {"authorization": f"Api-Key {found[1]}"}
    assert Client(headers=headers | {"host": "initech.localhost"}).get("/api/v1/customers/").status_code == 200
    assert Client(headers=headers | {"host": "acme.localhost"}).get("/api/v1/customers/").status_code == 401


def test_a_fresh_schema_is_what_migrations_made_of_its_elder_down_to_the_row(provisioned: str, acme: Retailer) -> None:
    elder, fresh = shape_of(acme), shape_of(context.find("initech"))
    assert len(elder) > 1000
    assert fresh == elder


def test_a_schema_whose_making_was_interrupted_is_made_to_its_end(provisioned: str, acme: Retailer) -> None:
    half = context.find("initech")
    with context.in_retailer(half):
        call_command("migrate_schemas", "delivery", "zero", schema_name=half.schema_name, verbosity=0)
    assert shape_of(half) != shape_of(acme)
    Retailer.objects.filter(pk=half.pk).update(status=Retailer.Status.PROVISIONING)
    assert "Provisioned initech" in output("provision_retailer", "initech", "--name", "Initech")
    assert tables_of(half) == tables_of(acme)


def tables_of(retailer: Retailer) -> list[str]:
    return [line for line in shape_of(retailer) if not line.startswith(("MIGRATION", "TYPE", "PERMISSION"))]


def shape_of(retailer: Retailer) -> list[str]:
    """Whatever makes up a schema: tables, columns, indexes, constraints, sequences, readers, and the first rows."""
    with connection.cursor() as cursor:
        cursor.execute(SHAPE.format(schema=retailer.schema_name), [retailer.schema_name] * SHAPE.count("%s"))
        return sorted(line.replace(retailer.schema_name, "schema") for (line,) in cursor.fetchall())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["acme", "--name", "x"], "slug: Retailer with this Slug already exists."),
        (["Bad Slug", "--name", "x"], "slug: A slug is 2 to 40 lower-case letters"),
        (["admin", "--name", "x"], "slug: 'admin' is reserved"),
        (["new-one", "--name", "x", "--timezone", "Mars"], "timezone: 'Mars' is not a time zone."),
        (["new-one", "--name", "x", "--domain", "acme.localhost"], "domain: acme.localhost already leads to acme."),
        (["new-one", "--name", "x", "--domain", "a b"], "domain: 'a b': it is not a host name"),
    ],
)
def test_bad_arguments_are_refused_with_field_and_cure(acme: Retailer, arguments: list[str], words: str) -> None:
    before = Retailer.objects.count()
    with pytest.raises(CommandError, match=re.escape(words)):
        call_command("provision_retailer", *arguments)
    assert Retailer.objects.count() == before


def test_interrupted_provisioning_is_taken_up_by_the_same_command(acme: Retailer) -> None:
    Retailer.objects.filter(pk=acme.pk).update(status=Retailer.Status.PROVISIONING)
    assert "Provisioned acme" in output("provision_retailer", "acme", "--name", "Acme Foods")
    assert context.find("acme").is_active


def test_suspended_retailer_answers_nobody_and_resumes_with_everything(acme: Retailer) -> None:
    client = Client(headers={"host": "acme.localhost"})
    output("suspend_retailer", "acme", "--reason", "unpaid")
    assert client.get("/admin/login/").status_code == 503
    assert client.get("/api/v1/customers/").status_code == 503
    with pytest.raises(CommandError, match="resume_retailer acme"):
        call_command("create_api_key", "acme", "--name", "x", "--scope", "read")
    output("resume_retailer", "acme")
    assert client.get("/admin/login/").status_code == 200


def test_list_retailers_speaks_json(acme: Retailer, globex: Retailer) -> None:
    rows = json.loads(output("list_retailers", "--json"))
    assert [(row["slug"], row["status"], row["url"]) for row in rows] == [
        ("acme", "active", "http://acme.localhost:8000"),
        ("globex", "active", "http://globex.localhost:8000"),
    ]


def test_command_for_an_unknown_retailer_names_those_there_are(acme: Retailer) -> None:
    with pytest.raises(CommandError, match=r"no retailer 'nobody'. Known: acme"):
        call_command("suspend_retailer", "nobody")


def test_nothing_of_a_retailer_is_found_in_the_platforms_schema(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
            "AND (table_name LIKE 'campaigns%%' OR table_name LIKE 'delivery%%')"
        )
        assert cursor.fetchall() == []


def test_suspended_retailers_work_is_not_dealt(acme: Retailer) -> None:
    provisioning.suspend(acme)
    AgendaItem.objects.create(retailer=acme, kind="run", object_id=1)
    assert agenda.claim(seconds=1) is None
    provisioning.resume(acme)
    assert agenda.claim(seconds=1) is not None
