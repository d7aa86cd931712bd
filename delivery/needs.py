"""What waits for a person at a retailer: said in words, with the page where it is dealt with.

Reads    Run, Tally, Review, SenderDomain
Promise  as many statements whatever there is; the gravest first
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Sum
from django.urls import reverse

from campaigns.models import Review, Run, Tally
from delivery.models import SenderDomain

MOST = 10  # of each kind that are named
LATELY = 100  # runs that are looked at


@dataclass(frozen=True)
class Need:
    """`path` is on the retailer's console."""

    words: str
    path: str


def needs() -> list[Need]:
    return [*paused(runs_paused()), *_unknown(), *_dns(), *_reviews()]


def beside(open_runs: Iterable[Run]) -> list[Need]:
    """All but approvals, where the open runs are known already."""
    return [*paused(run for run in open_runs if run.state == Run.State.PAUSED), *_unknown(), *_dns()]


def runs_paused() -> Iterable[Run]:
    return Run.objects.filter(state=Run.State.PAUSED).select_related("campaign").order_by("-pk")[:MOST]


def paused(runs: Iterable[Run]) -> list[Need]:
    return [
        Need(f"{run.campaign.name} is paused{f': {run.reason}' if run.reason else ''}", _run(run.pk)) for run in runs
    ]


def _unknown() -> list[Need]:
    lately = Run.objects.order_by("-pk").values("pk")[:LATELY]
    left = Tally.objects.filter(state="unknown", run__in=lately).values_list("run_id", "run__campaign__name")
    counted = left.annotate(number=Sum("messages")).order_by("-run_id")[:MOST]
    return [
        Need(f"{number:,} of {name}: nobody knows whether {'it' if number == 1 else 'they'} went out", _run(run_id))
        for run_id, name, number in counted
    ]


def _dns() -> list[Need]:
    bad = SenderDomain.objects.filter(findings__state__in=["error", "warning"]).order_by("domain")[:MOST]
    return [
        Need(
            f"DNS of {each.domain}: {each.findings.get('words', '')}",
            reverse("admin:delivery_senderdomain_change", args=[each.pk], urlconf="marketing.urls"),
        )
        for each in bad
    ]


def _reviews() -> list[Need]:
    pending = Review.objects.filter(verdict=Review.Verdict.PENDING).select_related("campaign").order_by("pk")[:MOST]
    return [
        Need(
            f"{each.campaign.name} waits for approval",
            reverse("admin:campaigns_campaign_review", args=[each.campaign_id], urlconf="marketing.urls"),
        )
        for each in pending
    ]


def _run(pk: int) -> str:
    return reverse("admin:campaigns_run_change", args=[pk], urlconf="marketing.urls")
