"""What providers posted, folded into the ledger.

Reads    RawSignal, Provider, Message
Writes   Signal, RawSignal; through delivery.evidence Message; and what follows from it (delivery.consequences)
Promise  every post that was kept is folded, once it can be; the same posts in any order and number leave the same
         rows; one that cannot be folded is refused with the reason, and holds up no other

A provider may tell of a message before its worker has written down that it was handed over: such a post waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from campaigns import suppressions
from campaigns.models.customers import Channel as Way
from delivery import alarms, consequences, evidence, identity, judgement, notices, replies, signals
from delivery.channels.base import Channel, ChannelUnavailable
from delivery.channels.signals import Signal, SignalKind, Unreadable, WebhookRequest
from delivery.consequences import Told
from delivery.models import Provider
from delivery.notices import Happened
from delivery.providers import opened
from delivery.signals import Heard
from tenants import prepared
from tenants.models import Retailer

AGENDA_KIND = "signal"
POSTS, BYTES = 500, 2 * 1024 * 1024  # folded at a time: some thousand events
PATIENCE, PAUSE = timedelta(minutes=30), 5.0  # for messages whose hand-over is not written down yet
REPAIRED_BY = timedelta(days=3)  # an account that cannot be opened
SOON = 0.5  # seconds
MOST_CHARACTERS = 2_000  # of anything that a provider says
KEPT = {"folded": timedelta(weeks=4), "refused": timedelta(weeks=13)}  # for people to look into
_CHUNK, _CHUNKS = 5_000, 100  # forgotten at a time
logger = logging.getLogger(__name__)

_TEXTS = ("event_id", "key", "provider_id", "recipient", "detail", "user_agent", "raw")
_BAD = (SignalKind.BOUNCE, SignalKind.COMPLAINT, SignalKind.UNSUBSCRIBE)
_EVENTS: dict[str, str] = {
    SignalKind.DELIVERED: "message.delivered",
    SignalKind.BOUNCE: "message.bounced",
    SignalKind.COMPLAINT: "message.complained",
    SignalKind.UNSUBSCRIBE: "customer.unsubscribed",
}


@dataclass(frozen=True)
class _Post:
    pk: int
    provider: str
    received_at: datetime
    request: WebhookRequest


class _Shut(str):
    """Why an account that there is cannot be opened."""


def advance(retailer: Retailer, *, now: datetime) -> datetime | None:
    """Fold some of what waits. Returns when there is more to fold."""
    with transaction.atomic():
        prepared.plan_anew()
        posts = _waiting(now)
        if posts and not _folded(retailer, posts, now):
            _one_by_one(retailer, posts, now)
    if posts:
        return now
    due = _next()
    return due and max(due, now + timedelta(seconds=SOON))  # what is due and not to be had is in another's hands


def _folded(retailer: Retailer, posts: Sequence[_Post], now: datetime) -> bool:
    """Whether all of them were; otherwise nothing was done. What the database is to blame for is raised."""
    try:
        with transaction.atomic():
            _fold(retailer, posts, now)
    except OperationalError:
        raise
    except Exception:  # what a provider may write has no end: whichever post it is must not stop the others
        logger.exception("%s posts cannot be folded together", len(posts))
        return False
    return True


def _one_by_one(retailer: Retailer, posts: Sequence[_Post], now: datetime) -> None:
    for post in posts:
        if not _folded(retailer, [post], now):
            _write_down([post], {post.pk: "it cannot be folded: the log of the worker says why"}, set())


def _fold(retailer: Retailer, posts: Sequence[_Post], now: datetime) -> None:
    read, errors, shut = _read(retailer, posts, now)
    messages = _messages(retailer, read)
    early = _in_hand(set(messages.values()))
    late = {post.pk for post in posts if now - post.received_at > PATIENCE}
    waiting = shut | {told.post for told in read if messages.get(told) in early} - late
    told = [each for each in read if each.post not in waiting]
    heard = [_heard(each, messages[each]) for each in told if each in messages]
    new = signals.record(heard)
    evidence.fold(each.message_id for each in heard)
    if any(each.kind in (SignalKind.OPEN, SignalKind.CLICK) for each in new):
        judgement.expect(retailer, now=now)
    notices.of_messages(retailer, list(_news(new)))
    alarms.expect(retailer, alarms.runs_of(each.message_id for each in new if each.kind in _BAD))
    answers = {each: None for each in told if _is_answer(each, messages)}
    consequences.draw([(each, messages.get(each)) for each in told if each not in answers], now=now)
    for each in answers:  # of one person, and few; in the order in which they came
        _answer(each)
    _write_down(posts, errors, waiting)


def _is_answer(told: Told, messages: Mapping[Told, int]) -> bool:
    """What somebody wrote back. A STOP that the provider has understood by itself is about no message either."""
    kind = told.signal.kind
    return kind == SignalKind.REPLY or (kind == SignalKind.UNSUBSCRIBE and told not in messages)


def _answer(told: Told) -> None:
    reply = told.signal
    words = "STOP" if reply.kind == SignalKind.UNSUBSCRIBE else reply.detail
    try:
        phone = suppressions.normal(Way.SMS, reply.recipient)
    except ValueError:
        return  # a short code, or no number at all: nobody to whom we could have written
    replies.answer(phone, words, source=told.provider, event=reply.event_id, now=told.received_at)


def _read(retailer: Retailer, posts: Sequence[_Post], now: datetime) -> tuple[list[Told], dict[int, str], set[int]]:
    """What the posts tell, why some cannot be read, and those of accounts that somebody may yet put right."""
    told: list[Told] = []
    errors: dict[int, str] = {}
    shut: set[int] = set()
    channels: dict[str, Channel | str] = {key: _channel(retailer, key) for key in {post.provider for post in posts}}
    for post in posts:
        channel = channels[post.provider]
        if isinstance(channel, _Shut) and now - post.received_at < REPAIRED_BY:
            shut.add(post.pk)
            continue
        if isinstance(channel, str):
            errors[post.pk] = channel
            continue
        try:
            told += [
                Told(post.pk, post.provider, _clean(each), post.received_at) for each in channel.parse(post.request)
            ]
        except Unreadable as error:
            errors[post.pk] = str(error)
    return told, errors, shut


def _clean(signal: Signal) -> Signal:
    """With texts that Postgres takes, and none longer than anything that is compared with it."""
    clean: dict[str, Any] = {}
    for name in _TEXTS:
        said = getattr(signal, name)
        if (kept := signals.text(said, MOST_CHARACTERS)) != said:
            clean[name] = kept
    return replace(signal, **clean) if clean else signal


def _channel(retailer: Retailer, key: str) -> Channel | str:
    provider = Provider.objects.filter(key=key).first()
    try:
        return opened.channel(retailer, provider) if provider else f"there is no provider {key!r} any more"
    except ChannelUnavailable as problem:
        return _Shut(problem)


def _messages(retailer: Retailer, told: Sequence[Told]) -> dict[Told, int]:
    """The number of the message that each is about: by our own name for it, or else by the provider's."""
    named = {each: identity.message_id(retailer, each.signal.key) for each in told if each.signal.key}
    found = {each: number for each, number in named.items() if number is not None}
    others = [each for each in told if each not in found and each.signal.provider_id]
    if others:
        with connection.cursor() as cursor:
            pairs = sorted({(each.provider, each.signal.provider_id[:200]) for each in others})
            cursor.execute(_BY_PROVIDER, [list(column) for column in zip(*pairs, strict=True)])
            known = {(provider, name): number for provider, name, number in cursor.fetchall()}
        for each in others:
            number = known.get((each.provider, each.signal.provider_id[:200]))
            if number is not None:
                found[each] = number
    return found


def _news(new: Sequence[Heard]) -> Iterator[Happened]:
    """Opens and clicks are told once it is known whether a person did it."""
    for each in new:
        if event := _EVENTS.get(each.kind):
            more = {"detail": each.detail} if each.detail else {}
            name = f"{each.source}/{each.event}"
            yield Happened(event, each.message_id, name, each.at or timezone.now(), more)


def _heard(told: Told, message_id: int) -> Heard:
    signal = told.signal
    words = signal.detail if signal.kind != SignalKind.UNKNOWN else f"{signal.raw} {signal.detail}".strip()
    return Heard(
        message_id,
        signal.kind,
        told.provider,
        signal.event_id,
        at=told.at,
        is_hard=signal.is_hard,
        user_agent=signal.user_agent,
        detail=signals.unnamed(words, signal.recipient),
    )


def _waiting(now: datetime) -> list[_Post]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"posts": POSTS, "bytes": BYTES, "now": now})
        return [
            _Post(pk, provider, at, WebhookRequest(bytes(body), signals.document(headers), url))
            for pk, provider, at, url, headers, body in cursor.fetchall()
        ]


def _in_hand(ids: set[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM delivery_message WHERE id = ANY(%s) AND state = 'queued'", [list(ids)])
        return {row[0] for row in cursor.fetchall()}


def _write_down(posts: Sequence[_Post], errors: dict[int, str], waiting: set[int]) -> None:
    done = [post.pk for post in posts if post.pk not in waiting]
    with connection.cursor() as cursor:
        cursor.execute(_DONE, [list(errors), [signals.text(error, 300) for error in errors.values()], done])
        cursor.execute(_LATER, [PAUSE, list(waiting)])


def forget_old(*, now: datetime) -> int:
    """Posts that were folded weeks ago, from the oldest on. How many those were."""
    gone, last = 0, 0
    for _ in range(_CHUNKS):
        with connection.cursor() as cursor:
            before = {state: now - kept for state, kept in KEPT.items()}
            cursor.execute(_FORGET, {"last": last, "chunk": _CHUNK, **before})
            found, last, deleted = cursor.fetchone()
        gone += deleted
        if found < _CHUNK:
            break
    return gone


def _next() -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(due_at) FROM delivery_rawsignal WHERE state = 'new'")
        row = cursor.fetchone()
    return row[0] if row else None


_WAITING = """
SELECT id, provider, received_at, url, headers, body FROM (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before FROM (
        SELECT * FROM delivery_rawsignal WHERE state = 'new' AND due_at <= %(now)s
        ORDER BY id LIMIT %(posts)s FOR UPDATE SKIP LOCKED
    ) waiting
) measured WHERE before <= %(bytes)s ORDER BY id
"""
_BY_PROVIDER = """
SELECT DISTINCT ON (given.provider, given.name) given.provider, given.name, outcome.message_id
FROM unnest(%s::text[], %s::text[]) AS given (provider, name)
JOIN delivery_outcomerecord outcome ON outcome.provider_message_id = given.name AND outcome.provider = given.provider
WHERE given.name <> ''
ORDER BY given.provider, given.name, outcome.id DESC
"""
_DONE = """
UPDATE delivery_rawsignal post SET state = CASE WHEN wrong.error IS NULL THEN 'folded' ELSE 'refused' END,
    error = coalesce(wrong.error, '')
FROM delivery_rawsignal old LEFT JOIN unnest(%s::bigint[], %s::text[]) AS wrong (id, error) ON wrong.id = old.id
WHERE post.id = old.id AND old.id = ANY(%s)
"""
# By the primary key, which is the order in which they came: no index is kept for what is asked once an hour.
_FORGET = """
WITH oldest AS MATERIALIZED (
    SELECT id, state, received_at FROM (
        SELECT id, state, received_at FROM delivery_rawsignal WHERE id > %(last)s ORDER BY id LIMIT %(chunk)s
    ) next WHERE received_at < %(folded)s
), gone AS (
    DELETE FROM delivery_rawsignal post USING oldest
    WHERE post.id = oldest.id AND (oldest.state = 'folded' OR oldest.state = 'refused'
        AND oldest.received_at < %(refused)s) RETURNING post.id
)
SELECT (SELECT count(*) FROM oldest), (SELECT coalesce(max(id), 0) FROM oldest), (SELECT count(*) FROM gone)
"""
_LATER = """
UPDATE delivery_rawsignal SET due_at = clock_timestamp() + make_interval(secs => greatest(%s,
    extract(epoch FROM clock_timestamp() - received_at)::float8 / 10)) WHERE id = ANY(%s)
"""
