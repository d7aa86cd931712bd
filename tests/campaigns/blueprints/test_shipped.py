"""The eight blueprints that ship: each runs as it is, and every mail can be read."""

from __future__ import annotations

import pytest

from campaigns import (
    blueprinting,
    blueprints,
    configuration,
    content,
    editing,
    editions,
    policies,
    resolution,
)
from campaigns.apps import check_blueprints
from campaigns.models import Customer, Template
from delivery import previews
from tenants.models import Retailer
from tests.campaigns.blueprints.deployed import (
    EIGHT,
    NOW,
    TEMPLATES,
    read,
)


def test_eight_blueprints_ship_without_a_fault() -> None:
    assert sorted(each.key for each in blueprints.catalogue()) == EIGHT
    assert check_blueprints() == []


@pytest.mark.parametrize("key", EIGHT)
def test_each_publishes_at_a_fresh_retailer_as_it_is_even_where_the_policy_asks_for_a_footer(
    at_acme: Retailer, key: str
) -> None:
    policies.save(at_acme, policy={"footer": ["unsubscribe_url", "brand.postal_address"], "channels": ["email"]})
    campaign = blueprinting.instantiate(key, now=NOW)
    version = configuration.publish(campaign, now=NOW)
    assert version.config["steps"]
    assert campaign.draft == {"key": key, "name": campaign.name, "blueprint": key, "blueprint_version": 1}
    assert version.provenance["steps"] == version.provenance["trigger"] == f"blueprint {key} 1"
    assert version.provenance["name"] == "campaign"


@pytest.mark.parametrize(("key", "template"), TEMPLATES)
def test_every_mail_renders_for_somebody_of_whom_little_is_known(at_acme: Retailer, key: str, template: str) -> None:
    campaign = blueprinting.instantiate(key, now=NOW)
    config = resolution.resolve(campaign.draft).config
    live = editions.of_version(Template.objects.get(key=template).live, at_acme)
    variant = next(step for step in config.steps if step.template == template).variants[0]
    stranger = Customer(external_id="c1", email="c1@example.test")
    bare = read(previews.of_variant(config, live, variant, stranger))
    assert ">Unsubscribe</a>" in bare.html
    assert "Unsubscribe: " in bare.text
    button = f">{variant.content['button']}</a>"
    assert button not in bare.html  # no website, no button that leads nowhere
    assert f"{variant.content['button']}: " not in bare.text
    assert bare.subject
    brand = content.brand()
    brand.website, brand.postal_address = "https://acme.example/", "1 High Street, Leeds"
    editing.save_brand(brand)
    full = read(previews.of_variant(config, live, variant, stranger))
    assert "1 High Street, Leeds" in full.html
    assert "1 High Street, Leeds" in full.text
    assert button in full.html
    assert f"{variant.content['button']}: https://acme.example/\n" in full.text
    assert len(live.version.html) < 20_000
