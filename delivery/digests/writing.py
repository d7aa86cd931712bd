"""What a digest says, as text and as html in the brand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.loader import render_to_string
from django.urls import reverse

from campaigns import content
from delivery import needs, summary
from delivery.digests.choosing import token
from tenants import addresses
from tenants.accounts.models import Digest, User
from tenants.models import Retailer

MOST_RUNS = 10


@dataclass(frozen=True)
class Written:
    subject: str
    html: str
    text: str
    leave_url: str


def write(user: User, retailer: Retailer, begins: datetime, ends: datetime) -> Written:
    base = addresses.base_url(retailer)
    leave_url = base + reverse("leave_digest", args=[token(retailer, user)], urlconf="marketing.urls")
    found = summary.summarise(begins, ends)
    waiting = needs.needs()
    last_day = ends - timedelta(days=1)
    period = "since yesterday morning" if user.digest == Digest.DAILY else f"{_day(begins)} to {_day(last_day)}"
    said = {
        "brand": content.brand(),
        "retailer": retailer,
        "period": period,
        "figures": found.counts,
        "revenue": found.revenue,
        "success": 100 * found.counts["delivered"] / found.tried.tried if found.tried.tried else None,
        "complaints": [(name, each) for name, each in found.receivers.items() if each.complained],
        "runs": summary.runs(begins, ends, most=MOST_RUNS),
        "needs": waiting,
        "base": base,
        "leave_url": leave_url,
        "choose_url": base + reverse("admin:digest", urlconf="marketing.urls"),
    }
    subject = f"{retailer.name}: {found.counts['messages']:,} messages {period}"
    if waiting:
        subject += f", {len(waiting)} {'thing needs' if len(waiting) == 1 else 'things need'} you"
    return Written(subject, render_to_string("mail/digest.html", said), _text(said), leave_url)


def _text(said: dict[str, object]) -> str:
    """Lines of their own, and no more than one empty one in a row."""
    lines = [line.rstrip() for line in render_to_string("mail/digest.txt", said).strip().splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept) + "\n"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B}"
