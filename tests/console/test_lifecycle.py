"""From a draft to its end, by the buttons of its page: review, approval, publishing into a run, stopping, history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db.models import F
from django.test import Client
from django.utils import timezone

from campaigns import configuration, policies
from campaigns.models import Campaign, Run
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants import context, stops
from tenants.accounts.models import AuditEntry, Role
from tenants.models import Retailer, Stop
from tests import factories
from tests.console.forms import submit
from tests.console.people import colleague


@pytest.fixture
def eddie(at_acme: Retailer) -> Client:
    return colleague(at_acme, Role.EDITOR, "eddie")


@pytest.fixture
def ada(at_acme: Retailer) -> Client:
    return colleague(at_acme, Role.APPROVER, "ada")


def labels(page: Any) -> list[str]:
    return [act.label for act in page.context["acts"]]


def said(response: Any) -> str:
    return " | ".join(map(str, get_messages(response.wsgi_request)))


def path_of(campaign: Campaign, action: str = "change") -> str:
    return f"/admin/campaigns/campaign/{campaign.pk}/{action}/"


def made_by(editor: Client, **parts: Any) -> Campaign:
    """A campaign that this editor saved last."""
    factories.customers(2)
    campaign = factories.campaign(**parts)
    submit(editor, path_of(campaign), "campaign_form", name="Spring")
    campaign.refresh_from_db()
    return campaign


def test_campaign_that_needs_approval_goes_from_its_author_to_somebody_else_and_out(
    at_acme: Retailer, eddie: Client, ada: Client, outbox: MemoryChannel
) -> None:
    policies.save(at_acme, policy={"approval": True})
    campaign = made_by(eddie)
    assert labels(eddie.get(path_of(campaign))) == ["Submit for review"]
    early = eddie.post(path_of(campaign, "launch"), {"draft_number": campaign.draft_number})
    assert "asks for approval" in said(early)
    eddie.post(path_of(campaign, "submit"), {"change_reason": "for the spring"})
    assert [each.campaign_id for each in ada.get("/admin/").context["reviews"]] == [campaign.pk]
    review = ada.get(path_of(campaign, "review"))
    assert review.context["plan"].included == 2
    assert "for the spring" in review.content.decode()
    assert "Hello Ana" in review.content.decode()
    ada.post(path_of(campaign, "approve"), {"change_reason": "fine"})
    page = eddie.get(path_of(campaign))
    assert labels(page) == ["Launch …"]
    eddie.post(path_of(campaign, "launch"), {"draft_number": campaign.draft_number})
    assert Run.objects.get().version.approved_by == "ada@acme.example"


def test_author_is_told_why_there_is_no_button_to_approve_with(at_acme: Retailer, ada: Client, eddie: Client) -> None:
    policies.save(at_acme, policy={"approval": True})
    campaign = made_by(ada)
    eddie.post(path_of(campaign, "submit"))
    page = ada.get(path_of(campaign, "review")).content.decode()
    assert "You had a hand in this draft" in page
    assert ">Approve</button>" not in page
    assert "had a hand in this draft" in said(ada.post(path_of(campaign, "approve")))
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.IN_REVIEW


def test_draft_is_sent_back_with_an_answer_that_its_author_reads(eddie: Client, ada: Client, at_acme: Retailer) -> None:
    campaign = made_by(eddie)
    eddie.post(path_of(campaign, "submit"))
    ada.post(path_of(campaign, "send-back"), {"change_reason": "too many words"})
    page = eddie.get(path_of(campaign))
    assert "too many words" in page.content.decode()
    assert page.context["original"].state == Campaign.State.DRAFT


def test_new_copy_is_published_into_the_run_and_other_changes_are_not_offered(
    at_acme: Retailer, eddie: Client, outbox: MemoryChannel
) -> None:
    campaign = made_by(eddie)
    run = configuration.launch(campaign, by="test", now=timezone.now())
    submit(eddie, path_of(campaign), "campaign_form", **{"variants-0-subject": "New words"})
    campaign.refresh_from_db()
    page = eddie.get(path_of(campaign))
    assert "Publish into the run" in labels(page)
    eddie.post(path_of(campaign, "publish"), {"draft_number": campaign.draft_number, "into_running": "yes"})
    run.refresh_from_db()
    assert run.version.number == 2
    pipeline.work(seconds=20)
    assert {message.subject for message in outbox.sent} == {"New words"}


def test_change_of_the_audience_waits_for_the_end_of_the_run(at_acme: Retailer, eddie: Client) -> None:
    campaign = made_by(eddie)
    configuration.launch(campaign, by="test", now=timezone.now())
    submit(eddie, path_of(campaign), "campaign_form", holdout="10")
    page = eddie.get(path_of(campaign))
    assert page.context["is_changed"]
    assert "Publish into the run" not in labels(page)


def test_campaign_is_stopped_at_once_and_goes_on(at_acme: Retailer, eddie: Client, outbox: MemoryChannel) -> None:
    campaign = made_by(eddie)
    run = configuration.launch(campaign, by="test", now=timezone.now())
    assert labels(eddie.get(path_of(campaign)))[:3] == ["Pause", "Cancel run", "Stop now"]
    eddie.post(path_of(campaign, "stop"), {"change_reason": "wrong price"})
    pipeline.work(seconds=5)
    run.refresh_from_db()
    assert (run.state, outbox.sent) == (Run.State.PAUSED, [])
    assert "wrong price" in run.reason
    assert labels(eddie.get(path_of(campaign)))[:2] == ["Resume", "Cancel run"]
    eddie.post(path_of(campaign, "resume"))
    pipeline.work(seconds=20)
    assert len(outbox.sent) == 2


def test_event_campaign_is_switched_on_and_taken_off(at_acme: Retailer, eddie: Client, outbox: MemoryChannel) -> None:
    campaign = made_by(eddie, trigger={"kind": "event", "name": "cart"})
    assert labels(eddie.get(path_of(campaign))) == ["Switch on …"]
    page = " ".join(eddie.get(path_of(campaign, "launch")).content.decode().split())
    assert "Switch on: starts when a customer does “cart”" in page
    assert "Launch to" not in page
    eddie.post(path_of(campaign, "publish"), {"draft_number": campaign.draft_number})
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SCHEDULED
    assert labels(eddie.get(path_of(campaign))) == ["Take off the schedule", "Stop now"]


def test_a_run_of_which_something_failed_is_not_called_whole(
    at_acme: Retailer, eddie: Client, outbox: MemoryChannel
) -> None:
    factories.customers(198, first=3)
    run = configuration.launch(made_by(eddie), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    path = f"/admin/campaigns/run/{run.pk}/change/"
    assert "<strong>100 %</strong>" in eddie.get(path).content.decode()
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).update(state="failed")
    assert "<strong>99.5 %</strong>" in eddie.get(path).content.decode()


@pytest.mark.parametrize(
    ("seconds", "speed"), [(100, "2/s"), (600, "20/min"), (200 * 50, "1/min"), (200 * 90, "under 1/min")]
)
def test_a_slow_run_s_speed_is_told_by_the_minute(
    at_acme: Retailer, eddie: Client, outbox: MemoryChannel, seconds: int, speed: str
) -> None:
    factories.customers(198, first=3)
    run = configuration.launch(made_by(eddie), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    Run.objects.filter(pk=run.pk).update(finished_at=F("started_at") + timedelta(seconds=seconds))
    assert f"<strong>{speed}</strong>" in eddie.get(f"/admin/campaigns/run/{run.pk}/change/").content.decode()


def test_missed_run_is_said_on_the_campaigns_page(at_acme: Retailer, eddie: Client) -> None:
    campaign = made_by(eddie)
    version = configuration.publish(campaign, now=timezone.now())
    configuration.start(
        campaign, version, occurrence="schedule:x", by="schedule", as_of=timezone.now(), missed="nothing ran"
    )
    page = eddie.get(path_of(campaign)).content.decode()
    assert "was missed: nothing ran. Nothing was sent." in page


def test_all_sending_is_stopped_said_on_every_page_and_lifted(
    at_acme: Retailer, eddie: Client, outbox: MemoryChannel
) -> None:
    campaign = made_by(eddie)
    configuration.launch(campaign, by="test", now=timezone.now())
    eddie.post("/admin/stop/", {"change_reason": "wrong prices everywhere"})
    pipeline.work(seconds=5)
    assert outbox.sent == []
    for path in (
        "/admin/",
        path_of(campaign),
        "/admin/policy/",
        "/admin/campaigns/segment/",
        path_of(campaign, "launch"),
    ):
        text = eddie.get(path).content.decode()
        assert "wrong prices everywhere" in text, path
        assert "Lift the stop" in text, path
    viewer = colleague(at_acme, Role.VIEWER).get("/admin/").content.decode()
    assert "wrong prices everywhere" in viewer
    assert "Lift the stop" not in viewer
    eddie.post("/admin/stop/lift/")
    pipeline.work(seconds=20)
    assert len(outbox.sent) == 2
    assert "wrong prices everywhere" not in eddie.get("/admin/").content.decode()


def test_platforms_stop_is_shown_and_not_lifted_by_a_retailer(at_acme: Retailer, eddie: Client) -> None:
    with context.on_platform():
        stops.stop(None, reason="provider trouble")
    text = eddie.get("/admin/").content.decode()
    assert "The platform stopped all sending" in text
    assert "Lift the stop" not in text
    eddie.post("/admin/stop/lift/")
    assert Stop.objects.count() == 1


def test_history_tells_who_did_what_when_and_why_and_what_changed(at_acme: Retailer, eddie: Client) -> None:
    campaign = made_by(eddie)
    configuration.publish(campaign, now=timezone.now())
    submit(eddie, path_of(campaign), "campaign_form", holdout="10", change_reason="to measure it")
    configuration.publish(campaign, now=timezone.now())
    page = eddie.get(path_of(campaign, "history"))
    moments = page.context["moments"]
    assert [each.what for each in moments] == [
        "Version 2 published", "Draft saved, draft 3", "Version 1 published", "Draft saved, draft 2", "Created, draft 1"
    ]  # fmt: skip
    saved = moments[1]
    assert (saved.who, saved.why) == ("eddie@acme.example", "to measure it")
    assert [(each.label, each.after) for each in saved.changes] == [("Hold back", "10 %")]
    compared = eddie.get(path_of(campaign, "history"), {"one": "1", "other": "draft"})
    assert [(each.label, each.after) for each in compared.context["compared"]] == [("Hold back", "10 %")]


def test_any_version_becomes_the_draft_again_unless_somebody_saved_meanwhile(at_acme: Retailer, eddie: Client) -> None:
    campaign = made_by(eddie)
    configuration.publish(campaign, now=timezone.now())
    submit(eddie, path_of(campaign), "campaign_form", name="Summer")
    stale = eddie.post(path_of(campaign, "restore/1"), {"draft_number": campaign.draft_number})
    assert "Somebody else saved this" in said(stale)
    campaign.refresh_from_db()
    assert campaign.name == "Summer"
    eddie.post(path_of(campaign, "restore/1"), {"draft_number": campaign.draft_number})
    campaign.refresh_from_db()
    assert campaign.name == "Spring"


def test_trail_shows_every_change_to_everybody_and_finds_it_by_key(at_acme: Retailer, eddie: Client) -> None:
    campaign = made_by(eddie)
    viewer = colleague(at_acme, Role.VIEWER)
    found = viewer.get("/admin/accounts/auditentry/", {"q": "welcome", "kind": "campaign"})
    assert [entry.action for entry in found.context["cl"].result_list] == ["edit", "create"]
    newest = AuditEntry.objects.filter(key=campaign.key).latest("pk")
    shown = viewer.get(f"/admin/accounts/auditentry/{newest.pk}/change/")
    assert [(each.label, each.before, each.after) for each in shown.context["changes"]] == [
        ("Name", "Welcome", "Spring")
    ]
