"""A campaign's draft as form values, and back. Pure. Parts that the form does not show are kept as they are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from campaigns import sentences
from campaigns.config.gate import Problem, parse_rule
from campaigns.forms import variants

EVERYONE, KEPT = "*everyone", "*kept"  # no key begins with a star
NEW: dict[str, Any] = {"steps": [{"key": "first", "channel": "email"}], "trigger": {"kind": "api"}, "audience": {}}
# The form field that a problem of the configuration is shown at: the longest prefix of its path that stands here.
PLACES = {
    "key": "key",
    "name": "name",
    "topic": "topic",
    "audience": "include",
    "audience.exclude": "exclude",
    "audience.holdout": "holdout",
    "steps.0.template": "template",
    "steps.0.variants": "variants",
    "trigger": "when",
    "trigger.at": "at",
    "trigger.starts": "at",
    "trigger.rrule": "rhythm",
}
RHYTHMS = {
    "FREQ=DAILY": "every day",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": "Monday to Friday",
    "FREQ=WEEKLY": "every week",
    "FREQ=MONTHLY": "every month",
}


def values(draft: Mapping[str, Any], *, zone: tzinfo) -> dict[str, Any]:
    """What the form shows of a draft. `at` is wall-clock time in `zone`."""
    audience, step, trigger = draft["audience"], draft["steps"][0], draft["trigger"]
    exclude, moment = audience.get("exclude"), trigger.get("at") or trigger.get("starts")
    return {
        "name": draft.get("name", ""),
        "key": draft.get("key", ""),
        "include": choice_of(audience["include"]) if "include" in audience else "",
        "exclude": choice_of(exclude) if exclude else "",
        "holdout": f"{audience.get('holdout', 0) * 100:g}",
        "template": step.get("template", ""),
        "variants": step.get("variants") or [{"key": "a"}],
        "when": trigger["kind"] if _is_shown(trigger) else KEPT,
        "at": wall_clock(moment, zone) if moment else "",
        "rhythm": trigger.get("rrule") if trigger.get("rrule") in RHYTHMS else "FREQ=WEEKLY",
        "topic": draft.get("topic", "promotions"),
    }


def compose(before: Mapping[str, Any], given: Mapping[str, Any], *, zone: tzinfo) -> dict[str, Any]:
    """The draft that the form's cleaned values ask for, on top of the one before."""
    draft = copy.deepcopy(dict(before))
    draft |= {name: given[name] for name in ("key", "name", "topic")}
    audience = draft.setdefault("audience", {})
    _set(audience, "include", _rule(given["include"], audience.get("include")))
    _set(audience, "exclude", _rule(given["exclude"], audience.get("exclude")))
    _set(audience, "holdout", round(float(given["holdout"] or 0) / 100, 6) or None)
    step = draft["steps"][0]
    step["template"] = given["template"]
    step["variants"] = variants.with_types_of(given["variants"], step.get("variants") or [])
    draft["trigger"] = _trigger(given, draft["trigger"], zone)
    return draft


def choice_of(rule: Any) -> str:
    """The choice that stands for a rule: a segment's key, everyone, or `kept` for a rule written elsewhere."""
    if isinstance(rule, dict) and set(rule) == {"segment"}:
        return str(rule["segment"])
    return EVERYONE if rule == {"all": []} else KEPT


def kept_words(draft: Mapping[str, Any]) -> list[str]:
    """In words, what a draft holds that the form does not show."""
    words = [f"step “{step['key']}” by {step['channel']}" for step in draft["steps"][1:]]
    named = {
        "goal": "a goal",
        "limits": "a frequency limit",
        "timing": "a timing",
        "blueprint": "a blueprint",
    }
    return words + [label for name, label in named.items() if draft.get(name)]


def trigger_words(trigger: Mapping[str, Any], zone: tzinfo) -> str:
    """`on 1 December 2026 at 09:00 (Europe/London)`, `every week from ...`, `when launched`."""
    moment = trigger.get("at") or trigger.get("starts")
    at = f"{datetime.fromisoformat(wall_clock(moment, zone)):%-d %B %Y at %H:%M} ({zone})" if moment else ""
    if trigger["kind"] == "schedule":
        return f"on {at}"
    if trigger["kind"] == "recurring":
        rhythm = RHYTHMS.get(trigger["rrule"], f"again and again ({trigger['rrule']})")
        return f"{rhythm} from {at}" if at else rhythm
    return f"after “{trigger.get('name')}”" if trigger["kind"] == "event" else "when launched"


def rule_words(rule: Any) -> str:
    return sentences.sentence(parse_rule(rule))


def place(problem: Problem) -> str | None:
    """The form field that a problem belongs to; None for one that has no field here."""
    path = problem.field
    while path:
        if path in PLACES:
            return PLACES[path]
        path = path.rpartition(".")[0]
    return None


def words(problem: Problem) -> str:
    """The problem for a person: a variant's problem says which."""
    parts = problem.field.split(".")
    is_variants = parts[:3] == ["steps", "0", "variants"] and len(parts) > 3
    prefix = f"Variant {int(parts[3]) + 1}: " if is_variants else ""
    return f"{prefix}{problem.message}" if prefix else problem.message[:1].upper() + problem.message[1:]


def wall_clock(written: str, zone: tzinfo) -> str:
    """A trigger's instant as a date-and-time input shows it."""
    at = datetime.fromisoformat(written)
    return (at.astimezone(zone) if at.tzinfo else at).strftime("%Y-%m-%dT%H:%M")


def _rule(choice: str, before: Any) -> Any:
    if choice == KEPT:
        return before
    if choice == EVERYONE:
        return {"all": []}
    return {"segment": choice} if choice else None


def _trigger(given: Mapping[str, Any], before: Mapping[str, Any], zone: tzinfo) -> Any:
    if given["when"] == KEPT:
        return before
    if given["when"] == "api":
        return {"kind": "api"}
    name = "at" if given["when"] == "schedule" else "starts"
    trigger = dict(before) if before["kind"] == given["when"] else {"kind": given["when"]}
    if not trigger.get(name) or wall_clock(trigger[name], zone) != given["at"]:
        trigger[name] = f"{given['at']}:00"
    return trigger if name == "at" else trigger | {"rrule": given["rhythm"]}


def _is_shown(trigger: Mapping[str, Any]) -> bool:
    """Whether the form has fields for a trigger."""
    if trigger["kind"] == "recurring":
        return trigger["rrule"] in RHYTHMS and bool(trigger.get("starts"))
    return trigger["kind"] in ("api", "schedule")


def _set(document: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value
