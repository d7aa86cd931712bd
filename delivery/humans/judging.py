"""How likely it is that a person stood behind an open or a click.

Signs add up as log odds, each with a weight of its own, and the sum is told in percent. A hit is judged together with
all others of its message, so that what a machine did before or after counts, in whatever order it became known: the
same hits get the same answer, however often and in whichever order they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import Literal

from delivery.humans.agents import Agent
from delivery.humans.networks import Network

HUMAN = 50  # percent; from here on a hit counts as a person's
HONEYPOT = 0  # the number of the link that nobody can see

_PRIOR = {"open": 2.0, "click": 2.5}
_AGENT = {Agent.MACHINE: -7.0, Agent.UNSAID: -3.0, Agent.IMAGE_PROXY: 0.0, Agent.READER: 0.0}
_SOONER = ((1.0, -4.0), (5.0, -2.6), (10.0, -1.2), (20.0, -0.4))  # seconds since it was sent: nobody reads so fast
_BURST, _AT_ONCE, _SWEEP = 8.0, 1.5, 90.0  # seconds


@dataclass(frozen=True, slots=True)
class Hit:
    """One open or click. `link` counts for clicks; `is_head`: asked for without wanting to see it."""

    kind: Literal["open", "click"]
    at: datetime
    agent: Agent
    network: Network
    system: str = ""
    origin: str = ""  # two hits of one origin came from one place
    link: int | None = None
    is_head: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as far as its hits can be judged by it. `links` is how many a reader can see."""

    sent_at: datetime
    links: int
    hits: Sequence[Hit]


def judge(seen: Seen) -> list[int]:
    """Percent, for each hit in its place."""
    caught = {(hit.origin, hit.agent) for hit in seen.hits if _is_caught(hit)}
    return [_percent(_odds(hit, seen, caught)) for hit in seen.hits]


def _is_caught(hit: Hit) -> bool:
    return hit.kind == "click" and hit.link == HONEYPOT


def _percent(odds: float) -> int:
    return round(100 / (1 + exp(-odds)))


def _odds(hit: Hit, seen: Seen, caught: set[tuple[str, Agent]]) -> float:
    if _is_caught(hit) or hit.is_head:
        return -9.0
    odds = _PRIOR[hit.kind] + _of_agent(hit) + _of_network(hit) + _of_haste((hit.at - seen.sent_at).total_seconds())
    if (hit.origin, hit.agent) in caught:
        odds -= 6.0
    return odds + (_of_company(hit, seen) if hit.kind == "click" else 0.0)


def _of_agent(hit: Hit) -> float:
    if hit.agent == Agent.PREFETCH:
        return -5.0
    if hit.agent == Agent.IMAGE_PROXY and hit.kind == "click":
        return -5.0  # people's clicks do not come through it
    return _AGENT[hit.agent]


def _of_network(hit: Hit) -> float:
    """Mailbox providers' proxies show people their images, but let them click for themselves."""
    if hit.network == Network.GATEWAY:
        return -5.0
    if hit.network == Network.APPLE:
        return -4.0 if hit.kind == "open" else -1.0
    if hit.network == Network.MAILBOX:
        return 0.0 if hit.kind == "open" else -5.0
    return -1.6 if hit.network == Network.CLOUD else 0.0


def _of_haste(seconds: float) -> float:
    return next((weight for limit, weight in _SOONER if seconds < limit), 0.0)


def _of_company(hit: Hit, seen: Seen) -> float:
    """What else of the message was clicked around it, and whether it had been opened."""
    clicks = [other for other in seen.hits if other.kind == "click"]
    near = [other for other in clicks if abs(_apart(other, hit)) <= _SWEEP and _same_place(other, hit)]
    burst = {other.link for other in near if abs(_apart(other, hit)) <= _BURST}
    at_once = {other.link for other in near if abs(_apart(other, hit)) <= _AT_ONCE}
    weight = 0.0
    if len(burst) >= 5 or len(at_once) >= 3:
        weight -= 4.0
    elif len(at_once) == 2:
        weight -= 1.5
    if 3 <= seen.links <= len({other.link for other in near} - {HONEYPOT}):
        weight -= 2.5  # every link there is
    if any(_repeats(hit, other) for other in clicks):
        weight -= 3.0
    if not any(other.kind == "open" and other.at <= hit.at for other in seen.hits):
        weight -= 0.5
    return weight


def _apart(other: Hit, hit: Hit) -> float:
    return (other.at - hit.at).total_seconds()


def _same_place(other: Hit, hit: Hit) -> bool:
    """Scanners spread their clicks over addresses, so a like program from a like network will do."""
    return other.origin == hit.origin or (other.agent, other.network, other.system) == (
        hit.agent,
        hit.network,
        hit.system,
    )


def _repeats(hit: Hit, other: Hit) -> bool:
    """Somebody's link is looked at from elsewhere, by another system, moments after."""
    is_after = 0.0 < _apart(hit, other) <= 60.0
    return is_after and hit.link == other.link and hit.origin != other.origin and hit.system != other.system
