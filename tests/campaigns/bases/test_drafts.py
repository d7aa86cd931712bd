"""Drafts of bases: saved, refused, and told where they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import bases, examination, layering
from campaigns.bases import ChangedMeanwhile
from campaigns.config.gate import Invalid
from campaigns.confinement import Children
from campaigns.models import Template
from delivery import base_previews
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import BaseTemplate, BaseVersion, Group, Retailer
from tests.campaigns.bases.publishing import live, published, saved
from tests.factories import base_draft
from tests.greedy_child import MEMORY, TIME


@pytest.fixture
def greedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What says that it eats time or memory does. Nothing is gone through in this process."""
    monkeypatch.setattr(examination, "_children", Children("tests.greedy_child"))
    monkeypatch.setattr(examination, "SECONDS", 1)
    for name in ("compile_base", "check_fill"):
        monkeypatch.delattr(layering, name)


def test_second_of_two_authors_is_told(db: None) -> None:
    base = saved()
    bases.save(base, base_draft(subject="one"), number=1)
    with pytest.raises(ChangedMeanwhile):
        bases.save(base, base_draft(subject="two"), number=1)
    assert live(base).draft["subject"] == "one"


def test_draft_is_kept_as_it_was_written_and_its_author_named(db: None) -> None:
    base = saved(slots={"headline": {"type": "text", "max": 200, "default": "Hello"}})
    assert base.draft["slots"] == {"headline": {"type": "text", "max": 200, "default": "Hello"}}
    assert bases.save(base, base.draft).number == 1
    entry = AuditEntry.objects.get(kind="base")
    assert (entry.action, entry.key, entry.number) == ("create", "standard", 1)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"html": None}, "html"),
        ({"slots": {"Headline": {"type": "text"}}}, "slots.Headline"),
        ({"slots": {"headline": {"type": "video"}}}, "slots.headline"),
        ({"slots": {"headline": {"type": "text", "max": 0}}}, "slots.headline.max"),
        ({"locks": ["hero"]}, "locks"),
    ],
)
def test_what_is_no_base_is_refused_at_its_field(db: None, parts: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        saved(**parts)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert not BaseTemplate.objects.exists()


@pytest.mark.parametrize("key", ["", "Standard", "a b", "x" * 64])
def test_key_that_nobody_can_refer_to_is_refused(db: None, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        saved(key)
    assert refused.value.problems[0].field == "key"


def test_platform_does_not_take_the_key_of_a_groups_own_base(grocers: Group) -> None:
    saved("letter", grocers)
    with pytest.raises(Invalid, match=r"grocers has a base of its own called 'letter'"):
        saved("letter")


def test_mistake_in_the_source_is_saved_but_not_published(db: None) -> None:
    base = saved(html="<html><body>\n{{ content.hedline }}</body></html>")
    problem, *_ = bases.check(base, base.draft)
    assert (problem.field, problem.message[:16]) == ("html", "line 2, column 1")
    with pytest.raises(Invalid, match="line 2, column 1"):
        bases.publish(base)
    assert not BaseVersion.objects.exists()


@pytest.mark.parametrize("what", [TIME, MEMORY])
def test_base_that_takes_too_much_is_saved_and_neither_published_nor_shown(
    acme: Retailer, greedy: None, what: str
) -> None:
    base = saved(html=base_draft()["html"].replace("What is new", f"It {what}"))
    [problem] = bases.check(base, base.draft)
    assert (problem.field, problem.code) == ("html", "too_much")
    for door in (bases.publish, lambda base: base_previews.pane(base, base.draft, acme)):
        with pytest.raises(Invalid, match="write it simpler"):
            door(base)
    assert not BaseVersion.objects.exists()
    assert bases.check(base, base_draft()) == []


def test_group_s_layer_that_takes_too_much_is_not_published(grocers: Group, greedy: None) -> None:
    published("one")
    layer = saved("standard", grocers, slots={"headline": f"It {TIME}"})
    with pytest.raises(Invalid, match="write it simpler"):
        bases.publish(layer)
    assert bases.publish(saved("standard", grocers, slots={"headline": "It is friendly"})).number == 1


def test_template_that_takes_too_much_does_not_hide_what_fits_another_retailer(
    acme: Retailer, globex: Retailer, greedy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "AT_ONCE", 1)
    base = live(published("one").base)
    for retailer, words in ((acme, f"It {TIME}"), (globex, "It fits")):
        with context.in_retailer(retailer):
            Template.objects.create(key="spring", name="Spring", base="standard", slots={"headline": words})
    changed = {"slots": {}, "html": "<html><body>{% block main %}Nothing to fill{% endblock %}</body></html>"}
    found = {each.retailer: each.misfits for each in bases.impact(base, base_draft(**changed))}
    assert ["takes longer than 1 seconds" in misfit.message for misfit in found[acme]] == [True]
    assert [misfit.field for misfit in found[globex]] == ["slots.headline"]


def test_impact_looks_at_many_together_and_at_one_by_one_where_one_takes_too_much(
    acme: Retailer, globex: Retailer, greedy: None
) -> None:
    base = live(published("one").base)
    for retailer, words in ((acme, "It fits"), (globex, f"It {TIME}")):
        with context.in_retailer(retailer):
            Template.objects.create(key="spring", name="Spring", base="standard", slots={"headline": words})
    changed = {"slots": {}, "html": "<html><body>{% block main %}Nothing to fill{% endblock %}</body></html>"}
    found = {each.retailer: each.misfits for each in bases.impact(base, base_draft(**changed))}
    assert [misfit.field for misfit in found[acme]] == ["slots.headline"]
    assert ["takes longer than 1 seconds" in misfit.message for misfit in found[globex]] == [True]
