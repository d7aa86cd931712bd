"""The page of a run's results, and that of where people clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaigns import lift
from campaigns.models import Run
from delivery import lift_words
from delivery.results import LiftShown
from tenants import context
from tests.delivery.numbers import rows
from tests.delivery.numbers.oracles.places import COLUMNS, MACHINES, Oracle, members, money, oracle, sentence
from tests.delivery.numbers.reading import Places
from tests.delivery.numbers.rows import ask, count, percent, revenue

FUNNEL = {"Sent": "taken", "Delivered": "delivered", "Opened": "opened", "Clicked": "clicked", "Converted": "converted"}
TITLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "variant": lambda of: of["variant"],
    "domain": lambda of: of["domain"],
    "provider": lambda of: of["provider"] or "not handed over",
    "channel": lambda of: of["channel"],
    "segment": lambda of: {"": "in none of them", "at-mail": "At-Mail", "ones": "Ones"}[of["segment"]],
    "step": lambda of: of["step"],
    "wave": lambda of: "all at once",
    "hour": lambda of: f"{of['hour'].astimezone(context.current().tzinfo):%-d %b %Y, %H:%M}",
}


@oracle("results", "funnel of people")
def _people(run: Run) -> Places:
    place, included, everybody = "From candidates to conversions", members(run, "is_included"), members(run)
    return {
        f"{place} / Candidates / Number": (str(everybody),),
        f"{place} / Included / Number": (str(included),),
        f"{place} / Included / Share": (percent(included, everybody),),
    }


def _stage(label: str, name: str) -> Oracle:
    def of(run: Run) -> Places:
        place, counted = f"From candidates to conversions / {label}", count(run, name)
        whole = count(run, "messages" if name == "taken" else "taken")
        found: Places = {f"{place} / Number": (str(counted),), f"{place} / Share": (percent(counted, whole),)}
        if machines := count(run, MACHINES[name]) if name in MACHINES else 0:
            found[f"{place} / beside it"] = (str(machines),)
        return found

    return of


def _figure(label: str, name: str) -> Oracle:
    def of(run: Run) -> Places:
        counted, taken = count(run, name), count(run, "taken")
        bound = ("0.2",) if name == "complained" and counted / taken >= 0.002 else ()
        return {label: (str(counted), percent(counted, taken, 2), *bound)}

    return of


@oracle("results", "revenue")
def _revenue(run: Run) -> Places:
    return {"Revenue": money(revenue(run))}


def shown_lift(run: Run) -> LiftShown:
    """From the rows' own sums; what follows from sums is proved in tests/campaigns/test_lift.py."""
    goal = run.version.parsed().goal
    assert goal is not None
    assert run.finished_at is not None
    until = run.finished_at + goal.within
    reached, held_out = (rows.arm(run, who, until) for who in ("is_included", "reason = 'holdout'"))
    return LiftShown(
        reached=reached,
        held_out=held_out,
        shares=lift.of_shares(reached, held_out),
        amounts=lift.of_amounts(reached, held_out),
        currency=rows.OWN,
        left_out=rows.left_out(run, until),
        is_fair=True,
        counts_until=until,
        detectable=lift.detectable(reached.people, held_out.people, held_out.share),
    )


@oracle("results", "lift")
def _lift(run: Run) -> Places:
    shown = shown_lift(run)
    told = lift_words.told(shown, "order", holdout=0.4, zone=context.current().tzinfo)
    assert rows.OWN in told.amounts
    assert "amounts are left out of that: in EUR and USD" in told.amounts
    below = "Compared is everybody who was drawn, whether they opened anything or not. Ranges hold the truth 95 times"
    return {
        **sentence(told.heading, told.sentence),
        **sentence(told.heading, told.amounts),
        **sentence("What it brought about", f"{told.detectable} {below} in a hundred."),
    }


@oracle("results", "chart")
def _chart(run: Run) -> Places:
    found: Places = {}
    sent: list[int] = []
    for _, condition, params in rows.groups(run, "hour"):
        numbers = [count(run, name, condition, params) for name in ("taken", "opened", "clicked")]
        if numbers[0]:
            found[f"bar {len(sent)}"] = tuple(map(str, numbers))
            sent.append(numbers[0])
    return {"highest bar": (str(max(sent)),), **found}


def cells(run: Run, dimension: str, label: str) -> Places:
    """A column of the table by a dimension."""
    found: Places = {}
    for of, condition, params in rows.groups(run, dimension):
        place = f"Told apart / {TITLES[dimension](of)} / {label}"
        taken = count(run, "taken", condition, params)
        if label == "Revenue":
            found[place] = money(revenue(run, condition, params))
        elif label == "Sent":
            messages = count(run, "messages", condition, params)
            found[place] = (str(taken), *([str(messages)] if messages != taken else []))
        else:
            counted = count(run, COLUMNS[label], condition, params)
            share = [percent(counted, taken)] if taken and counted else []
            machines = count(run, MACHINES[COLUMNS[label]], condition, params) if COLUMNS[label] in MACHINES else 0
            found[place] = (str(counted), *share, *([str(machines)] if machines else []))
    return found


for _label, _name in FUNNEL.items():
    oracle("results", f"funnel: {_label}")(_stage(_label, _name))
for _label, _name in {"Unsubscribed": "unsubscribed", "Complained": "complained", "Came back": "bounced"}.items():
    oracle("results", _label)(_figure(_label, _name))


def _link(column: str) -> Oracle:
    def of(run: Run) -> Places:
        found = ask(
            "SELECT s.link, count(*) FILTER (WHERE human >= 50), count(*) FILTER (WHERE human < 50),"
            " count(DISTINCT m.id) FILTER (WHERE human >= 50) FROM delivery_signal s"
            " JOIN delivery_message m ON m.id = s.message_id WHERE s.kind = 'click' AND s.link > 0"
            " AND m.run_id = %s AND m.variant = 'a' GROUP BY 1",
            run.pk,
        )
        every, places = sum(clicks for _, clicks, _, _ in found), Places()
        for link, clicks, by_machines, messages in found:
            label = "Shop" if link == 1 else "(no words)"
            machines = (str(by_machines),) if by_machines else ()
            numbers = {"Share": (percent(clicks, every),), "Clicks": (str(clicks), *machines),
                       "Messages": (str(messages),)}  # fmt: skip
            places[f"Links, and how many of the clicks each got / {label} / {column}"] = numbers[column]
        return places

    return of


for _column in ("Share", "Clicks", "Messages"):
    oracle("clicks", _column.lower())(_link(_column))
