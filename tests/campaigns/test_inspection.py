"""The checks before launch at every door: what must be right keeps a campaign from being published and started."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from campaigns import configuration, content, editing, inspection, language, policies, resolution, reviews
from campaigns.config.gate import Invalid, Problem
from campaigns.config.policy import OPEN
from campaigns.examination import people
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run, Template
from delivery.channels.memory import MemoryChannel
from delivery.pipeline import work
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api

BANNED = {"banned_words": ["cheap"]}


def brand(**voice: Any) -> None:
    row = content.brand()
    for name, value in voice.items():
        setattr(row, name, value)
    editing.save_brand(row)


def republished(**fields: Any) -> None:
    template = Template.objects.get(key="hello")
    for name, value in fields.items():
        setattr(template, name, value)
    template.save()
    content.publish(template)


def refused(act: Callable[[], object]) -> list[Problem]:
    with pytest.raises(Invalid) as refusal:
        act()
    return refusal.value.problems


def rules(campaign: Campaign, **policy: Any) -> set[str]:
    config = resolution.resolve(campaign.draft).config
    return {told.finding.rule for told in inspection.look(inspection.matter(config), policies.parse_policy(policy))}


@pytest.fixture
def api(acme: Retailer, api_key: Callable[..., str]) -> Api:
    return Api(acme, api_key(acme))


@pytest.fixture
def welcome(at_acme: Retailer) -> Campaign:
    factories.customers(3)
    return factories.campaign()


def test_sound_campaign_is_published_and_started(welcome: Campaign) -> None:
    assert inspection.blocking(resolution.resolve(welcome.draft).config, OPEN) == []
    run = configuration.launch(welcome, by="test", now=timezone.now())
    assert run.state == Run.State.PLANNED


@pytest.mark.parametrize(
    ("html", "rule", "words", "on_page"),
    [
        ("<p>Hello</p>\n<p>No way out</p>", "unsubscribe", "no link to unsubscribe", "no link to unsubscribe"),
        (f"\n<p>So cheap</p>{factories.OUT}", "banned_words", "line 2", "it says “cheap”"),
        (f"<p>Hello</p>{factories.OUT}", "disclaimers", "While stocks last.", "While stocks last."),
    ],
)
def test_what_must_be_right_is_refused_at_every_door_with_field_and_cure(
    welcome: Campaign,
    acme: Retailer,
    api: Api,
    marketer: Callable[[Retailer], Client],
    outbox: MemoryChannel,
    html: str,
    rule: str,
    words: str,
    on_page: str,
) -> None:
    if rule == "disclaimers":
        brand(disclaimers=[{"text": "While stocks last."}])
    brand(**BANNED)
    republished(html=html)
    now = timezone.now()
    for act in (
        lambda: configuration.publish(welcome, now=now),
        lambda: configuration.launch(welcome, by="test", now=now),
        lambda: reviews.submit(welcome, now=now),
    ):
        problems = refused(act)
        assert {(problem.field, problem.code) for problem in problems} == {("steps.0.template", rule)}
        assert any(words in problem.message for problem in problems)
    for door in ("publish", "launch", "submit", "preflight"):
        answer = api.post(f"campaigns/welcome/{door}/")
        assert answer.status_code == 400, (door, answer.json())
        assert answer.json()["errors"][0]["code"] == rule
    with pytest.raises(CommandError, match=r"steps\.0\.template"):
        call_command("launch", "acme", "welcome")
    ana = marketer(acme)
    page = ana.post(f"/admin/campaigns/campaign/{welcome.pk}/launch/", {"draft_number": "1"}, follow=True)
    assert on_page in unescape(page.content.decode())
    assert not Run.objects.exists()


def test_scheduler_holds_what_was_published_before_it_was_wrong(
    welcome: Campaign, acme: Retailer, outbox: MemoryChannel
) -> None:
    configuration.publish(welcome, now=timezone.now())
    brand(banned_words=["dear"])
    version = Campaign.objects.select_related("live").get().live
    assert version
    run = configuration.start(welcome, version, occurrence="x", by="schedule", as_of=timezone.now())
    assert run.state == Run.State.PAUSED
    assert run.reason.startswith("check: steps.0.template: template hello, html, line 1: it says “dear”")
    with pytest.raises(NotAllowed, match="which the brand never does"):
        configuration.resume(run)
    work(seconds=5, retailer=acme)
    assert outbox.sent == []
    brand(banned_words=[])
    configuration.resume(run)
    work(seconds=30, retailer=acme)
    assert len(outbox.sent) == 3


def test_template_published_into_a_run_is_looked_at_before_the_next_batch(
    welcome: Campaign, acme: Retailer, outbox: MemoryChannel
) -> None:
    run = configuration.launch(welcome, by="test", now=timezone.now())
    republished(html="<p>No way out</p>")
    work(seconds=30, retailer=acme)
    run.refresh_from_db()
    assert (run.state, outbox.sent) == (Run.State.PAUSED, [])
    assert "it has no link to unsubscribe: add" in run.reason
    republished(html=f"<p>Hello</p>{factories.OUT}")
    configuration.resume(run)
    work(seconds=30, retailer=acme)
    assert len(outbox.sent) == 3


def test_words_of_a_variant_are_told_at_their_own_field(welcome: Campaign) -> None:
    brand(**BANNED)
    republished(html="<p>{{ content.headline }}</p>" + factories.OUT)
    variants = [
        {"key": "a", "content": {"headline": "Fine tea"}},
        {"key": "b", "subject": "Cheap tea", "content": {"headline": "So cheap"}},
    ]
    step = {"key": "first", "channel": "email", "template": "hello", "variants": variants}
    configuration.save_draft(factories.config(steps=[step]), campaign=welcome)
    fields = {problem.field for problem in refused(lambda: configuration.publish(welcome, now=timezone.now()))}
    assert fields == {"steps.0.variants.1.subject", "steps.0.variants.1.content.headline"}


def test_a_topic_has_its_own_disclaimers(welcome: Campaign) -> None:
    brand(disclaimers=[{"text": "Drink responsibly.", "topics": ["wine"]}])
    assert "disclaimers" not in rules(welcome)
    configuration.save_draft(factories.config(topic="wine"), campaign=welcome)
    assert "disclaimers" in rules(welcome)


def test_policy_decides_what_blocks_and_what_is_not_looked_at(welcome: Campaign, acme: Retailer) -> None:
    assert "preheader" in rules(welcome)
    assert "preheader" not in rules(welcome, checks_off=["preheader"])
    policies.save(acme, policy={"checks": {"preheader": "error"}})
    [problem] = refused(lambda: configuration.publish(welcome, now=timezone.now()))
    assert (problem.field, problem.code) == ("steps.0.template", "preheader")
    policies.save(None, policy={"checks_off": ["unsubscribe"]})
    policies.save(acme, policy={})
    republished(html="<p>Your receipt</p>")
    configuration.publish(welcome, now=timezone.now())


def test_attributes_and_lists_that_nobody_is_known_to_have_do_not_hide_what_is_wrong(welcome: Campaign) -> None:
    republished(
        html="{% for item in customer.attributes.basket %}<p>{{ item.name }}</p>{% endfor %}"
        "{{ customer.attributes.points | number }}{{ customer.attributes.until | date }}"
    )
    assert "unsubscribe" in rules(welcome)


def test_validating_tells_findings_and_what_of_them_blocks(welcome: Campaign, api: Api) -> None:
    republished(html='\n<p>So cheap</p><a href="#">Go</a>' + factories.OUT)
    verdict = api.post("campaigns/welcome/validate/").json()
    assert verdict["valid"]
    by_rule = {each["rule"]: each for each in verdict["findings"]}
    assert by_rule["broken_links"] == {
        "rule": "broken_links",
        "severity": "warning",
        "message": "a link leads to # and nowhere else",
        "cure": "give it the address that it should lead to",
        "field": "steps.0.template",
        "part": "html",
        "line": 2,
        "column": 16,
        "step": "first",
        "variants": ["a"],
        "template": "hello",
    }
    brand(**BANNED)
    verdict = api.post("campaigns/welcome/validate/").json()
    assert (verdict["valid"], verdict["findings"][0]["severity"]) == (False, "error")
    assert verdict["errors"][0]["code"] == "banned_words"
    assert api.post("campaigns/welcome/validate/", {"key": 5}).json()["findings"] == []


def test_preflight_tells_what_the_audience_would_read(welcome: Campaign, api: Api, capsys: Any) -> None:
    factories.customers(1, first=4, first_name="", attributes={"tier": " "})
    factories.customers(1, first=5, first_name=" ", consent_email=False)
    republished(html="<p>{{ customer.attributes.tier }}</p>" + Template.objects.get(key="hello").html)
    found = api.post("campaigns/welcome/preflight/").json()
    told = {each["message"] for each in found["findings"] if each["rule"] == "coverage"}
    assert told == {
        "25 % (1 of 4) have no first name: they will read “there”",
        "100 % (4 of 4) have no tier: they will be skipped",
    }
    call_command("launch", "acme", "welcome", "--preflight")
    assert "Hint: step first, variant a, subject, line 1, column 10: 25 % (1 of 4)" in capsys.readouterr().out


def test_coverage_costs_the_same_for_many_people_and_variables(
    welcome: Campaign, api: Api, django_assert_max_num_queries: Any
) -> None:
    api.post("campaigns/welcome/preflight/")
    with django_assert_max_num_queries(200) as few:
        api.post("campaigns/welcome/preflight/")
    factories.customers(300, first=10)
    with django_assert_max_num_queries(len(few)):
        api.post("campaigns/welcome/preflight/")


def test_editor_tells_what_would_be_found_while_it_is_written(
    welcome: Campaign, acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    ana, template = marketer(acme), Template.objects.get(key="hello")
    html = '<p>Hello</p>\n<p style="color:#999">{% if customer.first_name %}Pale{% endif %}</p>'
    written = {"key": "hello", "subject": "Hi", "html": html + factories.OUT}
    answer = ana.post("/admin/campaigns/template/preview/", written).json()
    assert "data-at" not in answer["html"]
    pale = next(each for each in answer["findings"] if each["rule"] == "contrast")
    assert (pale["field"], pale["line"], pale["severity"]) == ("html", 2, "warning")
    assert "unsubscribe" not in {each["rule"] for each in answer["findings"]}
    answer = ana.post("/admin/campaigns/template/preview/", written | {"html": html}).json()
    assert answer["findings"][0]["rule"] == "unsubscribe"
    shown = ana.get(f"/admin/campaigns/template/{template.pk}/change/").content.decode()
    assert "It has no preheader" in shown
    shown = ana.get(f"/admin/campaigns/campaign/{welcome.pk}/launch/").content.decode()
    assert "It has no preheader" in shown
    assert "The brand has no postal address" in shown


def test_long_messages_are_looked_at_for_everybody() -> None:
    """What one of the made-up people gets takes nothing from the next."""
    half = "x" * (language.MAX_HANDLED // 2 - 100)
    html = "{% if customer.first_name %}Ana{% else %}Nobody{% endif %}{{ content.half }}"
    shown = people.rendered({"html": html, "text": html}, {"content": {"half": half}})
    assert {each["html"][:3] for each in shown} == {"Ana", "Nob"}
