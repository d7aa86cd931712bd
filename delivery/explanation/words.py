"""An explanation for a person to read, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def lines(told: dict[str, Any]) -> Iterator[str]:
    verdict = told["verdict"]
    asked = f"by what run {told['run']} asked" if told["run"] else "now"
    begin = "Would get it" if verdict["included"] else "Would not get it"
    yield f"{told['external_id']} and {told['name']}, {asked}: {begin}. {verdict['words']}"
    for rule in told["rules"]:
        yield f"{rule['rule'].capitalize()}: {rule['sentence']} {_yes(rule['matched'], 'Matches', 'Does not match')}"
        for leaf in rule["leaves"]:
            path = " > ".join(leaf["segments"])
            where = f" (segment {path})" if path else ""
            yield f"  {_yes(leaf['matched'], 'yes', 'no'):>3}  {leaf['sentence']}{where}: {leaf['words']}"
    for check in told["checks"]:
        detail = f": {check['detail']}" if check["detail"] else ""
        yield f"  {_yes(check['holds'], 'YES', 'no'):>3}  {check['words']}{detail}"
    for step in told["steps"]:
        yield f"Step {step['step']} by {step['channel']}: variant {step['variant']}, due {step['planned_at']}"
    for run in told["runs"]:
        yield f"Run {run['run']} of {run['started_at'][:16]}: {run['words']}"
        for message in run["messages"]:
            reason = f": {message['reason']}" if message["reason"] else ""
            yield f"  step {message['step']}, variant {message['variant']}: {message['state']}{reason}"
            for each in message["outcomes"]:
                yield f"    {each['at'][:19]} {each['result']} {each['detail']}".rstrip()


def _yes(holds: bool | None, yes: str, no: str) -> str:
    return "?" if holds is None else yes if holds else no
