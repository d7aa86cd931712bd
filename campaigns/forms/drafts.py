"""A campaign's draft as form values, and back. Pure. Parts that the form does not show are kept as they are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from campaigns import sentences
from campaigns.config.gate import Problem, parse_rule
from campaigns.config.values import format_duration, parse_duration
from campaigns.forms import counting, pace, variants

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
    "trigger.name": "event_name",
    "trigger.delay": "delay",
    "trigger.once_per": "once_per",
    "steps.0.release": "waves",
    "steps.0.release.over": "over",
    "lane": "lane",
    "tracking": "opens",
    "tracking.clicks": "clicks",
    "tracking.utm": "utm",
    "tracking.utm_domains": "utm_domains",
}
RHYTHMS = {
    "FREQ=DAILY": "every day",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": "Monday to Friday",
    "FREQ=WEEKLY": "every week",
    "FREQ=MONTHLY": "every month",
}
_DAYS = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday", "SA": "Saturday",
    "SU": "Sunday",
}  # fmt: skip
DELAYS = {
    "": "straight away", "15m": "after 15 minutes", "30m": "after half an hour", "1h": "after an hour",
    "2h": "after 2 hours", "4h": "after 4 hours", "12h": "after 12 hours", "1d": "after a day",
    "2d": "after 2 days", "3d": "after 3 days", "1w": "after a week", "2w": "after 2 weeks",
}  # fmt: skip
ONCE_PER = {
    "": "every time", "1d": "at most once a day", "1w": "at most once a week", "30d": "at most once in 30 days",
    "90d": "at most once in 90 days", "365d": "at most once a year",
}  # fmt: skip
NOBODY: dict[str, Any] = {"any": []}


def values(draft: Mapping[str, Any], *, zone: tzinfo) -> dict[str, Any]:
    """What the form shows of a draft. `at` is wall-clock time in `zone`."""
    audience, step, trigger = draft["audience"], draft["steps"][0], draft["trigger"]
    exclude, moment = audience.get("exclude"), trigger.get("at") or trigger.get("starts")
    is_event = trigger["kind"] == "event"
    return {
        "name": draft.get("name", ""),
        "key": draft.get("key", ""),
        "include": (choice_of(audience["include"]) or KEPT) if "include" in audience else "",
        "exclude": choice_of(exclude) if exclude else "",
        "holdout": f"{audience.get('holdout', 0) * 100:g}",
        "template": step.get("template", ""),
        "variants": step.get("variants") or [{"key": "a"}],
        "when": trigger["kind"] if _is_shown(trigger) else KEPT,
        "at": wall_clock(moment, zone) if moment else "",
        "rhythm": trigger.get("rrule") if trigger.get("rrule") in RHYTHMS else "FREQ=WEEKLY",
        "event_name": trigger["name"] if is_event else "",
        "delay": _shortest(trigger.get("delay")) if is_event else "",
        "once_per": _shortest(trigger.get("once_per")) if is_event else "",
        "topic": draft.get("topic", "promotions"),
        **pace.values(draft),
    } | counting.values({"opens": True, "clicks": True} | draft.get("tracking", {}))


def compose(before: Mapping[str, Any], given: Mapping[str, Any], *, zone: tzinfo) -> dict[str, Any]:
    """The draft that the form's cleaned values ask for, on top of the one before. `channel` is that of the template."""
    draft = copy.deepcopy(dict(before))
    draft |= {name: given[name] for name in ("key", "name", "topic")}
    audience = draft.setdefault("audience", {})
    _set(audience, "include", _rule(given["include"], audience.get("include")))
    _set(audience, "exclude", _rule(given["exclude"], audience.get("exclude")))
    _set(audience, "holdout", round(float(given["holdout"] or 0) / 100, 6) or None)
    step = draft["steps"][0]
    step["template"] = given["template"]
    step["channel"] = given.get("channel") or step["channel"]
    step["variants"] = variants.with_types_of(given["variants"], step.get("variants") or [])
    _set(step, "release", pace.release(given))
    _set(draft, "lane", pace.lane(given))
    draft["trigger"] = _trigger(given, draft["trigger"], zone)
    for name, said in counting.compose(given).items():
        _set(draft.setdefault("tracking", {}), name, said)
    return draft


def choice_of(rule: Any) -> str:
    """The choice that stands for a rule: a segment's key, everyone, or `kept` for a rule written elsewhere."""
    if isinstance(rule, dict) and set(rule) == {"segment"}:
        return str(rule["segment"])
    if rule == NOBODY:
        return ""
    return EVERYONE if rule == {"all": []} else KEPT


def kept_words(draft: Mapping[str, Any]) -> list[str]:
    """In words, what a draft holds that the form does not show."""
    words = [f"step “{step['key']}” by {step['channel']}" for step in draft["steps"][1:]]
    named = {
        "goal": "a goal",
        "limits": "a frequency limit",
        "timing": "a timing",
    }
    return words + [label for name, label in named.items() if draft.get(name)]


def trigger_words(trigger: Mapping[str, Any], zone: tzinfo) -> str:
    """`on 1 December 2026 at 09:00 (Europe/London)`, `every week from ...`, `when launched`."""
    moment = trigger.get("at") or trigger.get("starts")
    at = f"{datetime.fromisoformat(wall_clock(moment, zone)):%-d %B %Y at %H:%M} ({zone})" if moment else ""
    if trigger["kind"] == "schedule":
        return f"on {at}"
    if trigger["kind"] == "recurring":
        rhythm = rhythm_words(trigger["rrule"])
        return f"{rhythm} from {at}" if at else rhythm
    return _event_words(trigger) if trigger["kind"] == "event" else "when launched"


def rhythm_words(rrule: str) -> str:
    """`every week on Tuesday at 10:00`; a rule that is more than that as it is written."""
    parts = dict(part.split("=", 1) for part in rrule.upper().split(";") if "=" in part)
    often = RHYTHMS.get(f"FREQ={parts.pop('FREQ', '')}")
    days = [_DAYS.get(day, "") for day in parts.pop("BYDAY", "").split(",") if day]
    hour, minute = parts.pop("BYHOUR", ""), parts.pop("BYMINUTE", "0")
    if rrule in RHYTHMS or often is None or parts or not all(days) or not (hour or "0").isdecimal():
        return RHYTHMS.get(rrule) or f"again and again ({rrule})"
    on = f" on {', '.join(days)}" if days else ""
    return f"{often}{on} at {int(hour):02}:{minute.zfill(2)}" if hour else f"{often}{on}"


def delay_words(duration: str) -> str:
    return DELAYS.get(_shortest(duration)) or f"after {sentences.duration(parse_duration(duration))}"


def once_words(duration: str) -> str:
    return ONCE_PER.get(_shortest(duration)) or f"at most once in {sentences.duration(parse_duration(duration))}"


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
    if given["when"] == "event":
        return _event_trigger(given, before)
    name = "at" if given["when"] == "schedule" else "starts"
    trigger = dict(before) if before["kind"] == given["when"] else {"kind": given["when"]}
    if not trigger.get(name) or wall_clock(trigger[name], zone) != given["at"]:
        trigger[name] = f"{given['at']}:00"
    return trigger if name == "at" else trigger | {"rrule": given["rhythm"]}


def _is_shown(trigger: Mapping[str, Any]) -> bool:
    """Whether the form has fields for a trigger."""
    if trigger["kind"] == "recurring":
        return trigger["rrule"] in RHYTHMS and bool(trigger.get("starts"))
    return trigger["kind"] in ("api", "schedule", "event")


def _shortest(duration: str | None) -> str:
    """`1w` for `7d`: as the choices have it."""
    return format_duration(parse_duration(duration)) if duration else ""


def _event_trigger(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    trigger = dict(before) if before["kind"] == "event" else {"kind": "event"}
    trigger["name"] = given["event_name"]
    for name in ("delay", "once_per"):
        _set(trigger, name, given[name] or None)
    return trigger


def _event_words(trigger: Mapping[str, Any]) -> str:
    delay = f", {delay_words(trigger['delay'])}" if trigger.get("delay") else ""
    once = f", {once_words(trigger['once_per'])} per customer" if trigger.get("once_per") else ""
    return f"when a customer does “{trigger.get('name')}”{delay}{once}"


def _set(document: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value
