"""Configurations that nobody should send: no 500, no hang, nothing stored of what was refused.

Every case comes from a whole configuration, changed either at one of its values or in its bytes. FUZZ_CASES says how
many (2,000 unless told), FUZZ_SEED which.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from campaigns import configuration, resolution
from campaigns.models import Campaign
from tenants import context
from tenants.models import Retailer
from tests import factories

CASES = int(os.environ.get("FUZZ_CASES", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261124"))
LONGEST = 2.0  # seconds for one answer
WHOLE: dict[str, Any] = factories.config(
    goal={"event": "order", "within": "7d"},
    trigger={"kind": "recurring", "rrule": "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9", "starts": "2031-01-01T09:00:00"},
    audience={
        "include": {"all": [{"attribute": "city", "in": ["Leeds", "York"]}, {"not": {"segment": "staff"}},
                            {"event": "order", "count": {"gte": 2}, "within": "30d",
                             "where": [{"property": "category", "eq": "wine"}]}]},
        "exclude": {"any": [{"sample": 0.1}, {"engaged": {"channel": "email", "within": "30d"}}]},
        "holdout": 0.05,
    },
    steps=[
        {"key": "first", "channel": "email", "template": "hello",
         "variants": [{"key": "a", "subject": "A {{ customer.first_name }}", "content": {"n": 1}}, {"key": "b"}],
         "optimise": {"method": "bandit", "metric": "click", "waves": 8, "over": "4h", "floor": 0.05}},
        {"key": "nudge", "channel": "push", "template": "hello", "after": {"step": "first", "delay": "2d"},
         "when": {"not": {"engaged": "first"}}},
    ],
    timing={"mode": "best_hour", "window": ["09:00", "20:00"], "expire_after": "24h"},
    limits={"per_customer": {"messages": 3, "per": "7d"}},
)  # fmt: skip
NASTY: tuple[Callable[[random.Random], str], ...] = (
    lambda _: "NaN",
    lambda _: "-Infinity",
    lambda _: "1" + "0" * 400,
    lambda _: "1e400",
    lambda _: "-0.0",
    lambda _: "null",
    lambda _: "true",
    lambda _: '""',
    lambda _: "[]",
    lambda _: "{}",
    lambda _: '"\\ud800"',
    lambda _: '"\\u0000"',
    lambda _: '"0001-01-01T00:00:00"',
    lambda _: '"9999-12-31T23:59:59Z"',
    lambda _: '"2026-02-30T25:61:00"',
    lambda _: '"FREQ=DAILY;INTERVAL=0"',
    lambda _: '"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"',
    lambda _: '"99999999999999w"',
    lambda _: '"{{ customer.__class__ }}"',
    lambda _: '"\'; DROP TABLE campaigns_campaign; --"',
    lambda rng: json.dumps("x" * rng.choice([501, 20_001, 300_000])),
    lambda rng: "[" * (depth := rng.choice([60, 1000, 10_000])) + "]" * depth,
    lambda rng: '{"not":' * (depth := rng.choice([13, 1000, 10_000])) + '{"sample":0.1}' + "}" * depth,
    lambda rng: json.dumps([{"sample": 0.1}] * rng.choice([301, 5000])),
    lambda rng: str(rng.choice([-1, 0, 2**31, 2**63, -(2**70), 0.1 + rng.random()])),
    lambda rng: json.dumps({rng.choice(["key", "kind", "all", "step", "audience.holdout", ""]): rng.random()}),
    lambda rng: json.dumps(rng.choice(["first", "nudge", "schedule", "event", "email", "a", "hello", "7d", "09:00"])),
)
HOLE = "\x01hole\x01"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from places(part, (*path, name))


PLACES = list(places(WHOLE))


def changed_value(rng: random.Random) -> bytes:
    """The whole configuration with something nasty in one or two places, or one of its names doubled."""
    document = json.loads(json.dumps(WHOLE))
    for _ in range(rng.choice([1, 1, 2])):
        *above, last = rng.choice(PLACES[1:])
        target = document
        try:
            for name in above:
                target = target[name]
            target[last] = HOLE
        except (KeyError, TypeError, IndexError):
            continue  # what was there is a hole already
    text = json.dumps(document)
    while f'"{json.dumps(HOLE)[1:-1]}"' in text:
        text = text.replace(json.dumps(HOLE), rng.choice(NASTY)(rng), 1)
    if rng.random() < 0.1:
        text = text.replace('"key":', '"key": "twice", "key":', 1)
    return text.encode(errors="surrogatepass")


def changed_bytes(rng: random.Random) -> bytes:
    """Its bytes with some flipped, cut, doubled or put elsewhere."""
    data = bytearray(json.dumps(WHOLE).encode())
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data)), rng.randint(1, 30)
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        else:
            data[at:at] = rng.choice([b"{", b"]", b'"', b"\\u", b",", b"\xff\xfe", b"\x00", b"NaN", b"//"])
        data = data or bytearray(b"{")
    return bytes(data)


@pytest.mark.timeout(0)
def test_no_configuration_breaks_the_door_or_what_is_stored(acme: Retailer, api_key: Any) -> None:
    with context.in_retailer(acme):
        campaign = factories.campaign()
        before: list[Any] = list(Campaign.objects.order_by("key").values())
    rng, answers = random.Random(SEED), Counter[int]()
    for case in range(CASES):
        if case % 2000 == 0:  # a key may call so often a minute
            client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {api_key(acme)}"})
        body = changed_value(rng) if case % 2 else changed_bytes(rng)
        method, path = (client.put, f"campaigns/{campaign.key}/") if case % 3 else (client.post, "campaigns/")
        started = time.monotonic()
        answer = method(f"/api/v1/{path}", body, content_type="application/json")
        took = time.monotonic() - started
        answers[answer.status_code] += 1
        told = f"case {case} of seed {SEED}: {answer.status_code} in {took:.2f} s to {body[:300]!r}"
        assert answer.status_code < 500, told
        assert took < LONGEST, told
        if answer.status_code < 300:
            before = _accepted(acme, answer.json()["key"])
        elif case % 50 == 0 or case == CASES - 1:
            with context.in_retailer(acme):
                assert list(Campaign.objects.order_by("key").values()) == before, told
    print(f"{CASES} configurations: {dict(sorted(answers.items()))}")  # noqa: T201 -- told with -s
    assert answers[400] > CASES / 4
    assert not answers[429]


def _accepted(acme: Retailer, key: str) -> list[Any]:
    """What was let in is in shape, and comes out of the gate as it went in."""
    with context.in_retailer(acme):
        stored = Campaign.objects.get(key=key)
        assert resolution.shaped(stored.draft) == stored.draft
        configuration.check(resolution.resolve(stored.draft).config, as_of=stored.created_at)
        return list(Campaign.objects.order_by("key").values())
