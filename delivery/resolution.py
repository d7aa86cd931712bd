"""What to do about a message whose outcome nobody knows. Pure.

In this order: handed over again under the same key, while its provider surely knows that key; asked for, where the
provider can be asked, or waited for, where it calls back; then as the policy of its channel and lane says, once more or
left to a person.

A promotion that comes twice costs complaints; an order's confirmation that never comes costs a call. So an e-mail of
the transactional lane goes once more when nothing was heard of it for a while. A text costs money and is never sent
twice by itself: a transactional one is left to a person, who is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from delivery.unknowns import Doubt

WINDOW_SHARE = 0.8  # of the time that a provider knows a key: nearer to its end, nobody relies on that
TRIES = 8  # hand-overs without an answer, after which it is not handed over again by itself
PATIENCE = timedelta(minutes=15)  # that a provider has to tell what became of a message
RESENT_BY_POLICY = ("push", "webhook")  # channels where whoever gets a second copy knows it by its id
RESENT_ONCE = ("email",)  # of the transactional lane, after PATIENCE


class Step(StrEnum):
    SAME_KEY = "same key"  # to the same account, which takes one key once
    ANEW = "anew"  # to whichever account delivers now
    ASK = "ask"
    WAIT = "wait"
    PARK = "park"  # a person decides


@dataclass(frozen=True)
class Means:
    """What can be done at the account that messages were handed to. `as_is_since`: when it was last changed."""

    key_window: float = 0.0
    can_be_asked: bool = False
    calls_back: bool = False
    as_is_since: datetime | None = None


def step(doubt: Doubt, means: Means, channel: str, *, is_transactional: bool = False) -> Step:
    """What to do about a message now."""
    is_same_account = means.as_is_since is not None and means.as_is_since < doubt.first_at
    age = (doubt.now - doubt.first_at).total_seconds()
    if is_same_account and age < WINDOW_SHARE * means.key_window and doubt.tries <= TRIES:
        return Step.SAME_KEY
    if doubt.is_wished:
        return Step.ANEW
    if doubt.now - doubt.since < PATIENCE and (means.can_be_asked or means.calls_back):
        return Step.ASK if means.can_be_asked else Step.WAIT
    if channel in RESENT_BY_POLICY and doubt.tries <= TRIES:
        return Step.ANEW
    if is_transactional and channel in RESENT_ONCE and doubt.tries <= 1:
        return Step.WAIT if doubt.now - doubt.since < PATIENCE else Step.ANEW
    return Step.PARK
