"""Which documents refer to which: what is in use stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from campaigns.ascode.documents import Configuration, Document
from campaigns.ascode.kinds import bounds
from campaigns.models import Campaign

Users = Mapping[str, list[str]]  # key -> who refers to it, in words


def users_of_segments(target: Configuration) -> Users:
    users: dict[str, list[str]] = defaultdict(list)
    for key, document in target["segments"].items():
        for segment in segments_in(document):
            users[segment].append(f"segment {key}")
    for segment in segments_in(bounds.defaults_of(target)):
        users[segment].append("the defaults")
    for user, config in _campaigns(target):
        for segment in segments_in(config):
            users[segment].append(user)
    return users


def users_of_templates(target: Configuration) -> Users:
    users: dict[str, list[str]] = defaultdict(list)
    for user, config in _campaigns(target):
        for template in templates_in(config):
            users[template].append(user)
    return users


def kept_by(keys: Collection[str], users: Users) -> dict[str, str]:
    """For each of `keys` that is in use: by whom."""
    return {key: f"it is in use by {', '.join(users[key][:5])}: change that first" for key in keys if users.get(key)}


def segments_in(document: Document | None) -> set[str]:
    """The segments that the rules of a segment, a campaign or defaults name."""
    document = document or {}
    rules = [document.get("rule"), document.get("audience"), *_of_steps(document, "when")]
    return set(_segments(rules))


def templates_in(document: Document) -> set[str]:
    return {key for key in _of_steps(document, "template") if isinstance(key, str)}


def _campaigns(target: Configuration) -> Iterator[tuple[str, Document]]:
    """Every campaign that stays, as its draft is to be, with what its blueprint says of it, and as it was published."""
    drafts = {key: bounds.whole(document, target) for key, document in target["campaigns"].items()}
    for key, document in drafts.items():
        yield f"campaign {key}", document
    published = Campaign.objects.filter(live__isnull=False).order_by("key").values_list("key", "live__config")
    for key, live in published:
        if drafts.get(key, live) != live:
            yield f"campaign {key} as it was published", live


def _of_steps(document: Document, name: str) -> list[Any]:
    steps = document.get("steps")
    return [step.get(name) for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _segments(value: Any) -> Iterable[str]:
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("segment"), str):
                yield value["segment"]
            pending += value.values()
        elif isinstance(value, list):
            pending += value
