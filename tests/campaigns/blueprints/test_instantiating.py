"""From a blueprint to a campaign: what is made, what is left alone, what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from campaigns import (
    blueprinting,
    policies,
)
from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Segment, Template
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories
from tests.campaigns.blueprints.deployed import (
    NOW,
)


def test_instantiating_again_takes_the_next_free_key_and_makes_nothing_twice(at_acme: Retailer) -> None:
    first, second = blueprinting.instantiate("winback", now=NOW), blueprinting.instantiate("winback", now=NOW)
    third = blueprinting.instantiate("winback", key="come-back", name="Come back", now=NOW)
    assert [first.key, second.key, third.key, third.name] == ["winback", "winback-2", "come-back", "Come back"]
    assert Segment.objects.filter(key__startswith="winback").count() == 1
    assert Template.objects.filter(key="we-miss-you").count() == 1


def test_instantiating_never_overwrites_what_the_retailer_has(at_acme: Retailer) -> None:
    mine = factories.segment("winback-60-days", {"attribute": "city", "eq": "Leeds"})
    template = factories.template("we-miss-you", subject="Mine")
    blueprinting.instantiate("winback", now=NOW)
    mine.refresh_from_db()
    template.refresh_from_db()
    assert mine.rule == {"attribute": "city", "eq": "Leeds"}
    assert template.subject == "Mine"
    assert template.versions.count() == 1


def test_unknown_blueprint_is_refused_with_those_there_are(at_acme: Retailer) -> None:
    with pytest.raises(Invalid, match="no blueprint 'nonsense'; known: abandoned-cart, birthday, onboarding"):
        blueprinting.instantiate("nonsense", now=NOW)


def test_what_the_policy_forbids_is_refused_and_leaves_nothing_behind(at_acme: Retailer) -> None:
    policies.save(at_acme, policy={"min_holdout": 0.2})
    with pytest.raises(Invalid) as caught:
        blueprinting.instantiate("winback", now=NOW)
    assert [problem.field for problem in caught.value.problems] == ["audience.holdout"]
    assert not Campaign.objects.exists()
    assert not Segment.objects.exists()
    assert not Template.objects.exists()


def test_a_template_that_the_policy_forbids_is_named(at_acme: Retailer) -> None:
    policies.save(at_acme, policy={"template_features": []})
    with pytest.raises(Invalid) as caught:
        blueprinting.instantiate("birthday", now=NOW)
    assert caught.value.problems[0].field == "templates.happy-birthday.html"


def test_every_part_that_is_made_is_in_the_audit_trail(at_acme: Retailer) -> None:
    blueprinting.instantiate("winback", now=NOW)
    noted = {(entry.action, entry.kind, entry.key, entry.actor) for entry in AuditEntry.objects.all()}
    assert noted >= {
        ("create", "segment", "winback-60-days", "Ana"),
        ("create", "template", "we-miss-you", "Ana"),
        ("publish", "template", "we-miss-you", "Ana"),
        ("create", "campaign", "winback", "Ana"),
    }


def test_two_clicks_at_once_make_two_campaigns_and_one_segment(live_retailer: Retailer, django_db_blocker: Any) -> None:
    def click(_: int) -> str:
        try:
            with context.in_retailer(live_retailer):
                return blueprinting.instantiate("winback", now=NOW).key
        finally:
            connection.close()

    with django_db_blocker.unblock(), ThreadPoolExecutor(4) as pool:
        made = sorted(pool.map(click, range(4)))
        with context.in_retailer(live_retailer):
            segments = Segment.objects.count()
    assert made == ["winback", "winback-2", "winback-3", "winback-4"]
    assert segments == 1
