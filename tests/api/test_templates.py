from __future__ import annotations

from typing import Any

import pytest

from campaigns import content
from campaigns.models import Template
from tenants import context
from tenants.models import Group, Retailer
from tests import factories
from tests.api.caller import Api, problem

HELLO = {
    "key": "hello",
    "name": "Hello",
    "subject": "Hello {{ customer.first_name }}",
    "html": "<p>Dear {{ customer.first_name }}</p>\n",
}


@pytest.fixture
def hello(api: Api) -> dict[str, Any]:
    response = api.post("templates/", HELLO)
    assert response.status_code == 201
    return dict(response.json())


def test_template_is_made_read_changed_and_removed(api: Api, hello: dict[str, Any]) -> None:
    assert hello["html"] == HELLO["html"]
    assert (hello["channel"], hello["live_version"]) == ("email", None)
    assert api.get("templates/hello/").json() == hello
    assert api.patch("templates/hello/", {"subject": "Hi"}).json()["subject"] == "Hi"
    assert api.put("templates/hello/", HELLO).json()["subject"] == HELLO["subject"]
    [listed] = api.get("templates/").json()["results"]
    now = hello | {"updated_at": listed["updated_at"]}
    assert listed == {name: now[name] for name in listed}
    assert "html" not in listed
    assert api.delete("templates/hello/").status_code == 204
    assert problem(api.get("templates/hello/"))[0] == 404


def test_who_read_an_older_draft_changes_nothing(api: Api, hello: dict[str, Any]) -> None:
    read = api.get("templates/hello/")["ETag"]
    assert api.patch("templates/hello/", {"subject": "Hi"}, **{"If-Match": read})["ETag"] == '"2"'
    late = api.patch("templates/hello/", {"subject": "Hey"}, **{"If-Match": read})
    assert problem(late)[0] == 412
    assert problem(api.delete("templates/hello/", **{"If-Match": read}))[0] == 412
    assert api.get("templates/hello/").json()["subject"] == "Hi"


def test_whoever_publishes_publishes_the_draft_of_now(api: Api, hello: dict[str, Any], acme: Retailer) -> None:
    with context.in_retailer(acme):
        read_before = Template.objects.get(key="hello")
    api.post("templates/hello/publish/")
    api.patch("templates/hello/", {"subject": "Hi"})
    api.post("templates/hello/publish/")
    with context.in_retailer(acme):
        assert content.publish(read_before).number == 2
    assert api.get("templates/hello/").json()["live_version"] == 2


def test_another_source_of_the_same_content_is_a_version_too(api: Api) -> None:
    said = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello</mj-text></mj-column></mj-section></mj-body></mjml>"
    api.post("templates/", HELLO | {"source_format": "mjml", "html": said})
    first = api.post("templates/hello/publish/").json()
    api.patch("templates/hello/", {"html": said.replace("<mj-body>", "<mj-body><!-- for spring -->")})
    second = api.post("templates/hello/publish/").json()
    assert (first["number"], second["number"]) == (1, 2)
    assert api.post("templates/hello/publish/").json()["number"] == 2


BASE = "{% block hero %}{% endblock %}{% block offer %}{% endblock %}{% block legal %}{% endblock %}"
PARTS = {
    "base": "standard", "html": "",
    "blocks": {"hero": "<p>{{ content.headline }}</p>\n", "offer": "<p>Ten off</p>"},
    "translations": {"de": {"subject": "Hallo", "slots": {"headline": "Guten Tag"}}, "pt-BR": {"subject": "Olá"}},
    "payload": {"image": "https://acme.example/a.png"},
    "from_name": "Acme", "from_email": "news@acme.example", "reply_to": "help@acme.example", "source_format": "html",
}  # fmt: skip


def test_parts_of_a_template_are_kept_and_a_patch_merges_them(api: Api) -> None:
    factories.base(html=f"<html><body>{BASE}{{{{ content.headline }}}}</body></html>")
    made = api.post("templates/", HELLO | {"key": "parts"} | PARTS)
    assert made.status_code == 201, made.json()
    told = api.get("templates/parts/").json()
    assert PARTS.items() == {name: told[name] for name in PARTS}.items()
    change = {
        "blocks": {"offer": None, "legal": "<p>x</p>"},
        "translations": {"de": {"slots": None}, "pt-BR": None, "fr": {"subject": "Bonjour"}},
    }
    patched = api.patch("templates/parts/", change).json()
    assert patched["blocks"] == {"hero": PARTS["blocks"]["hero"], "legal": "<p>x</p>"}  # type: ignore[index]
    assert patched["translations"] == {"de": {"subject": "Hallo"}, "fr": {"subject": "Bonjour"}}
    assert patched["from_email"] == "news@acme.example"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"blocks": {"Hero": "x"}}, "blocks.Hero"),
        ({"translations": {"german": {}}}, "translations.german"),
        ({"translations": {"de": {"colour": "red"}}}, "translations.de.colour"),
        ({"translations": {"de": 5}}, "translations.de"),
        ({"slots": {"1": "x"}}, "slots.1"),
        ({"slots": []}, "slots"),
        ({"source_format": "markdown"}, "source_format"),
        ({"from_email": "nobody"}, "from_email"),
    ],
)
def test_a_part_that_cannot_be_is_refused_by_its_path(
    api: Api, hello: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    status, errors = problem(api.patch("templates/hello/", change))
    assert (status, [name for name, _ in errors]) == (400, [field])
    assert api.get("templates/hello/").json() == hello


def test_unknown_variable_is_named_with_field_and_line_when_saved(api: Api, hello: dict[str, Any]) -> None:
    html = "<p>Hello</p>\n<p>{{ customer.shoe_size }}</p>"
    for response in (
        api.post("templates/", HELLO | {"key": "other", "html": html}),
        api.patch("templates/hello/", {"html": html}),
    ):
        assert problem(response) == (400, [("html", "template")])
        message = response.json()["errors"][0]["message"]
        assert message.startswith("line 2, column 7: ")
        assert "customer.shoe_size" in message
    assert api.get("templates/hello/").json() == hello


def test_saving_publishes_nothing_and_publishing_twice_makes_one_version(api: Api, hello: dict[str, Any]) -> None:
    numbers = [api.post("templates/hello/publish/").json()["number"] for _ in range(2)]
    assert numbers == [1, 1]
    api.patch("templates/hello/", {"subject": "Hi"})
    assert api.get("templates/hello/").json()["live_version"] == 1
    assert api.post("templates/hello/publish/").json()["number"] == 2
    assert [row["number"] for row in api.get("templates/hello/versions/").json()["results"]] == [2, 1]


def test_rollback_makes_an_earlier_version_live_and_keeps_the_draft(api: Api, hello: dict[str, Any]) -> None:
    api.post("templates/hello/publish/")
    api.patch("templates/hello/", {"subject": "Hi"})
    api.post("templates/hello/publish/")
    response = api.post("templates/hello/rollback/", {"version": 1})
    assert (response.status_code, response.json()["subject"]) == (200, HELLO["subject"])
    told = api.get("templates/hello/").json()
    assert (told["live_version"], told["subject"]) == (1, "Hi")
    assert problem(api.post("templates/hello/rollback/", {"version": 7})) == (400, [("version", "unknown")])
    assert problem(api.post("templates/hello/rollback/", {"version": "the old one"})) == (400, [("version", "invalid")])


def test_template_in_use_stays(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.campaign("welcome")
    response = api.delete("templates/hello/")
    assert problem(response) == (409, [("", "not_allowed")])
    assert "the campaign “Welcome” (welcome)" in response.json()["detail"]


def test_preview_is_rendered_for_a_customer_for_sample_data_or_for_nobody_real(
    api: Api, acme: Retailer, hello: dict[str, Any]
) -> None:
    with context.in_retailer(acme):
        factories.customers(1, first_name="Zoë & Co")
    real = api.post("templates/hello/preview/", {"external_id": "c1"}).json()
    assert real == {
        "subject": "Hello Zoë & Co",
        "html": "<p>Dear Zoë &amp; Co</p>\n",
        "text": "Dear Zoë & Co\n",
        "locale": "",
        "differences": [],
    }
    sample = api.post("templates/hello/preview/", {"data": {"customer": {"first_name": "Bob"}}}).json()
    assert sample["subject"] == "Hello Bob"
    assert api.post("templates/hello/preview/").json()["subject"] == "Hello Ana"


def test_preview_says_what_the_person_lacks(api: Api, acme: Retailer, hello: dict[str, Any]) -> None:
    with context.in_retailer(acme):
        factories.customers(1, first_name="")
    response = api.post("templates/hello/preview/", {"external_id": "c1"})
    assert problem(response) == (400, [("", "render")])
    assert "customer.first_name" in response.json()["detail"]
    assert problem(api.post("templates/hello/preview/", {"external_id": "c9"})) == (400, [("external_id", "unknown")])


def test_a_template_tells_what_lies_beneath_it_and_where_each_value_comes_from(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        acme.group = Group.objects.create(key="grocers", name="Grocers")
        acme.save()
        factories.base()
        factories.group_layer(acme.group, slots={"story": "<p>Ours</p>"}, locks=["action"])
    made = api.post("templates/", {"key": "based", "name": "Based", "base": "standard", "slots": {"headline": "Hi"}})
    assert made.status_code == 201, made.json()
    layers = api.get("templates/based/").json()["layers"]
    assert (layers["base"], layers["version"], layers["group"]) == ("standard", 1, "the group Grocers")
    headline, story, action = layers["slots"]
    assert headline == {
        "name": "headline",
        "type": "text",
        "label": "Headline",
        "help": "",
        "limits": {"max": 60},
        "default": "Hello {{ customer.first_name | default('you') }}",
        "whose": "the base Standard",
        "locked_by": "",
    }
    assert (story["default"], story["whose"]) == ("<p>Ours</p>", "the group Grocers")
    assert (action["default"], action["locked_by"]) == (
        {"label": "Shop", "url": "https://shop.example"},
        "the group Grocers",
    )
    assert [(block["name"], block["locked_by"]) for block in layers["blocks"]] == [
        ("hero", ""),
        ("footer", "the platform"),
    ]
    assert api.get("templates/based/").json()["slots"] == {"headline": "Hi"}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"slots": {"headline": "x" * 214}}, "slots.headline", "214 characters, at most 60"),
        ({"slots": {"shoe": "x"}}, "slots.shoe", "no slot shoe"),
        ({"blocks": {"footer": "<p>x</p>"}}, "blocks.footer", "locked by the platform"),
        (
            {"translations": {"de": {"slots": {"headline": "x" * 61}}}},
            "translations.de.slots.headline",
            "61 characters",
        ),
        ({"base": "gone"}, "base", "no base template 'gone'"),
    ],
)
def test_what_does_not_fit_the_base_is_refused_by_its_path(
    api: Api, acme: Retailer, change: dict[str, Any], field: str, words: str
) -> None:
    with context.in_retailer(acme):
        factories.base()
    answer = api.post("templates/", {"key": "based", "name": "Based", "base": "standard"} | change)
    status, errors = problem(answer)
    assert (status, [name for name, _ in errors]) == (400, [field])
    assert words in answer.json()["errors"][0]["message"]


def test_preview_speaks_a_language_and_tells_what_differs(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.base()
    translations = {"de": {"slots": {"headline": "Hallo"}}}
    said = {"key": "based", "name": "Based", "base": "standard", "slots": {"headline": "Hi"}}
    assert api.post("templates/", said | {"translations": translations}).status_code == 201
    told = api.post("templates/based/preview/", {"locale": "de-AT"}).json()
    assert (told["subject"], told["locale"]) == ("Hallo", "de-AT")
    assert [(each["field"], each["here"], each["whose"]) for each in told["differences"]] == [
        ("slots.headline", "Hallo", "the base Standard")
    ]
    assert api.post("templates/based/preview/", {"data": {"customer": {"first_name": "Bo"}}}).json()["subject"] == "Hi"


def test_a_template_of_another_platform_is_converted_and_nothing_is_saved(api: Api, hello: dict[str, Any]) -> None:
    source = "Hi {{${first_name} | default: 'you'}}\n{{ event.item }}"
    answer = api.post("templates/convert/", {"source": source, "from": "braze"})
    assert answer.status_code == 200
    assert answer.json() == {
        "source": 'Hi {{ customer.first_name | default("you") }}\n{{ event.item }}',
        "problems": [{"line": 2, "message": "the variable event.item has no counterpart here"}],
    }
    assert [each["key"] for each in api.get("templates/").json()["results"]] == ["hello"]
    unknown = api.post("templates/convert/", {"source": "x", "from": "paper"})
    assert problem(unknown) == (400, [("from", "invalid_choice")])
    assert problem(api.post("templates/convert/", {})) == (400, [("source", "required")])
