"""Policy & defaults: what bounds us and by whom; a tightening tells what it does before it is saved."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from campaigns import blueprinting, configuration, policies
from campaigns.models import Campaign
from tenants import context
from tenants.accounts.models import AuditEntry, Role
from tenants.models import Retailer
from tests import factories
from tests.console.forms import fields, submit
from tests.console.people import colleague

PATH = "/admin/policy/"


def test_everybody_reads_what_bounds_them_and_who_said_it(at_acme: Retailer, ana: Client) -> None:
    with context.on_platform():
        policies.save(None, policy={"quiet_hours": [["21:00", "08:00"]]})
    policies.save(at_acme, policy={"quiet_hours": [["20:00", "08:00"]], "min_holdout": 0.05})
    page = colleague(at_acme, Role.VIEWER).get(PATH)
    assert page.context["bounds"] == [
        {"label": "Quiet hours", "said": [("platform", "21:00 to 08:00"), ("retailer", "20:00 to 08:00")]},
        {"label": "Held back", "said": [("retailer", "at least 5 %")]},
    ]
    assert page.context["forms"] is None
    assert "policy_form" not in page.content.decode()
    assert "policy_form" in ana.get(PATH).content.decode()


def test_looser_bound_is_refused_at_its_field(at_acme: Retailer, ana: Client) -> None:
    with context.on_platform():
        policies.save(None, policy={"max_per_day": 100})
    refused = submit(ana, PATH, "policy_form", max_per_day="500")
    assert "can only be tightened" in refused.context["forms"].policy.errors["max_per_day"][0]
    assert policies.layer_of(at_acme).policy == {}


def test_mistake_in_a_default_is_said_at_its_field(at_acme: Retailer, ana: Client) -> None:
    refused = submit(ana, PATH, "policy_form", **{"default-expire_after": "soon"})
    assert "30m, 24h" in refused.context["forms"].defaults.errors["expire_after"][0]


def test_tightening_says_which_live_campaigns_it_stops_and_is_saved_on_the_second_click(
    at_acme: Retailer, ana: Client
) -> None:
    campaign = factories.campaign(trigger={"kind": "recurring", "rrule": "FREQ=DAILY", "starts": "2031-01-01T22:00:00"})
    configuration.publish(campaign, now=timezone.now())
    asked = submit(ana, PATH, "policy_form", min_holdout="10", change_reason="measure all")
    assert [(hit.campaign_key, hit.effect) for hit in asked.context["hits"]] == [("welcome", "stops")]
    assert policies.layer_of(at_acme).policy == {}
    again = fields(asked, "policy_form")
    changed = ana.post(PATH, again | {"min_holdout": "20"})
    assert changed.context["hits"], "other bounds need another look"
    assert policies.layer_of(at_acme).policy == {}
    assert ana.post(PATH, again | {"change_reason": "measure all"}).status_code == 302
    assert policies.layer_of(at_acme).policy == {"min_holdout": 0.1}
    assert AuditEntry.objects.filter(kind="policy").latest("pk").reason == "measure all"


def test_defaults_are_saved_with_the_segment_that_everybody_leaves_out(at_acme: Retailer, ana: Client) -> None:
    factories.segment("staff", {"attribute": "tier", "eq": "staff"})
    submit(ana, PATH, "policy_form", **{"default-holdout": "5", "default-exclude": "staff", "default-topic": "news"})
    said = policies.layer_of(at_acme).defaults
    assert said == {"audience": {"exclude": {"segment": "staff"}, "holdout": 0.05}, "topic": "news"}
    submit(ana, PATH, "policy_form", **{"default-exclude": ""})
    assert policies.layer_of(at_acme).defaults == {"audience": {"holdout": 0.05}, "topic": "news"}


def test_second_of_two_administrators_is_told(at_acme: Retailer, ana: Client) -> None:
    policies.save(at_acme, defaults={"topic": "first"})
    opened = fields(ana.get(PATH), "policy_form")
    policies.save(at_acme, defaults={"topic": "news"})
    refused: Any = ana.post(PATH, opened | {"default-topic": "mine"}, follow=True)
    assert "Somebody else changed the policy" in refused.content.decode()
    assert policies.layer_of(at_acme).defaults == {"topic": "news"}


def test_blueprint_becomes_a_campaign_in_two_clicks(at_acme: Retailer, ana: Client) -> None:
    gallery = ana.get("/admin/blueprints/").content.decode()
    assert "/admin/blueprints/winback/use/" in gallery
    confirm = ana.get("/admin/blueprints/winback/use/").content.decode()
    assert "Win back quiet customers" in confirm
    made = ana.post("/admin/blueprints/winback/use/", {"name": "Come back"})
    campaign = Campaign.objects.get()
    assert made["Location"] == f"/admin/campaigns/campaign/{campaign.pk}/change/"
    assert (campaign.name, campaign.draft["blueprint"]) == ("Come back", "winback")
    assert "Begin with a blueprint" in ana.get("/admin/campaigns/campaign/add/").content.decode()


def test_newer_version_of_a_blueprint_is_offered_put_off_or_accepted(
    at_acme: Retailer, ana: Client, settings: Any, tmp_path: Any
) -> None:
    settings.BLUEPRINTS = [str(tmp_path)]
    folder = tmp_path / "thanks"
    folder.mkdir()
    body = (
        "name: Thanks\ndescription: Says thank you.\ncampaign:\n  trigger: {{kind: api}}\n"
        "  audience: {{include: {{all: []}}, holdout: {holdout}}}\n"
        "  steps: [{{key: first, channel: email, template: hello}}]\n"
        "templates: [{{key: hello, name: Hello, subject: Hi, starter: hello}}]\n"
    )
    (folder / "hello.html").write_text("<p>Hello</p>")
    (folder / "1.yaml").write_text(body.format(holdout=0.05))
    (folder / "2.yaml").write_text("improvement: Measures more.\n" + body.format(holdout=0.1))
    campaign = blueprinting.instantiate("thanks", now=timezone.now())
    configuration.save_draft(campaign.draft | {"blueprint_version": 1}, campaign=campaign)
    path = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    offer = ana.get(path).context["offer"]
    assert (offer.newest, offer.improvements) == (2, ["Measures more."])
    ana.post(f"/admin/blueprints/not-now/{campaign.pk}/")
    assert ana.get(path).context["offer"] is None
    ana.post(f"/admin/blueprints/accept/{campaign.pk}/", {"draft_number": campaign.draft_number})
    campaign.refresh_from_db()
    assert campaign.draft["blueprint_version"] == 2


def test_template_and_sender_that_the_policy_forbids_are_refused_at_a_field(at_acme: Retailer, ana: Client) -> None:
    policies.save(at_acme, policy={"footer": ["unsubscribe_url"], "sender_domains": ["acme.example"]})
    template = submit(
        ana, "/admin/campaigns/template/add/", "template_form", name="T", key="t", subject="Hi", html="<p>x</p>"
    )
    assert "unsubscribe_url" in template.context["adminform"].form.errors["html"][0]
    brand = ana.get("/admin/campaigns/brand/")["Location"]
    refused = submit(ana, brand, "brand_form", from_email="us@elsewhere.example")
    assert "acme.example" in refused.context["adminform"].form.errors["from_email"][0]
