"""What providers posted, folded into the ledger.

Reads    RawSignal, Provider, Message
Writes   Signal, RawSignal; through delivery.evidence Message; and what follows from it (delivery.consequences)
Promise  every post that was kept is folded, once it can be; the same posts in any order and number leave the same rows

A provider may tell of a message before its worker has written down that it was handed over: such a post waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from delivery import consequences, evidence, guards, identity, judgement, notices, replies, signals
from delivery.channels.base import Channel, ChannelUnavailable
from delivery.channels.signals import SignalKind, Unreadable, WebhookRequest
from delivery.consequences import Told
from delivery.models import Provider
from delivery.notices import Happened
from delivery.providers import opened
from delivery.signals import Heard
from tenants.models import Retailer

AGENDA_KIND = "signal"
POSTS, BYTES = 500, 8 * 1024 * 1024  # folded at a time
PATIENCE, PAUSE = timedelta(minutes=30), 5.0  # for messages whose hand-over is not written down yet


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


def advance(retailer: Retailer, *, now: datetime) -> datetime | None:
    """Fold some of what waits. Returns when there is more to fold."""
    with transaction.atomic():
        posts = _waiting(now)
        if posts:
            _fold(retailer, posts, now)
    return now if posts else _next()


def _fold(retailer: Retailer, posts: Sequence[_Post], now: datetime) -> None:
    read, errors = _read(retailer, posts)
    messages = _messages(retailer, read)
    early = _in_hand(set(messages.values()))
    late = {post.pk for post in posts if now - post.received_at > PATIENCE}
    waiting = {told.post for told in read if messages.get(told) in early} - late
    told = [each for each in read if each.post not in waiting]
    heard = [_heard(each, messages[each]) for each in told if each in messages]
    new = signals.record(heard)
    evidence.fold(each.message_id for each in heard)
    if any(each.kind in (SignalKind.OPEN, SignalKind.CLICK) for each in new):
        judgement.expect(retailer, now=now)
    notices.of_messages(retailer, list(_news(new)))
    guards.expect(retailer, guards.runs_of(each.message_id for each in new if each.kind in _BAD))
    consequences.draw([(each, messages.get(each)) for each in told], now=now)
    for each in told:
        if each.signal.kind == SignalKind.REPLY:  # of one person, and few
            _answer(each)
    _write_down(posts, errors, waiting)


def _answer(told: Told) -> None:
    reply = told.signal
    replies.answer(reply.recipient, reply.detail, source=told.provider, event=reply.event_id, now=told.received_at)


def _read(retailer: Retailer, posts: Sequence[_Post]) -> tuple[list[Told], dict[int, str]]:
    """What the posts tell, and why some cannot be read."""
    told: list[Told] = []
    errors: dict[int, str] = {}
    channels: dict[str, Channel | str] = {key: _channel(retailer, key) for key in {post.provider for post in posts}}
    for post in posts:
        channel = channels[post.provider]
        if isinstance(channel, str):
            errors[post.pk] = channel
            continue
        try:
            told += [Told(post.pk, post.provider, each, post.received_at) for each in channel.parse(post.request)]
        except Unreadable as error:
            errors[post.pk] = str(error)
    return told, errors


def _channel(retailer: Retailer, key: str) -> Channel | str:
    provider = Provider.objects.filter(key=key).first()
    try:
        return opened.channel(retailer, provider) if provider else f"there is no provider {key!r} any more"
    except ChannelUnavailable as problem:
        return str(problem)


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
        at=min(signal.at or told.received_at, told.received_at),
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
        cursor.execute(_DONE, [list(errors), [error[:300] for error in errors.values()], done])
        cursor.execute(_LATER, [PAUSE, list(waiting)])


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
_LATER = "UPDATE delivery_rawsignal SET due_at = clock_timestamp() + make_interval(secs => %s) WHERE id = ANY(%s)"
