"""Drafts of bases: saved, refused, and told where they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import bases
from campaigns.bases import ChangedMeanwhile
from campaigns.config.gate import Invalid
from tenants.accounts.models import AuditEntry
from tenants.models import BaseTemplate, BaseVersion, Group
from tests.campaigns.bases.publishing import live, saved
from tests.factories import base_draft


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
