"""A pre-flight for a person to read, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from delivery.models import Preflight
from delivery.preflight import findings, warming
from delivery.senders import checking


def as_data(preflight: Preflight) -> dict[str, Any]:
    """The pre-flight as plain JSON data, as the API and `--json` give it."""
    told = {name: value for name, value in preflight.result.items() if name not in ("marks", "policy")}
    return {"id": preflight.pk, "as_of": preflight.as_of.isoformat(), **told}


def lines(preflight: Preflight) -> Iterator[str]:
    result = preflight.result
    yield result["sentence"]
    if result["exclude"]:
        yield f"But not: {result['exclude']}"
    if result["candidates"] is not None:
        yield f"{result['candidates']} candidates, {result['included']} included"
    for reason, number in result["excluded"].items():
        yield f"  {number:>8} {reason}"
    yield from _steps(result["steps"])
    yield from _times(result)
    yield from _senders(result)
    yield from _collisions(result)
    yield from _errors(result["sample"])
    yield from findings.lines(result.get("findings", []))
    for part, words in result["late"].items():
        yield f"{part}: {words}"


def _steps(steps: list[dict[str, Any]]) -> Iterator[str]:
    for step in steps:
        missed = ", ".join(f"{number} {reason}" for reason, number in step["missed"].items())
        yield f"Step {step['step']} by {step['channel']}: reaches {step['reached']}" + (
            f" ({missed})" if missed else ""
        )


def _times(result: dict[str, Any]) -> Iterator[str]:
    times, days = result["times"], result["days"]
    for each in times["hours"] if times else []:
        at = datetime.fromisoformat(each["at"])
        yield f"  {each['messages']:>8} messages from {at:%d %b %Y, %H:%M} ({times['zone']})"
    if times and times["note"]:
        yield times["note"]
    if days and days["max_per_day"] is not None:
        yield (
            f"At most {days['max_per_day']:,} a day, {days['used_today']:,} of today's used: "
            f"takes {days['days']:,} {'day' if days['days'] == 1 else 'days'}, until {days['last_day']}"
        )


def _senders(result: dict[str, Any]) -> Iterator[str]:
    for told in (result["days"] or {}).get("warm_up") or []:
        yield from warming.lines(told)
    for found in result.get("senders", []):
        yield from checking.lines(found)


def _collisions(result: dict[str, Any]) -> Iterator[str]:
    for each in result.get("collisions", []):
        held = f"; the limits would hold back {each['over_cap']} of {each['later']}'s" if each["over_cap"] else ""
        yield f"Collides with {each['campaign']} on {each['due_at'][:10]}: {each['in_common']} people in common{held}"
    if result.get("more"):
        yield f"{result['more']} more campaigns are due about then; they were not counted"


def _errors(sample: dict[str, Any] | None) -> Iterator[str]:
    if sample is None:
        return
    for error in sample["errors"]:
        ids = ", ".join(error["external_ids"])
        yield (
            f"Of {sample['people']} looked at, {error['people']} would get nothing of step {error['step']}, "
            f"variant {error['variant']}: {error['problem']} (such as {ids}). {error['cure']}"
        )
    if not sample["errors"]:
        yield f"{sample['people']} people's messages were rendered without an error"
    for each in sample.get("texts", []):
        yield f"Step {each['step']}: {texts(each)}"


def texts(told: dict[str, Any]) -> str:
    """What a step's SMS come to: `about 1,234 parts (± 20), 43.19 GBP; 1.02 a message, 3 % of them in UCS-2`."""
    about = (
        f"about {told['parts']:,} parts (± {told['margin']:,})"
        if told["margin"]
        else (f"{told['parts']:,} part{'' if told['parts'] == 1 else 's'}")
    )
    price = f", {'about ' if told['margin'] else ''}{told['price']} {told['currency']}" if told["price"] else ""
    wide = f", {told['wide'] * 100:.0f} % of them in UCS-2" if told["wide"] else ""
    missing = f"; no price is known for {', '.join(told['unpriced'])}" if told["currency"] and told["unpriced"] else ""
    return f"{about}{price}; {told['per_message']:g} a message{wide}{missing}"
