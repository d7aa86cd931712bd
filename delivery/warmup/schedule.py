"""The ramp of a warm-up: how many messages a day may have, how rates move it, and what lies ahead. Pure.

A ramp grows by the same factor every day, from `start` on the first to `peak` on the last, and has no bound after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

Standing = Literal["growing", "slowed", "held", "reversed"]

SMALLEST, LARGEST = 50, 1_000  # messages on the first day
SHORTEST, LONGEST = 28, 42  # days: four weeks to six
HIGHEST = 10_000_000  # messages on the last day
WEEK = 7.0  # days that a reversal goes back
USED = 0.5  # of a day's budget: a day on which less went out has taught receivers nothing
MOST_DAYS = 400  # looked ahead

# Published rules. Complaints: Google asks senders to stay below 0.1 % and never to reach 0.3 % ("Email sender
# guidelines"). Bounces: Amazon SES reviews an account at 5 % and pauses it at 10 % ("Sending review process FAQs").
# Half of the first bound is our own mark to go slower before it is met.
_COMPLAINED: tuple[tuple[float, Standing], ...] = ((0.003, "reversed"), (0.001, "held"), (0.0005, "slowed"))
_BOUNCED: tuple[tuple[float, Standing], ...] = ((0.10, "reversed"), (0.05, "held"), (0.025, "slowed"))
ENOUGH = 100  # messages before a rate says anything
FEWEST = 3  # bounces or complaints: one reader in a bad mood is no rate
_GROWTH: dict[Standing, float] = {"growing": 1.0, "slowed": 0.5, "held": 0.0, "reversed": 0.0}


@dataclass(frozen=True)
class Ramp:
    """`start` and `peak` in messages a day, `days` from one to the other."""

    start: int
    peak: int
    days: int

    def budget(self, step: float) -> int | None:
        """Messages of a day after `step` days of growth; None where it is no longer bounded."""
        if step >= self.days:
            return None
        growth = (self.peak / self.start) ** (1 / (self.days - 1))
        return max(self.start, min(self.peak, int(self.start * growth ** max(0.0, step) + 1e-6)))


@dataclass(frozen=True)
class Judged:
    """What a group's rates say, with the reason in words where they hold something up."""

    standing: Standing
    reason: str = ""


@dataclass(frozen=True)
class Group:
    """A group of receivers on the ramp."""

    share: float  # of the day's budget
    step: float = 0.0
    standing: Standing = "growing"
    used: int = 0  # of the day's budget so far


@dataclass(frozen=True)
class Day:
    """What goes out on a day, by group."""

    day: date
    messages: Mapping[str, int]
    budgets: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.messages.values())


def budget(ramp: Ramp, share: float, step: float) -> int | None:
    """A group's part of a day: at least one message. None where it is no longer bounded."""
    whole = ramp.budget(step)
    return None if whole is None else max(1, int(whole * share + 1e-6))


def judge(sent: int, bounced: int, complained: int) -> Judged:
    """By the heavier of both rates."""
    if sent < ENOUGH:
        return Judged("growing")
    found = [
        Judged(standing, f"{number / sent:.2%} {what} of {sent:,} messages")
        for what, number, bounds in (("bounced", bounced, _BOUNCED), ("complained", complained, _COMPLAINED))
        if number >= FEWEST and (standing := _reached(number / sent, bounds))
    ]
    return max(found, key=lambda each: _ORDER[each.standing], default=Judged("growing"))


def grown(step: float, standing: Standing, *, sent: int, budget: int | None) -> float:
    """The step of the next day. A day that was hardly used moves nothing on."""
    if budget is not None and sent < budget * USED:
        return step
    return step + _GROWTH[standing]


def reversed_by(step: float) -> float:
    """The step after a reversal."""
    return max(0.0, step - WEEK)


def forecast(
    ramp: Ramp, groups: Mapping[str, Group], due: Mapping[date, Mapping[str, int]], *, is_held: bool = False
) -> list[Day]:
    """Day by day from the first that something is due on, until all of it went out, or MOST_DAYS are over.

    `due` says how many messages come due for whom on which day. `used` of a group is of the first day. As if everything
    stood as it does now: groups that are slowed stay so, those that are held, or all when `is_held`, do not grow, and
    those that went back grow again from the day after.
    """
    if not due:
        return []
    now, waiting, days = dict(groups), dict.fromkeys(groups, 0), []
    day, last = min(due), max(due)
    for _ in range(MOST_DAYS):
        for name, number in due.get(day, {}).items():
            waiting[name] += number
        budgets = {name: budget(ramp, group.share, group.step) for name, group in now.items()}
        going = {name: _room(waiting[name], budgets[name], now[name].used) for name in now}
        days.append(Day(day, going, budgets))
        waiting = {name: waiting[name] - going[name] for name in now}
        if day >= last and not any(waiting.values()):
            break
        now = {name: _next(group, going[name], budgets[name], is_held) for name, group in now.items()}
        day += timedelta(days=1)
    return days


def begun(group: Group) -> Group:
    """The group on a day that has not had anything yet."""
    return replace(group, used=0)


def _room(waiting: int, budget: int | None, used: int) -> int:
    return waiting if budget is None else min(waiting, max(0, budget - used))


def _next(group: Group, sent: int, budget: int | None, is_held: bool) -> Group:
    standing: Standing = "held" if is_held else group.standing
    step = grown(group.step, standing, sent=sent + group.used, budget=budget)
    return replace(group, step=step, used=0, standing="growing" if group.standing == "reversed" else group.standing)


def _reached(rate: float, bounds: tuple[tuple[float, Standing], ...]) -> Standing | None:
    return next((standing for bound, standing in bounds if rate >= bound), None)


_ORDER: dict[Standing, int] = {"growing": 0, "slowed": 1, "held": 2, "reversed": 3}
