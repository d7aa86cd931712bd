"""What comes back is kept once, whoever tells it and however often."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from campaigns import configuration
from delivery import pipeline, signals
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Signal
from delivery.signals import Heard
from tenants import context
from tenants.models import Retailer
from tests import factories

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


@pytest.fixture
def sent(at_acme: Retailer, outbox: MemoryChannel) -> list[int]:
    """The numbers of three messages."""
    factories.customers(3)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    return list(Message.objects.order_by("pk").values_list("pk", flat=True))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said to Postgres, prepared statements among it, which Django does not see."""
    statements: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(cursor, query, *args, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    return statements


def test_one_statement_keeps_a_set_and_tells_what_was_new(sent: list[int], said: list[str]) -> None:
    told = [
        Heard(sent[0], Signal.Kind.OPEN, signals.LINK, "a", at=AT, network="203.0.113.0/24", user_agent="Mail/1"),
        Heard(sent[0], Signal.Kind.CLICK, signals.LINK, "b", at=AT, link=2),
        Heard(sent[1], Signal.Kind.BOUNCE, "mailgun", "a", at=AT, is_hard=True, detail="550 no such user"),
    ]
    assert signals.record(told) == told
    fourth = Heard(sent[2], Signal.Kind.DELIVERED, "mailgun", "c")
    said.clear()
    assert signals.record([*told, fourth, fourth]) == [fourth]
    assert [each.split()[0] for each in said if "search_path" not in each] == ["INSERT"]
    rows = Signal.objects.order_by("message_id", "kind")
    run = Message.objects.get(pk=sent[0]).run_id
    assert [(each.message_id, each.run_id, each.kind, each.source, each.link, each.is_hard) for each in rows] == [
        (sent[0], run, "click", "link", 2, False),
        (sent[0], run, "open", "link", None, False),
        (sent[1], run, "bounce", "mailgun", None, True),
        (sent[2], run, "delivered", "mailgun", None, False),
    ]
    assert {(each.network, each.user_agent, each.detail, each.human) for each in rows} == {
        ("", "", "", None), ("203.0.113.0/24", "Mail/1", "", None), ("", "", "550 no such user", None)
    }  # fmt: skip


def test_any_order_and_any_repetition_leave_the_same_rows(sent: list[int]) -> None:
    told = [Heard(pk, kind, "ses", f"{pk}/{kind}", at=AT) for pk in sent for kind in Signal.Kind.values]
    chance = random.Random(7)
    storm = told * 46
    chance.shuffle(storm)
    new = [each for at in range(0, len(storm), 50) for each in signals.record(storm[at : at + 50])]
    assert sorted(new, key=lambda each: each.event) == sorted(told, key=lambda each: each.event)
    assert Signal.objects.count() == len(told)


def test_what_names_no_message_of_this_retailer_leaves_nothing(sent: list[int], globex: Retailer) -> None:
    assert signals.record([Heard(max(sent) + 1, Signal.Kind.OPEN, signals.LINK, "a")]) == []
    with context.in_retailer(globex):
        assert signals.record([Heard(sent[0], Signal.Kind.OPEN, signals.LINK, "a")]) == []
    assert signals.record([]) == []
    assert not Signal.objects.exists()


def test_texts_are_kept_as_far_as_postgres_can(sent: list[int]) -> None:
    odd = Heard(sent[0], Signal.Kind.OPEN, signals.LINK, "\0\ud800", user_agent="\0\ud800é" * 200, detail="x" * 999)
    assert signals.record([odd]) == [odd]
    kept = Signal.objects.get()
    assert (kept.user_agent[:4], len(kept.user_agent), len(kept.detail)) == ("?é?é", 133, 300)


def test_networks_name_nobody() -> None:
    assert signals.network("203.0.113.77") == "203.0.113.0/24"
    assert signals.network("2001:db8:1:2:3::4") == "2001:db8:1::/48"
    assert signals.network("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert signals.network("unix:") == ""


def test_events_of_two_sources_are_two() -> None:
    assert signals.event_id("ses", "1") != signals.event_id("mailgun", "1")
    assert signals.event_id("ses", "1") == signals.event_id("ses", "1")
