"""What is counted, and what is added to links, in the forms of a campaign and of defaults."""

from __future__ import annotations

import pytest
from django.test import Client

from campaigns import policies, resolution
from campaigns.forms import counting
from campaigns.models import Campaign
from tenants.models import Retailer
from tests import factories
from tests.console.forms import fields, submit

POLICY = "/admin/policy/"


def page_of(campaign: Campaign) -> str:
    return f"/admin/campaigns/campaign/{campaign.pk}/change/"


def test_a_campaign_says_what_it_counts_and_leaves_the_rest_to_the_layers_below(at_acme: Retailer, ana: Client) -> None:
    policies.save(at_acme, defaults={"tracking": {"opens": False, "utm": {"source": "shop", "term": "a, b"}}})
    campaign = factories.campaign()
    page = ana.get(page_of(campaign))
    shown = fields(page, "campaign_form")
    assert (shown["opens"], shown["clicks"], shown["utm_domains"]) == ("no", "yes", "")
    assert counting.pairs(shown["utm"]) == {"source": "shop", "term": "a, b"}
    assert "retailer default" in str(page.context["adminform"].form["utm"].label)
    submit(ana, page_of(campaign), "campaign_form")
    campaign.refresh_from_db()
    assert "tracking" not in campaign.draft  # looked at and saved: nothing of its own
    submit(ana, page_of(campaign), "campaign_form", clicks="no", utm_domains="Partner.example; go.example")
    submit(ana, page_of(campaign), "campaign_form", opens="yes", utm="utm_source = mine\nmedium=post")
    campaign.refresh_from_db()
    assert campaign.draft["tracking"] == {
        "opens": True, "clicks": False, "utm": {"source": "mine", "medium": "post"},
        "utm_domains": ["partner.example", "go.example"],
    }  # fmt: skip
    html = ana.get(page_of(campaign)).content.decode()
    assert "Use not counted (retailer default) instead" in html
    assert "Use source=shop, term=a, b (retailer default) instead" in html
    submit(ana, page_of(campaign), "campaign_form", use_inherited="tracking.opens", utm="automatic", utm_domains="")
    campaign.refresh_from_db()
    assert campaign.draft["tracking"] == {"clicks": False, "utm": {}}
    assert resolution.resolve(campaign.draft).document["tracking"]["opens"] is False


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [
        ({"utm": "newsletter"}, "utm", "write a line such as source=newsletter"),
        ({"utm": "colour=red"}, "utm", "Names are source, medium"),
        ({"utm": "source="}, "utm", "write a line such as"),
        ({"utm_domains": "https://partner.example/"}, "utm_domains", ""),
    ],
)
def test_what_cannot_be_added_is_said_at_its_field(
    at_acme: Retailer, ana: Client, given: dict[str, str], field: str, why: str
) -> None:
    campaign = factories.campaign()
    errors = submit(ana, page_of(campaign), "campaign_form", **given).context["adminform"].form.errors
    assert list(errors) == [field]
    assert why in errors[field][0]
    campaign.refresh_from_db()
    assert "tracking" not in campaign.draft


def test_a_retailers_defaults_say_it_for_all(at_acme: Retailer, ana: Client) -> None:
    said = {"default-opens": "no", "default-utm": "source=shop", "default-utm_domains": "partner.example"}
    submit(ana, POLICY, "policy_form", **said)
    kept = {"opens": False, "utm": {"source": "shop"}, "utm_domains": ["partner.example"]}
    assert policies.layer_of(at_acme).defaults == {"tracking": kept}
    submit(ana, POLICY, "policy_form", **{"default-topic": "news"})
    assert policies.layer_of(at_acme).defaults == {"topic": "news", "tracking": kept}
    submit(ana, POLICY, "policy_form", **{"default-opens": "", "default-utm": "", "default-utm_domains": ""})
    assert policies.layer_of(at_acme).defaults == {"topic": "news"}
    refused = submit(ana, POLICY, "policy_form", **{"default-utm": "colour=red"})
    assert "Names are source" in refused.content.decode()
