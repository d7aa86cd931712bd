"""What a policy says of templates holds for every language, variant and sender, at every door."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from campaigns import blast, checks, configuration, content, editing, policies
from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Template
from tenants.models import Retailer
from tests import factories

FOOTER = "the policy asks for {{ unsubscribe_url }} in every message"


def told(template: Template) -> list[str]:
    return [problem.message for problem in content.check_policy(template)]


def published(**step: Any) -> Campaign:
    steps = [{"key": "first", "channel": "email", "template": "hello", **step}]
    trigger = {"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "starts": "2026-01-01T09:00:00"}
    campaign = factories.campaign(steps=steps, trigger=trigger)
    configuration.publish(campaign, now=timezone.now())
    return campaign


def stopped(campaign: Campaign) -> list[str]:
    assert campaign.live
    return [checks.reason([each]) for each in checks.stopped_by(campaign.live)]


def test_a_templates_own_sender_is_bound_as_the_brands_is(at_acme: Retailer) -> None:
    template = factories.template(from_email="club@other.example")
    campaign = published()
    policy = {"sender_domains": ["acme.example"]}

    (hit,) = blast.radius(at_acme, policy)
    policies.save(at_acme, policy=policy)

    wanted = ["steps.0.template: mail may not be sent from other.example; allowed: acme.example"]
    assert hit.problems == wanted
    assert stopped(campaign) == wanted
    template.from_email = ""
    editing.save_template(template)
    content.publish(template)
    assert stopped(campaign) == []
    with pytest.raises(Invalid, match="mail may not be sent from other"):
        editing.roll_back_template(template, 1)
    template.refresh_from_db()
    assert template.live
    assert template.live.number == 2


@pytest.mark.parametrize(
    ("policy", "german", "message"),
    [
        ({"footer": ["unsubscribe_url"]}, "<p>Hallo</p>", f"{FOOTER}: put it into the footer (in de)"),
        ({"footer": ["unsubscribe_url"]}, f"<!-- {factories.OUT} -->", f"{FOOTER}: put it into the footer (in de)"),
        (
            {"template_features": []},
            f"{{% for n in [1] %}}x{{% endfor %}}{factories.OUT}",
            "templates may not use loops here: write it without (in de)",
        ),
    ],
)
def test_every_language_is_bound(at_acme: Retailer, policy: dict[str, Any], german: str, message: str) -> None:
    template = factories.template(translations={"de": {"html": german}})
    policies.save(at_acme, policy=policy)
    assert told(template) == [message]
    with pytest.raises(Invalid):
        editing.save_template(template)


def test_every_language_of_a_template_on_a_base_is_bound(at_acme: Retailer) -> None:
    factories.base()
    template = factories.template(
        base="standard", subject="", html="",
        translations={"de": {"blocks": {"hero": "<p>{% for n in [1] %}x{% endfor %}</p>"}}},
    )  # fmt: skip
    policies.save(at_acme, policy={"template_features": []})
    assert told(template) == ["templates may not use loops here: write it without (in de)"]


def test_what_a_language_says_stops_a_campaign_and_is_told_before(at_acme: Retailer) -> None:
    factories.template(translations={"de": {"html": "<p>Hallo</p>"}})
    policies.save(None, policy={"checks_off": ["unsubscribe"]})
    campaign = published()
    policy = {"footer": ["unsubscribe_url"]}

    (hit,) = blast.radius(at_acme, policy)
    policies.save(at_acme, policy=policy)

    assert hit.problems == stopped(campaign)
    assert hit.problems == [f"steps.0.template: {FOOTER}: put it into the footer (in de)"]


def test_what_a_variant_says_is_bound(at_acme: Retailer) -> None:
    factories.template()
    campaign = published(variants=[{"key": "a", "subject": "{{ 'Hi' if customer.city else 'Ho' }}"}])
    policies.save(at_acme, policy={"template_features": []})
    assert stopped(campaign) == [
        "steps.0.template: templates may not use conditions here: write it without (variant a)"
    ]


def test_a_notification_is_bound_in_every_language(at_acme: Retailer) -> None:
    push = {"channel": "push", "subject": "Hi", "html": "", "text": "Hello"}
    template = factories.template(**push, translations={"de": {"text": "{% if customer.city %}Hallo{% endif %}"}})
    policies.save(at_acme, policy={"template_features": [], "footer": ["unsubscribe_url"]})
    assert told(template) == ["templates may not use conditions here: write it without (in de)"]
