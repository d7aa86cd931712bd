"""Stage 1. What was asked.

Reads    Campaign (its draft), the layers below it, Segment, Template, the policy in force
Writes   Campaign, CampaignVersion, Run, and the agenda
Promise  what runs is a frozen version inside the policy; one occurrence of a campaign runs once, whoever starts it
"""

from campaigns.configuration.drafts import Conflict, restore, save_draft
from campaigns.configuration.occurrences import next_of
from campaigns.configuration.starting import launch, launch_due, start
from campaigns.configuration.steering import (
    MOST_PER_MINUTE,
    cancel,
    fail,
    finish,
    go_on,
    pause,
    resume,
    stop,
    throttle,
    withdraw,
)
from campaigns.configuration.versions import COPY, check, publish

__all__ = [
    "COPY", "MOST_PER_MINUTE", "Conflict", "cancel", "check", "fail", "finish", "go_on", "launch", "launch_due",
    "next_of", "pause", "publish", "restore", "resume", "save_draft", "start", "stop", "throttle", "withdraw",
]  # fmt: skip
