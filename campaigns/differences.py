"""What differs between two configurations of a campaign, in words that a marketer knows. Pure.

Steps and variants are matched by their keys, so that one moved or put in between is told as just that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaigns import words
from campaigns.config.layers import SECTIONS

LONGEST = 300  # characters shown of a value


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `field` is its path, with steps and variants by key (`steps.first.variants.b.subject`),
    `label` its name for people; a side says `not set` where it says nothing.
    """

    field: str
    label: str
    before: str
    after: str


Words = Callable[[Any], str]
Document = Mapping[str, Any]
_FIELDS: dict[str, tuple[str, Words]] = {  # in the order of the form
    "key": ("Key", words.plain),
    "name": ("Name", words.plain),
    "blueprint": ("Blueprint", words.plain),
    "blueprint_version": ("Version of the blueprint", words.plain),
    "trigger": ("Starts", words.trigger),
    "audience.include": ("Send to", words.rule),
    "audience.exclude": ("But not to", words.rule),
    "audience.holdout": ("Hold back", words.share),
    "steps": ("Steps", words.plain),
    "timing.mode": ("Send time", words.mode),
    "timing.window": ("Sending hours", words.window),
    "timing.expire_after": ("Expires after", words.duration),
    "limits.per_customer": ("Most per customer", words.cap),
    "tracking.opens": ("Count opens", words.plain),
    "tracking.clicks": ("Count clicks", words.plain),
    "tracking.utm": ("Added to links", words.plain),
    "tracking.utm_domains": ("Added to links of", words.plain),
    "topic": ("Topic", words.plain),
    "lane": ("Lane", words.plain),
    "goal": ("Goal", words.goal),
}
_STEP_FIELDS: dict[str, tuple[str, Words]] = {
    "channel": ("Channel", words.plain),
    "template": ("Template", words.plain),
    "after": ("Wait", words.wait),
    "when": ("Condition", words.rule),
    "release": ("Waves", words.release),
    "optimise": ("Shares between variants", words.optimise),
}
_ONE_VARIANT = [{"key": "a"}]  # what a step has that names none


def differences(before: Document, after: Document) -> list[Difference]:
    """Between two documents (drafts or resolved configurations), in the order of the form."""
    old, new = _by_path(before), _by_path(after)
    found: list[Difference] = []
    for path in dict.fromkeys([*_FIELDS, *old, *new]):
        if path == "steps":
            found += _steps(old.get(path), new.get(path))
        else:
            label, tell = _FIELDS.get(path, (path, words.plain))
            found += _compared(path, label, tell, (old.get(path), new.get(path)))
    return found


def _steps(old: Any, new: Any) -> Iterator[Difference]:
    before, after = _by_key(old or []), _by_key(new or [])
    if before is None or after is None:
        yield from _compared("steps", *_FIELDS["steps"], (old, new))
        return
    yield from _reordered("steps", "Order of steps", list(before), list(after))
    for key in dict.fromkeys([*after, *before]):
        if key in before and key in after:
            yield from _step(key, before[key], after[key])
        else:
            yield from _compared(f"steps.{key}", f"Step {key}", _step_words, (before.get(key), after.get(key)))


def _step(key: str, old: Document, new: Document) -> Iterator[Difference]:
    for name in dict.fromkeys([*_STEP_FIELDS, "variants", *old, *new]):
        if name == "variants":
            yield from _variants(key, old.get(name) or _ONE_VARIANT, new.get(name) or _ONE_VARIANT)
        elif name != "key":
            label, tell = _STEP_FIELDS.get(name, (name, words.plain))
            yield from _compared(f"steps.{key}.{name}", f"{label} of step {key}", tell, (old.get(name), new.get(name)))


def _variants(step: str, old: Any, new: Any) -> Iterator[Difference]:
    path, before, after = f"steps.{step}.variants", _by_key(old), _by_key(new)
    if before is None or after is None:
        yield from _compared(path, f"Variants of step {step}", words.plain, (old, new))
        return
    yield from _reordered(path, f"Order of variants in step {step}", list(before), list(after))
    for key in dict.fromkeys([*after, *before]):
        where = f"variant {key} in step {step}"
        if key in before and key in after:
            yield from _variant(f"{path}.{key}", where, before[key], after[key])
        else:
            sides = (before.get(key), after.get(key))
            yield from _compared(f"{path}.{key}", where[0].upper() + where[1:], _variant_words, sides)


def _variant(path: str, where: str, old: Document, new: Document) -> Iterator[Difference]:
    for name in dict.fromkeys(["subject", *old, *new]):
        sides = (old.get(name), new.get(name))
        if name == "content" and all(isinstance(side, Mapping | None) for side in sides):
            before, after = sides[0] or {}, sides[1] or {}
            for slot in dict.fromkeys([*before, *after]):
                label = f"“{slot}” of {where}"
                yield from _compared(f"{path}.content.{slot}", label, words.plain, (before.get(slot), after.get(slot)))
        elif name != "key":
            yield from _compared(f"{path}.{name}", f"{name.capitalize()} of {where}", words.plain, sides)


def _compared(path: str, label: str, tell: Words, sides: tuple[Any, Any]) -> Iterator[Difference]:
    """Nothing where both sides are the same. Two that read alike are told as they are written."""
    old, new = sides
    if words.compact(old) == words.compact(new):
        return
    before, after = tell(old), tell(new)
    if before == after:
        before, after = words.compact(old), words.compact(new)
    yield Difference(path, label, *_cut(before, after))


def _reordered(path: str, label: str, old: list[str], new: list[str]) -> Iterator[Difference]:
    if [key for key in old if key in new] != [key for key in new if key in old]:
        yield Difference(path, label, *_cut(", ".join(old), ", ".join(new)))


def _step_words(step: Document | None) -> str:
    if step is None:
        return words.NOT_SET
    told = [f"{words.plain(step.get('channel'))} from template {words.plain(step.get('template'))}"]
    told += [words.wait(step["after"])] if step.get("after") else []
    told += [f"for: {words.rule(step['when'])}"] if step.get("when") else []
    variants = _by_key(step.get("variants") or _ONE_VARIANT)
    if variants is None:
        return words.compact(step)
    return ", ".join(told + ([f"variants {', '.join(variants)}"] if len(variants) > 1 else []))


def _variant_words(variant: Document | None) -> str:
    if variant is None:
        return words.NOT_SET
    content = variant.get("content") or {}
    if not isinstance(content, Mapping):
        return words.compact(variant)
    told = [f"subject “{variant['subject']}”"] if variant.get("subject") else ["the template's own subject"]
    return ", ".join(told + [f"{slot}: {words.plain(value)}" for slot, value in content.items()])


def _by_path(document: Document) -> dict[str, Any]:
    """Fields by path, the sections' own ones each; a section that is none is one field."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        if name in SECTIONS and isinstance(value, Mapping):
            found |= {f"{name}.{part}": inner for part, inner in value.items()}
        else:
            found[name] = value
    return found


def _by_key(entries: Any) -> dict[str, Document] | None:
    """Steps or variants by their keys; None where they have none of their own each."""
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        return None
    keys = [entry.get("key") for entry in entries]
    if not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
        return None
    return dict(zip(keys, entries, strict=True))


def _cut(before: str, after: str) -> tuple[str, str]:
    """Two long values from shortly before where they part."""
    if max(len(before), len(after)) <= LONGEST:
        return before, after
    pairs = enumerate(zip(before, after, strict=False))
    parted = next((i for i, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(0, parted - LONGEST // 4)
    return _part(before, start), _part(after, start)


def _part(text: str, start: int) -> str:
    end = "…" if len(text) > start + LONGEST else ""
    return f"{'…' if start else ''}{text[start : start + LONGEST]}{end}"
