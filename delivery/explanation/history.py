"""What became of the person in each run of a campaign: member or not, and every message with every answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from campaigns.models import Campaign, Customer, Member, Run
from delivery import identity
from delivery.models import Message
from tenants import context

MOST = 20  # runs, the newest


def runs(campaign: Campaign, customer: Customer) -> list[dict[str, Any]]:
    """Four queries, whatever the history."""
    found = list(campaign.runs.select_related("version").order_by("-pk")[:MOST])
    members = {member.run_id: member for member in Member.objects.filter(run__in=found, customer_id=customer.pk)}
    sent = Message.objects.filter(customer_id=customer.pk, run__in=found).prefetch_related("outcomes").order_by("pk")
    by_run: dict[int, list[Message]] = {}
    for message in sent:
        by_run.setdefault(message.run_id, []).append(message)
    return [_run(run, members.get(run.pk), by_run.get(run.pk, [])) for run in found]


def _run(run: Run, member: Member | None, messages: Iterable[Message]) -> dict[str, Any]:
    return {
        "run": run.pk,
        "version": run.version.number,
        "state": run.state,
        "started_at": run.started_at.isoformat(),
        "is_member": member is not None,
        "included": bool(member and member.is_included),
        "reason": member.reason if member else "",
        "words": _words(run, member),
        "draw": member.draw if member else None,
        "messages": [_message(message) for message in messages],
    }


def _words(run: Run, member: Member | None) -> str:
    if run.evaluated_at is None:
        return "Its audience was never chosen." if run.finished_at else "Its audience is still being worked out."
    if member is None:
        return "Was no candidate: the rule did not match then, or nothing set it off for this person."
    return "Was included." if member.is_included else f"Was left out: {Member.Reason(member.reason).label}."


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": identity.public_id(context.current(), message.pk),
        "step": message.step,
        "channel": message.channel,
        "variant": message.variant,
        "state": message.state,
        "reason": message.reason,
        "attempts": message.attempts,
        "send_at": message.send_at.isoformat(),
        "settled_at": message.settled_at.isoformat() if message.settled_at else None,
        "provider": message.provider,
        "provider_message_id": message.provider_message_id,
        "outcomes": [
            {"result": each.result, "detail": each.detail, "provider": each.provider, "at": each.at.isoformat()}
            for each in sorted(message.outcomes.all(), key=lambda each: each.pk)
        ],
    }
