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


def test_a_fresh_schema_has_the_shape_of_its_elders(provisioned: str, acme: Retailer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_schema, array_agg(concat_ws(' ', table_name, column_name, data_type, is_nullable) ORDER BY 1)
            FROM information_schema.columns WHERE table_schema IN (%s, %s) GROUP BY 1
            """,
            [acme.schema_name, context.find("initech").schema_name],
        )
        shapes = [sorted(columns) for _, columns in cursor.fetchall()]
    assert len(shapes) == 2
    assert shapes[0] == shapes[1]


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
