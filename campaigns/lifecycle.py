"""A campaign's states, and the only ways from one to another. docs/lifecycle.md shows this table.

A run has states of its own (planned, running, paused, and how it ended); a campaign's say what its people may do.
"""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.models import Campaign

State = Campaign.State


class NotAllowed(ValueError):
    """The campaign or run is not in a state in which this can be done."""


@dataclass(frozen=True)
class Transition:
    """`action` leads from any of `sources` to `target`; `words` say when."""

    action: str
    sources: tuple[State, ...]
    target: State
    words: str


_AT_REST = (State.DRAFT, State.APPROVED, State.COMPLETED, State.CANCELLED, State.EXPIRED)
TRANSITIONS = (
    Transition("edit", (State.IN_REVIEW, State.APPROVED), State.DRAFT, "what was reviewed is not what is there now"),
    Transition(
        "submit",
        (State.DRAFT, State.APPROVED, State.COMPLETED, State.CANCELLED, State.EXPIRED),
        State.IN_REVIEW,
        "an editor puts the draft before an approver",
    ),
    Transition("approve", (State.IN_REVIEW,), State.APPROVED, "an approver who wrote none of it agrees"),
    Transition("send back", (State.IN_REVIEW,), State.DRAFT, "an approver asks for changes"),
    Transition(
        "schedule", (*_AT_REST, State.SCHEDULED), State.SCHEDULED, "a version with a time or an event is published"
    ),
    Transition("start", (*_AT_REST, State.SCHEDULED, State.RUNNING), State.RUNNING, "a run begins"),
    Transition("pause", (State.SCHEDULED, State.RUNNING, State.PAUSED), State.PAUSED, "somebody or a policy stops it"),
    Transition("resume", (State.PAUSED,), State.RUNNING, "its run goes on"),
    Transition("wait", (State.PAUSED, State.RUNNING), State.SCHEDULED, "it goes on with its next time or event"),
    Transition("complete", (State.SCHEDULED, State.RUNNING), State.COMPLETED, "nothing is left to come"),
    Transition(
        "cancel",
        (State.SCHEDULED, State.RUNNING, State.PAUSED, State.IN_REVIEW, State.APPROVED),
        State.CANCELLED,
        "somebody ends it",
    ),
    Transition("expire", (State.SCHEDULED,), State.EXPIRED, "its only time passed unused, by more than its grace"),
    Transition("fail", (State.RUNNING, State.PAUSED), State.DRAFT, "its run cannot be carried out as configured"),
)
_BY_ACTION = {each.action: each for each in TRANSITIONS}


def may(state: str, action: str) -> bool:
    return state in _BY_ACTION[action].sources


def move(campaign: Campaign, action: str) -> None:
    """Take the action, judged by what the database holds. Raises NotAllowed."""
    if not attempt(campaign, action):
        sources = ", ".join(State(each).label for each in _BY_ACTION[action].sources)
        now = State(campaign.state).label
        raise NotAllowed(f"{campaign.key!r} is {now}; to {action} it, it must be one of: {sources}.")


def attempt(campaign: Campaign, action: str) -> bool:
    """The same; False where the campaign is in no state for it, and nothing is changed."""
    transition = _BY_ACTION[action]
    done = Campaign.objects.filter(pk=campaign.pk, state__in=transition.sources).update(state=transition.target)
    campaign.refresh_from_db(fields=["state"])
    return bool(done)
