"""Base templates in the platform's console: drafts, releases, and who may do what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from campaigns import bases
from campaigns.models import Template
from tenants import context
from tenants.accounts.models import AuditEntry, Role, User
from tenants.models import BaseTemplate, BaseVersion, Group, Retailer
from tests import factories
from tests.console.forms import fields, submit
from tests.console.test_pages import MOST_QUERIES

SOURCE = factories.base_draft()["html"]


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def release(client: Client, base: BaseTemplate, **given: Any) -> str:
    """What is said of the step."""
    answer = client.post(f"/admin/bases/{base.pk}/release/", given)
    assert answer["Location"] == f"/admin/bases/{base.pk}/"
    return said(answer)[-1]


@pytest.fixture
def base(db: None) -> BaseTemplate:
    return bases.save(bases.blank("standard"), factories.base_draft())


def test_base_is_begun_written_published_and_tried_by_a_few_first(
    staff: Client, acme: Retailer, globex: Retailer
) -> None:
    made: Any = submit(staff, "/admin/bases/", "begin_form", key="letter", name="Letter")
    base = BaseTemplate.objects.get()
    assert made["Location"] == f"/admin/bases/{base.pk}/"
    assert bases.check(base, base.draft) == [], "what one begins with may be published"
    slot = {"type": "image", "name": "hero", "url": "https://example.com/a.png", "alt": "A loaf", "width": "600"}
    submit(
        staff, f"/admin/bases/{base.pk}/", "base_form", change_reason="spring", name="Letters",
        html=SOURCE.replace("<h1>", '<img src="{{ content.hero.url }}" alt="{{ content.hero.alt }}"><h1>'),
        **{f"slot-7-{name}": value for name, value in slot.items()},
    )  # fmt: skip
    base.refresh_from_db()
    assert (base.name, base.number, AuditEntry.objects.latest("pk").reason) == ("Letters", 2, "spring")
    assert base.draft["slots"]["hero"] == {
        "type": "image", "width": 600, "default": {"url": "https://example.com/a.png", "alt": "A loaf"}
    }  # fmt: skip
    assert base.draft["slots"]["headline"] == {"type": "text", "label": "Headline", "default": "Hello"}
    assert release(staff, base, step="canary", retailers=[acme.pk]) == "Version 1 is a canary for Acme Foods."
    with pytest.raises(bases.Unavailable):
        bases.standing(globex, "letter")
    assert "Version 1 is in a ring" in staff.get(f"/admin/bases/{base.pk}/").content.decode()
    assert release(staff, base, step="promote") == "Version 1 is live for everybody."
    assert bases.standing(globex, "letter")


def test_what_the_page_shows_is_posted_back_unchanged(staff: Client, base: BaseTemplate) -> None:
    every = {
        "a": {"type": "text", "label": "A", "help": "one line", "max": 80, "default": "x"},
        "b": {"type": "rich_text", "default": "<p>y</p>"},
        "c": {"type": "image", "width": 300},
        "d": {"type": "colour", "choices": ["#112233", "#445566"], "default": "#112233"},
        "e": {"type": "button", "max": 20, "default": {"label": "Go", "url": "https://example.com/"}},
        "f": {"type": "products", "most": 4, "default": {"count": 2}},
    }
    html = SOURCE.replace("content.headline", "content.a")
    bases.save(base, factories.base_draft(html=html, slots=every, translations={"de": {"subject": "Neues"}}))
    before = BaseTemplate.objects.get().draft
    submit(staff, f"/admin/bases/{base.pk}/", "base_form")
    after = BaseTemplate.objects.get()
    assert after.draft == before
    assert after.number == 2


def test_languages_are_added_changed_and_removed(staff: Client, base: BaseTemplate) -> None:
    page = f"/admin/bases/{base.pk}/"
    german = {"in.de.subject": "Neues", "in.de.fill-headline": "Hallo", "in.pt-BR.preheader": "Leia"}
    submit(staff, page, "base_form", **german)
    base.refresh_from_db()
    assert base.draft["translations"] == {
        "de": {"subject": "Neues", "slots": {"headline": "Hallo"}}, "pt-BR": {"preheader": "Leia"}
    }  # fmt: skip
    again = fields(staff.get(page), "base_form")
    assert (again["in.de.fill-headline"], again["in.pt-BR.preheader"]) == ("Hallo", "Leia")
    submit(staff, page, "base_form", **{"in.de.subject": "", "in.pt-BR.drop": "1"})
    base.refresh_from_db()
    assert base.draft["translations"] == {"de": {"slots": {"headline": "Hallo"}}}
    assert release(staff, base, step="publish").startswith("Version 1 is live")


def test_mistakes_of_a_language_are_told_in_it(staff: Client, base: BaseTemplate) -> None:
    wrong = {"in.de.fill-headline": "{{ customer.frist_name }}", "in.de.subject": "{{ nobody }}"}
    submit(staff, f"/admin/bases/{base.pk}/", "base_form", **wrong)
    form = staff.get(f"/admin/bases/{base.pk}/").context["form"]
    [german] = form.languages
    assert ["frist_name is unknown" in told for told in german.fills[0].problems] == [True]
    assert ["nobody" in told for told in german.problems] == [True]
    assert form.problems == []
    page = submit(staff, f"/admin/bases/{base.pk}/", "base_form", **{"in.n0pe.subject": "x"})
    assert "write a language such as de" in page.content.decode()


def test_a_group_says_its_blocks_in_languages_too(staff: Client, base: BaseTemplate) -> None:
    release(staff, base, step="publish")
    group = Group.objects.create(key="grocers", name="Grocers")
    layer = bases.save(bases.blank("standard", group), {})
    said = {"in.de.block-main": "<p>Neu</p>", "in.de.fill-headline": "Hallo", "in.de.block-footer": "<p>mine</p>"}
    submit(staff, f"/admin/bases/{layer.pk}/", "base_form", **said)
    layer.refresh_from_db()
    german = layer.draft["translations"]["de"]
    assert (german["blocks"]["main"], german["slots"]) == ("<p>Neu</p>", {"headline": "Hallo"})
    told = staff.get(f"/admin/bases/{layer.pk}/").content.decode()
    assert "footer is locked by the platform" in told


def test_mistakes_are_told_where_they_are(staff: Client, base: BaseTemplate) -> None:
    page = submit(staff, f"/admin/bases/{base.pk}/", "base_form", **{"slot-0-max": "many", "slot-1-name": "headline"})
    rows = page.context["form"].slots
    assert ["max:" in problem for problem in rows[0].problems] == [True]
    assert rows[1].problems == ["There is a slot headline above: give this one another name."]
    assert BaseTemplate.objects.get().number == 1
    saved: Any = submit(
        staff, f"/admin/bases/{base.pk}/", "base_form", html="<html><body>\n{{ content.hedline }}</body></html>"
    )
    assert "Nobody has it before it is published" in said(saved)[0]
    told = staff.get(f"/admin/bases/{base.pk}/").context["form"].problems
    assert told[0].message.startswith("line 2, column 1")
    assert "line 2, column 1" in release(staff, base, step="publish")


def test_second_of_two_authors_is_told(staff: Client, base: BaseTemplate) -> None:
    opened = fields(staff.get(f"/admin/bases/{base.pk}/"), "base_form")
    bases.save(base, factories.base_draft(subject="mine"))
    refused = staff.post(f"/admin/bases/{base.pk}/", opened | {"subject": "yours"})
    assert "Nothing of yours was saved" in said(refused)[0]
    assert BaseTemplate.objects.get().draft["subject"] == "mine"


def test_preview_is_in_the_brand_of_the_chosen_retailer_and_can_run_nothing(
    staff: Client, base: BaseTemplate, acme: Retailer, globex: Retailer
) -> None:
    page = staff.get(f"/admin/bases/{base.pk}/").content.decode()
    assert '<iframe sandbox=""' in page
    opened = fields(staff.get(f"/admin/bases/{base.pk}/"), "base_form")
    path = f"/admin/bases/{base.pk}/preview/"
    shown = staff.post(path, opened | {"retailer": globex.pk, "slot-0-default": "Hi {{ customer.first_name }}"}).json()
    assert (shown["subject"], shown["problems"]) == ("News of Globex Outdoor", [])
    assert "<h1>Hi Ana</h1>" in shown["html"]
    assert shown["sender"] == "Globex Outdoor"
    wrong = staff.post(path, opened | {"html": "{{ content.nosuch }}"}).json()
    assert "there is no slot nosuch" in wrong["problems"][0]["message"]


def test_group_says_and_locks_something_over_the_platforms_base(
    staff: Client, base: BaseTemplate, acme: Retailer, globex: Retailer
) -> None:
    bases.publish(base)
    grocers = Group.objects.create(key="grocers", name="Grocers")
    Retailer.objects.filter(pk=acme.pk).update(group=grocers)
    submit(staff, "/admin/bases/", "begin_form", key="standard", group=grocers.pk)
    layer = BaseTemplate.objects.get(group=grocers)
    said_so = {"fill-headline": "Fresh", "lock-headline": "on", "block-main": "<p>Ripe</p>"}
    submit(staff, f"/admin/bases/{layer.pk}/", "base_form", **said_so)
    layer.refresh_from_db()
    assert layer.draft == {"slots": {"headline": "Fresh"}, "blocks": {"main": "<p>Ripe</p>"}, "locks": ["headline"]}
    opened = fields(staff.get(f"/admin/bases/{layer.pk}/"), "base_form")
    assert (opened["lock-headline"], "block-footer" in opened) == ("on", False)
    shown = staff.post(f"/admin/bases/{layer.pk}/preview/", opened).json()
    assert "<h1>Fresh</h1>" in shown["html"]
    assert "Version 1 is live" in release(staff, layer, step="publish")
    assert bases.standing(acme, "standard").group_version_id
    assert bases.standing(globex, "standard").group_version_id is None
    refused = release(staff, layer, step="canary", retailers=[globex.pk])
    assert "not in the group" in refused


def test_pin_kill_and_way_back_ask_why_and_say_what_they_did(
    staff: Client, base: BaseTemplate, acme: Retailer, globex: Retailer
) -> None:
    bases.publish(base)
    bases.publish(bases.save(base, factories.base_draft(subject="two")))
    assert "say why" in release(staff, base, step="pin", retailer=acme.pk, version=1)
    release(staff, base, step="pin", retailer=acme.pk, version=1, change_reason="a legal text")
    assert (factories.base_number(acme), factories.base_number(globex)) == (1, 2)
    assert "a legal text" in staff.get(f"/admin/bases/{base.pk}/").content.decode()
    assert "say why" in release(staff, base, step="kill", version=2)
    release(staff, base, step="kill", version=2, change_reason="wrong price")
    assert factories.base_number(globex) == 1
    assert "by force" in release(staff, base, step="kill", version=1, change_reason="wrong price")
    assert "follows" in release(staff, base, step="unpin", retailer=acme.pk)
    assert "no earlier version" in release(staff, base, step="roll back")
    assert "use a button" in release(staff, base, step="nosuch")


def test_list_and_impact_tell_who_builds_on_it(staff: Client, base: BaseTemplate, acme: Retailer) -> None:
    bases.publish(base)
    with context.in_retailer(acme):
        Template.objects.create(key="spring", name="Spring", base="standard", slots={"headline": "Buds"})
    (row,) = staff.get("/admin/bases/").context["rows"]
    assert row.retailers == 1
    gone = "<html><body>{% block main %}Nothing to fill{% endblock %}</body></html>"
    bases.save(base, factories.base_draft(html=gone, slots={}))
    page = staff.get(f"/admin/bases/{base.pk}/impact/")
    assert (page.context["templates"], page.context["misfits"]) == (1, 1)
    bases.save(base, factories.base_draft(html="{{ content.nosuch }}"))
    page = staff.get(f"/admin/bases/{base.pk}/impact/")
    assert page.context["templates"] == 1
    assert "nosuch" in page.context["problems"][0].message


@pytest.mark.parametrize("page", ["/admin/bases/", "/admin/bases/N/", "/admin/bases/N/impact/"])
def test_page_opens_within_the_bound(
    staff: Client, base: BaseTemplate, acme: Retailer, page: str, django_assert_max_num_queries: Any
) -> None:
    bases.publish(base)
    bases.publish(bases.save(base, factories.base_draft(subject="two")), canary=[acme])
    bases.pin(base, acme, 1, reason="a test")
    with django_assert_max_num_queries(MOST_QUERIES):
        assert staff.get(page.replace("N", str(base.pk))).status_code == 200


CHANGING = ["/admin/bases/", "/admin/bases/N/", "/admin/bases/N/release/"]


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.APPROVER])
def test_only_administrators_change_anything(base: BaseTemplate, path: str, role: Role) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create(email="look@platform.example", is_staff=True, role=role))
    path = path.replace("N", str(base.pk))
    before = list(BaseTemplate.objects.values())
    assert client.post(path, {"key": "other", "name": "x", "html": "x", "step": "publish"}).status_code == 403
    assert list(BaseTemplate.objects.values()) == before
    assert not BaseVersion.objects.exists()
    page = client.get(f"/admin/bases/{base.pk}/").content.decode()
    assert "Save the draft" not in page
    assert "Publish to everybody" not in page


def test_retailers_console_has_no_such_page(base: BaseTemplate, acme: Retailer, marketer: Any) -> None:
    for path in ("/admin/bases/", f"/admin/bases/{base.pk}/", f"/admin/bases/{base.pk}/preview/"):
        assert marketer(acme).get(path).status_code == 404
