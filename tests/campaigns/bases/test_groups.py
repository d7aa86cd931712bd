"""What a group says over a base, and what a change would mean for whom."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import bases
from campaigns.bases import Unavailable
from campaigns.config.gate import Invalid
from campaigns.models import Template
from tenants import context
from tenants.models import Group, Retailer
from tests.campaigns.bases.publishing import live, published, saved
from tests.factories import base_draft


def test_group_says_something_over_the_platforms_base_for_its_retailers_alone(
    acme: Retailer, globex: Retailer, grocers: Group
) -> None:
    saved()
    layer = saved("standard", grocers, slots={"headline": "Fresh"})
    with pytest.raises(Invalid, match="was not published yet"):
        bases.publish(layer)
    below = published("one")
    over = bases.publish(saved("standard", grocers, slots={"headline": "Fresh"}, locks=["headline"]))
    assert bases.standing(acme, "standard") == bases.Standing(below.pk, over.pk)
    assert bases.standing(globex, "standard") == bases.Standing(below.pk)
    with pytest.raises(Invalid, match="globex: not in the group"):
        bases.publish(saved("standard", grocers, slots={"headline": "New"}), canary=[globex])


def test_messages_wait_for_a_group_whose_words_were_killed_by_force(
    acme: Retailer, globex: Retailer, grocers: Group
) -> None:
    below = published("one")
    ring = bases.publish(saved("standard", grocers, slots={"headline": "Tried"}), canary=[acme])
    bases.kill(ring, reason="it was a try")
    assert bases.standing(acme, "standard") == bases.Standing(below.pk), "it never counted for everybody"
    over = bases.publish(saved("standard", grocers, slots={"headline": "Fresh"}, locks=["headline"]))
    bases.kill(over, reason="not ours to say", force=True)
    with pytest.raises(Unavailable, match="the group has to publish"):
        bases.standing(acme, "standard")
    assert bases.standing(globex, "standard") == bases.Standing(below.pk)
    again = bases.publish(saved("standard", grocers, slots={"headline": "Better"}))
    assert bases.standing(acme, "standard") == bases.Standing(below.pk, again.pk)


def test_groups_own_base_is_no_business_of_others(acme: Retailer, globex: Retailer, grocers: Group) -> None:
    version = bases.publish(saved("letter", grocers))
    assert bases.standing(acme, "letter") == bases.Standing(version.pk)
    with pytest.raises(Unavailable, match="no base template 'letter'"):
        bases.standing(globex, "letter")


LOCKED = (
    base_draft()["html"].replace("{% block main %}", "{% locked main %}").replace("{% endblock %}", "{% endlocked %}")
)


@pytest.mark.parametrize(
    ("parts", "misfits"),
    [
        ({"subject": "Another"}, []),
        ({"html": "<html><body>{% block main %}Nothing to fill{% endblock %}</body></html>", "slots": {}},
         [("spring", "slots.headline")]),
        ({"html": base_draft()["html"].replace("content.headline", "content.headline.url"),
          "slots": {"headline": {"type": "image"}}}, [("spring", "slots.headline")]),
        ({"html": LOCKED}, [("spring", "blocks.main")]),
    ],
)  # fmt: skip
def test_impact_tells_what_would_not_fit_any_more_and_of_whom(
    acme: Retailer, globex: Retailer, parts: Any, misfits: Any
) -> None:
    published("one")
    base = live(saved(subject="one"))
    with context.in_retailer(acme):
        said = {"slots": {"headline": "It is spring"}, "blocks": {"main": "<p>Buds</p>"}}
        Template.objects.create(key="spring", name="Spring", base="standard", **said)
        Template.objects.create(key="plain", name="Plain", base="standard")
        Template.objects.create(key="own", name="Own")
    found = bases.impact(base, base_draft(**parts))
    assert [(each.retailer, each.templates, each.is_pinned) for each in found] == [(acme, 2, False)]
    assert [(misfit.template, misfit.field) for each in found for misfit in each.misfits] == misfits


def test_impact_of_a_groups_lock_is_on_its_retailers(acme: Retailer, globex: Retailer, grocers: Group) -> None:
    published("one")
    for retailer in (acme, globex):
        with context.in_retailer(retailer):
            Template.objects.create(key="spring", name="Spring", base="standard", slots={"headline": "Buds"})
    layer = saved("standard", grocers)
    (found,) = bases.impact(layer, {"locks": ["headline"]})
    assert (found.retailer, [misfit.field for misfit in found.misfits]) == (acme, ["slots.headline"])
    bases.publish(saved("standard", grocers, locks=["headline"]))
    again = bases.impact(live(layer), {"locks": ["headline"]})
    assert [each.misfits for each in again] == [()], "it does not fit now"
