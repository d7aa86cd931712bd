"""Which domains a campaign sends from, and whether the policy lets them: asked by every door before a launch, and
before a run's audience is chosen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from campaigns import content, editions, policies
from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import Invalid, Problem
from campaigns.config.policy import Policy
from delivery import compose
from delivery.senders import checking
from tenants import context


def domains(config: CampaignConfig) -> dict[str, str]:
    """By the key of each step that sends e-mail; steps whose template is not published are left out."""
    steps = [step for step in config.steps if step.channel == "email"]
    if not steps:
        return {}
    live, brand = editions.live_of({step.template for step in steps}, context.current()), content.brand()
    addresses = {
        step.key: compose.envelope(live[step.template], brand).from_email for step in steps if live.get(step.template)
    }
    return {key: address.rpartition("@")[2].lower() for key, address in addresses.items()}


def look(config: CampaignConfig, *, now: datetime) -> list[dict[str, Any]]:
    """What DNS says of each domain that the campaign sends from (delivery.senders.checking says the shape)."""
    return checking.all_of(domains(config).values(), now=now)


def check(config: CampaignConfig, *, now: datetime, policy: Policy | None = None) -> None:
    """Raises Invalid where the policy asks for it and a domain must be put right. What DNS does not tell blocks
    nothing.
    """
    policy = policy or policies.effective(context.current())
    if not policy.sender_dns:
        return
    problems = [
        Problem("from_email", f"{each['domain']}: {told['message']}: {told['cure']}", "sender_dns")
        for each in look(config, now=now)
        for told in each["findings"]
        if told["severity"] == "error"
    ]
    if problems:
        raise Invalid(problems)
