"""Approval: a draft is put before somebody who did not write it.

Reads    Campaign, what its templates say, the policy in force
Writes   Review, and the campaign's state
Promise  what is approved is exactly what was looked at; nobody approves what they wrote
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from campaigns import checks, editions, lifecycle, policies, resolution
from campaigns.config.gate import Invalid, content_hash
from campaigns.config.layers import Resolved
from campaigns.config.policy import Policy
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Review
from tenants import acting, audit, context

ENGINE = acting.Actor().identity


def is_needed(policy: Policy | None = None) -> bool:
    """Whether the policy in force asks for approval; `policy` is for a caller who has just read it."""
    return (policy or policies.effective(context.current())).approval


def fingerprint(resolved: Resolved) -> str:
    """Of what is approved: the configuration, and what its templates say now, on their bases as they count now."""
    live = editions.live_of({step.template for step in resolved.config.steps}, context.current())
    return content_hash([resolved.document, sorted((key, each.content_hash) for key, each in live.items())])


def pending(campaign: Campaign) -> Review | None:
    return campaign.reviews.filter(verdict=Review.Verdict.PENDING).first()


def approval(campaign: Campaign, resolved: Resolved) -> Review | None:
    """The approval that covers this draft as it stands, if there is one."""
    approved = campaign.reviews.filter(verdict=Review.Verdict.APPROVED, fingerprint=fingerprint(resolved))
    return approved.order_by("-pk").first()


@transaction.atomic
def submit(campaign: Campaign, *, note: str = "", now: datetime) -> Review:
    """Put the draft before an approver; one that was pending is withdrawn.

    Raises Invalid for a draft that could not be published. A campaign that is live stays so while its next version
    is reviewed.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    resolved = resolution.resolve(campaign.draft)
    if problems := checks.check(resolved.config, as_of=now):
        raise Invalid(problems)
    actor = acting.current()
    campaign.reviews.filter(verdict=Review.Verdict.PENDING).update(verdict=Review.Verdict.WITHDRAWN, decided_at=now)
    review = Review.objects.create(
        campaign=campaign,
        draft_number=campaign.draft_number,
        fingerprint=fingerprint(resolved),
        config=resolved.document,
        authors=sorted({*campaign.authors, actor.identity}),
        submitted_by=actor.name[:200],
        note=note.strip()[:500],
    )
    lifecycle.attempt(campaign, "submit")
    audit.note("submit", "campaign", campaign.key, after={"draft": campaign.draft_number, "note": review.note})
    return review


def approve(campaign: Campaign, *, answer: str = "", now: datetime) -> Review:
    """Raises NotAllowed for a draft that nobody submitted, that changed since, or that the approver had a hand in."""
    return _decide(campaign, Review.Verdict.APPROVED, "approve", answer, now)


def send_back(campaign: Campaign, *, answer: str = "", now: datetime) -> Review:
    """Ask for changes. Raises NotAllowed."""
    return _decide(campaign, Review.Verdict.REJECTED, "send back", answer, now)


def void(campaign: Campaign, *, now: datetime) -> None:
    """The draft changes: what was under review or approved is not what is there now."""
    campaign.reviews.filter(verdict=Review.Verdict.PENDING).update(verdict=Review.Verdict.WITHDRAWN, decided_at=now)
    lifecycle.attempt(campaign, "edit")


@transaction.atomic
def _decide(campaign: Campaign, verdict: Review.Verdict, action: str, answer: str, now: datetime) -> Review:
    actor = acting.current()
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    review = campaign.reviews.select_for_update().filter(verdict=Review.Verdict.PENDING).first()
    if review is None:
        raise NotAllowed(f"{campaign.key!r} is not under review: submit it first.")
    if verdict == Review.Verdict.APPROVED:
        _check_approver(review, actor)
        if review.fingerprint != fingerprint(resolution.resolve(campaign.draft)):
            raise NotAllowed("The draft, its templates or the defaults below it changed meanwhile: submit it again.")
    review.verdict, review.decided_by, review.decided_at = verdict, actor.name[:200], now
    review.answer = answer.strip()[:500]
    review.save()
    lifecycle.attempt(campaign, action)
    audit.note(action, "campaign", campaign.key, after={"draft": review.draft_number, "answer": review.answer})
    return review


def _check_approver(review: Review, actor: acting.Actor) -> None:
    if actor.identity == ENGINE:
        raise NotAllowed("Approval is a person's: sign in, or use a key of your own.")
    if actor.identity in review.authors:
        raise NotAllowed("You had a hand in this draft: somebody else has to approve it.")
