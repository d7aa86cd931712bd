"""What a campaign's page shows above its form: where it stands, in words, and what this person can do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from campaigns import blueprinting, configuration, lifecycle, reviews
from campaigns.admin.blueprints import NOT_NOW
from campaigns.blueprinting import Offer
from campaigns.config import layers
from campaigns.config.gate import Invalid, content_hash
from campaigns.config.layers import Resolved
from campaigns.forms import drafts, inheritance
from campaigns.forms.campaigns import CampaignForm
from campaigns.models import Campaign, Review, Run
from delivery.views.reviewing import why_not
from tenants import context
from tenants.accounts.models import Role
from tenants.console import may

MOST_RUNS = 5  # shown
_OPEN = (Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED)
_STATES = {
    "draft": "Nothing is sent until it is launched or scheduled.",
    "in_review": "An approver has to agree before it can go out.",
    "approved": "It can be launched or scheduled as it stands.",
    "scheduled": "It begins by itself.",
    "running": "Messages are going out.",
    "paused": "It is held: nothing goes out until it is resumed.",
    "completed": "It is done. Launching it again starts a new run.",
    "cancelled": "Somebody ended it. It can be launched or scheduled again.",
    "expired": "Its time passed unused. Choose a new one to send it after all.",
}


@dataclass(frozen=True)
class Act:
    """A button. One that has a `sentence` asks first, with a line for the reason where `why` says what to write."""

    label: str
    url: str
    tone: str = ""  # primary, stop, or plain
    is_link: bool = False
    sentence: str = ""
    why: str = ""
    hidden: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What decides about the buttons."""

    campaign: Campaign
    resolved: Resolved | None
    open_run: Run | None
    pending: Review | None
    needs_review: bool  # the policy asks for an approval that this draft does not have
    document: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.document["trigger"]["kind"])

    @property
    def changed(self) -> list[str]:
        """The fields in which the draft differs from what is live."""
        live = self.campaign.live
        if live is None or (self.resolved and content_hash(self.document) == live.content_hash):
            return []
        old, new = layers.flatten(live.config), layers.flatten(self.document)
        return [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]


def panel(campaign: Campaign, form: CampaignForm, request: HttpRequest) -> dict[str, Any]:
    runs = list(campaign.runs.order_by("-pk")[:MOST_RUNS])
    review = campaign.reviews.order_by("-pk").first()
    stands = _standing(campaign, form.standing, runs, review)
    return {
        "problems": [problem for found in form.problems.values() for problem in found],
        "state_words": _STATES.get(campaign.state, ""),
        "runs": runs,
        "missed": next((run for run in runs[:1] if run.state == Run.State.MISSED), None),
        "live": campaign.live,
        "kept": drafts.kept_words(stands.document),
        "starts": drafts.trigger_words(stands.document["trigger"], context.current().tzinfo),
        "is_changed": bool(stands.changed),
        "pending": stands.pending,
        "sent_back": review if review and review.verdict == Review.Verdict.REJECTED else None,
        "why_not": why_not(request, stands.pending) if stands.pending else "",
        "acts": list(_acts(stands, request)) if may(request, Role.EDITOR) else [],
        "offer": _offer(campaign, request),
        "conflict": form.conflict,
    }


def stop_everything() -> Act:
    """The overview's emergency stop."""
    said = "Within seconds nothing more is handed over or begins, for any campaign. Nothing is lost: lifting undoes it."
    return Act("Stop all sending", reverse("admin:stop_sending"), "danger", sentence=said, why="What is wrong?")


def _standing(campaign: Campaign, stands: inheritance.Standing, runs: list[Run], review: Review | None) -> Standing:
    try:
        resolved: Resolved | None = stands.resolved()
    except Invalid:
        resolved = None
    open_run = next((run for run in runs if run.state in _OPEN), None)
    if open_run is None and len(runs) == MOST_RUNS:
        open_run = campaign.runs.open().order_by("-pk").first()
    pending = review if review and review.verdict == Review.Verdict.PENDING else None
    needs_review = stands.policy.approval and not (resolved and reviews.approval(campaign, resolved))
    document = resolved.document if resolved else stands.document
    return Standing(campaign, resolved, open_run, pending, needs_review, document)


def _acts(stands: Standing, request: HttpRequest) -> Iterator[Act]:
    """In the order of the page: what holds and ends first, what leads on last."""
    yield from _steering(stands)
    yield from _leading_on(stands, request)


def _steering(stands: Standing) -> Iterator[Act]:
    campaign, run = stands.campaign, stands.open_run
    if run and run.state != Run.State.PAUSED:
        yield _act(campaign, "pause", "Pause", sentence="Nothing more goes out until it is resumed.", why="Why?")
    if campaign.state == Campaign.State.PAUSED:
        yield _act(campaign, "resume", "Resume", "primary")
    if run:
        said = "This ends the run for good: what is not handed over yet will not be sent."
        yield _act(campaign, "cancel", "Cancel run", "plain", sentence=said, why="Why?")
    elif campaign.state in (Campaign.State.SCHEDULED, Campaign.State.PAUSED):
        said = "Nothing starts by itself any more. Scheduling it again puts it back."
        yield _act(campaign, "withdraw", "Take off the schedule", "plain", sentence=said, why="Why?")
    if lifecycle.may(campaign.state, "pause") and campaign.state != Campaign.State.PAUSED:
        said = "Stops what is going out now and keeps it from beginning again. Nothing is lost; Resume undoes it."
        yield _act(campaign, "stop", "Stop now", "stop", sentence=said, why="What is wrong?")


def _leading_on(stands: Standing, request: HttpRequest) -> Iterator[Act]:
    campaign, run = stands.campaign, stands.open_run
    if stands.pending:
        tone = "" if why_not(request, stands.pending) else "primary"
        yield _act(campaign, "review", "Look at the review" if not tone else "Review …", tone, is_link=True)
    elif stands.needs_review:
        said = "An approver who had no hand in it is asked to agree to exactly this draft."
        yield _act(campaign, "submit", "Submit for review", "primary", sentence=said, why="What is it about?")
    elif run is None and campaign.state != Campaign.State.PAUSED:
        yield from _to_launch(stands)
    elif stands.changed:
        yield from _into_running(stands)
    if run:
        url = reverse("admin:campaigns_run_change", args=[run.pk])
        yield Act(f"See the {run.state} run", url, "primary" if run.state != Run.State.PAUSED else "", is_link=True)


def _into_running(stands: Standing) -> Iterator[Act]:
    """Copy can change in a run that is under way; anything else waits for its end."""
    if set(stands.changed) <= set(configuration.COPY):
        said = "What is going out says the new words from its next batch on; who gets it stays as it is."
        hidden = {"draft_number": stands.campaign.draft_number, "into_running": "yes"}
        yield _act(
            stands.campaign, "publish", "Publish into the run", sentence=said, why="What changed?", hidden=hidden
        )


def _to_launch(stands: Standing) -> Iterator[Act]:
    label = {"api": "Launch …", "event": "Switch on …"}.get(stands.kind, "Schedule or launch …")
    if stands.campaign.state != Campaign.State.SCHEDULED:
        yield _act(stands.campaign, "launch", label, "primary", is_link=True)
    elif stands.changed:
        yield _act(stands.campaign, "launch", "Publish the change …", "primary", is_link=True)
    elif stands.kind != "event":
        yield _act(stands.campaign, "launch", "Launch now …", is_link=True)


def _act(campaign: Campaign, action: str, label: str, tone: str = "", **more: Any) -> Act:
    return Act(label, reverse(f"admin:campaigns_campaign_{action}", args=[campaign.pk]), tone, **more)


def _offer(campaign: Campaign, request: HttpRequest) -> Offer | None:
    """A newer version of its blueprint, unless this person put it off."""
    try:
        found = blueprinting.offer(campaign) if campaign.draft.get("blueprint") else None
    except Invalid:  # a draft that cannot be resolved has more urgent problems, which its form shows
        return None
    put_off = request.session.get(NOT_NOW, {}).get(campaign.key)
    return found if found and put_off != found.newest else None
