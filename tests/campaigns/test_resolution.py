"""What lies below a campaign fills it in; publishing freezes the whole; versions come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from campaigns import checks, configuration, policies, resolution
from campaigns.config.gate import Invalid
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from tenants import acting, context
from tenants.accounts.models import AuditEntry
from tenants.models import Change, Group, Retailer
from tests import factories


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    acme.group = Group.objects.create(key="grocers", name="Grocers")
    acme.save(update_fields=["group"])
    with context.in_retailer(acme):
        yield acme


def saved(campaign: Campaign, **changed: Any) -> Campaign:
    return configuration.save_draft({**campaign.draft, **changed}, campaign=campaign)


def published(campaign: Campaign) -> dict[str, Any]:
    config: dict[str, Any] = configuration.publish(campaign, now=timezone.now()).config
    return config


def test_each_layer_says_what_the_ones_above_leave_out(at_acme: Retailer) -> None:
    policies.save(None, defaults={"topic": "offers", "audience": {"holdout": 0.1}, "timing": {"expire_after": "1d"}})
    policies.save(at_acme.group, defaults={"audience": {"holdout": 0.2}, "timing": {"expire_after": "2d"}})
    policies.save(at_acme, defaults={"audience": {"holdout": 0.3}})
    found = resolution.resolve(factories.config(limits={"per_customer": {"messages": 2, "per": "7d"}}))
    assert found.document["audience"]["holdout"] == 0.3
    assert found.document["timing"] == {"expire_after": "2d"}
    assert found.document["topic"] == "offers"
    told = {field: found.provenance[field] for field in ("audience.holdout", "timing.expire_after", "topic", "goal")}
    assert told == {
        "audience.holdout": "retailer",
        "timing.expire_after": "group grocers",
        "topic": "platform",
        "goal": "built in",
    }
    assert found.provenance["steps"] == found.provenance["limits.per_customer"] == "campaign"


def test_a_draft_keeps_what_it_says_even_where_that_is_the_default(at_acme: Retailer) -> None:
    policies.save(at_acme, defaults={"audience": {"holdout": 0.3}})
    campaign = factories.campaign(audience={"include": {"all": []}, "holdout": 0})
    assert campaign.draft["audience"] == {"include": {"all": []}, "holdout": 0.0}
    assert "holdout" not in published(campaign).get("audience", {})
    assert campaign.versions.get().provenance["audience.holdout"] == "campaign"


def test_a_published_version_stays_as_it_was_when_what_lay_below_changes(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    before = published(campaign)
    policies.save(at_acme, defaults={"topic": "news"})
    campaign.live.refresh_from_db()
    assert campaign.live.config == before
    assert published(campaign)["topic"] == "news"
    assert campaign.versions.count() == 2


def test_defaults_of_one_retailer_say_nothing_to_another(at_acme: Retailer, globex: Retailer) -> None:
    policies.save(at_acme, defaults={"topic": "news"}, policy={"channels": ["email"]})
    with context.in_retailer(globex):
        assert resolution.resolve(factories.config()).config.topic == "promotions"
        assert policies.effective(globex).channels is None


def test_a_draft_that_the_policy_forbids_is_not_saved(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    before = campaign.draft
    policies.save(None, policy={"channels": ["email"], "min_holdout": 0.05})
    steps = [{"key": "a", "channel": "sms", "template": "hello"}]
    with pytest.raises(Invalid) as refused:
        saved(campaign, steps=steps)
    assert {(p.field, p.code) for p in refused.value.problems} == {
        ("steps.0.channel", "policy"),
        ("audience.holdout", "policy"),
    }
    campaign.refresh_from_db()
    assert (campaign.draft, campaign.draft_number) == (before, 1)


def test_a_default_satisfies_the_policy_for_campaigns_that_say_nothing(at_acme: Retailer) -> None:
    policies.save(None, policy={"min_holdout": 0.05})
    policies.save(at_acme, defaults={"audience": {"holdout": 0.1}})
    assert published(factories.campaign())["audience"]["holdout"] == 0.1


def test_a_group_or_retailer_cannot_loosen(at_acme: Retailer) -> None:
    policies.save(None, policy={"max_per_day": 1000})
    policies.save(at_acme.group, policy={"max_per_day": 500})
    for owner, least in ((at_acme.group, 1000), (at_acme, 500)):
        with pytest.raises(Invalid, match="looser than what stands above"):
            policies.save(owner, policy={"max_per_day": least + 1})
    policies.save(None, policy={"max_per_day": 100})  # what stood below is now looser, and has no effect
    assert policies.effective(at_acme).max_per_day == 100


def test_policy_saved_on_top_of_somebody_elses_is_refused(at_acme: Retailer) -> None:
    first = policies.save(at_acme, policy={"max_per_day": 100})
    policies.save(at_acme, policy={"max_per_day": 90}, number=first.number)
    with pytest.raises(policies.ChangedMeanwhile):
        policies.save(at_acme, policy={"max_per_day": 80}, number=first.number)
    assert policies.effective(at_acme).max_per_day == 90


def test_a_live_version_that_a_later_policy_forbids_is_told(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    published(campaign)
    assert checks.stopped_by(campaign.live) == []
    policies.save(
        None, policy={"min_holdout": 0.05, "footer": ["brand.postal_address"], "sender_domains": ["x.example"]}
    )
    fields = [problem.field for problem in checks.stopped_by(campaign.live)]
    assert fields == ["audience.holdout", "steps.0.template", "brand.from_email"]
    run = configuration.start(campaign, campaign.live, occurrence="later", by="schedule", as_of=timezone.now())
    assert run.state == Run.State.PAUSED
    assert "hold back at least 5 %" in run.reason
    with pytest.raises(NotAllowed, match="does not allow"):
        configuration.resume(run)
    policies.save(None, policy={})
    configuration.resume(run)
    assert run.state == Run.State.RUNNING


def test_a_lost_update_tells_what_the_other_changed_and_who(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    with acting.acting("Ben", "user:2", "console"):
        saved(campaign, topic="news")
        saved(campaign, name="Hello again")
    with pytest.raises(configuration.Conflict) as conflict:
        configuration.save_draft({**campaign.draft, "topic": "mine"}, campaign=campaign, draft_number=1)
    assert conflict.value.by == "Ben"
    assert {each.field for each in conflict.value.changed} == {"topic", "name"}
    assert "Ben changed the campaign" in str(conflict.value)


def test_any_version_comes_back_as_the_draft(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    published(campaign)
    first = campaign.draft
    saved(campaign, topic="news")
    published(campaign)
    configuration.restore(campaign, 1, draft_number=campaign.draft_number)
    assert campaign.draft == first
    published(campaign)
    assert campaign.versions.count() == 3
    with pytest.raises(Invalid, match="has 1 to 3"):
        configuration.restore(campaign, 9)


def test_new_copy_reaches_a_run_under_way_and_nothing_but_copy_does(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    run = configuration.launch(campaign, by="test", now=timezone.now())
    steps = [{"key": "first", "channel": "email", "template": "hello", "variants": [{"key": "a", "subject": "New"}]}]
    saved(campaign, steps=steps)
    second = configuration.publish(campaign, now=timezone.now(), into_running=True)
    run.refresh_from_db()
    assert run.version_id == second.pk
    saved(campaign, audience={"include": {"attribute": "city", "eq": "York"}})
    with pytest.raises(NotAllowed, match=r"audience\.include"):
        configuration.publish(campaign, now=timezone.now(), into_running=True)
    saved(campaign, audience={"include": {"all": []}}, steps=[{**steps[0], "variants": [{"key": "a"}, {"key": "b"}]}])
    with pytest.raises(NotAllowed, match="steps"):
        configuration.publish(campaign, now=timezone.now(), into_running=True)
    run.refresh_from_db()
    assert run.version_id == second.pk


def test_every_step_of_a_campaigns_life_is_in_the_trail(at_acme: Retailer) -> None:
    with acting.acting("Ana", "user:1", "console", reason="spring"):
        campaign = factories.campaign()
        saved(campaign, topic="news")
        run = configuration.launch(campaign, by="Ana", now=timezone.now())
        configuration.pause(run)
        configuration.resume(run)
        configuration.cancel(run)
    trail = AuditEntry.objects.filter(kind__in=["campaign", "run"]).order_by("pk")
    assert [entry.action for entry in trail] == ["create", "edit", "publish", "launch", "pause", "resume", "cancel"]
    assert {(entry.actor, entry.reason) for entry in trail} == {("Ana", "spring")}
    edit = trail[1]
    assert ((edit.before or {}).get("topic"), (edit.after or {})["topic"], edit.number) == (None, "news", 2)
    assert Change.objects.filter(retailer=at_acme, what__startswith="campaign welcome").exists()
