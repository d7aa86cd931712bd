"""What two providers post of messages that are there, and what the ledger then has to say of them.

The events of one message in 20 are posted alone, as Mailgun does; those of others come together, as SendGrid's do.
They come in no order, and one in 200 comes 46 times.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection

from campaigns.models import Suppression
from delivery import identity
from delivery.models import Message, RawSignal, Signal
from delivery.providers import accounts
from tenants import context
from tenants.models import Retailer

ALONE, TOGETHER = 20, 200  # one in so many; so many in one post
REPEATED, TIMES = 200, 46  # one in so many; so often
_SIGNING_KEY = "signing"
_OF_MAILGUN = {"open": "opened", "complaint": "complained"}
_OF_SENDGRID = {"complaint": "spamreport"}


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is our word for it, `softly` of a bounce."""

    message: int
    kind: str
    softly: bool = False

    @property
    def name(self) -> str:
        return f"{self.message}-{self.kind}-{self.softly:d}"

    @property
    def recipient(self) -> str:
        return f"person{self.message}@example.com"


@dataclass
class Posts:
    """Requests as they are sent, and the events that each tells."""

    requests: list[bytes] = field(default_factory=list)
    told: list[list[Event]] = field(default_factory=list)

    def events(self, numbers: Iterable[int]) -> list[Event]:
        """Of these requests, as often as they were told."""
        return [event for number in numbers for event in self.told[number]]


def events(messages: Sequence[int], *, seed: int) -> list[Event]:
    """Each of them once, sorted: most arrive, some of these after they were put off; 2 % never do."""
    chance, found = random.Random(seed), list[Event]()
    for number in messages:
        lot = chance.random()
        if lot < 0.02:
            found.append(Event(number, "bounce"))
            continue
        found += [Event(number, "bounce", softly=True)] if lot < 0.07 else []
        found.append(Event(number, "delivered"))
        found += [Event(number, "open")] if lot > 0.7 else []
        found += [Event(number, "complaint")] if lot > 0.9995 else []
    return found


def posts(retailer: Retailer, once: Sequence[Event], *, seed: int) -> Posts:
    """Shuffled and repeated. Their signatures hold for minutes."""
    chance = random.Random(seed)
    every = [*once, *(each for each in once[::REPEATED] for _ in range(TIMES - 1))]
    chance.shuffle(every)
    key = _account(retailer)
    alone = [[event] for event in every if event.message % ALONE == 0]  # who tells of a message once tells of it always
    rest = [event for event in every if event.message % ALONE]
    together = [rest[start : start + TOGETHER] for start in range(0, len(rest), TOGETHER)]
    names = identity.public_ids(retailer)
    signed_alone = [(told, _mailgun(retailer, told[0], names)) for told in alone]
    signed_together = [(told, _sendgrid(retailer, told, names, key)) for told in together]
    both = [*signed_alone, *signed_together]
    chance.shuffle(both)
    return Posts([request for _, request in both], [told for told, _ in both])


def waiting(retailer: Retailer) -> int:
    """Posts that are not folded yet."""
    with context.in_retailer(retailer):
        return RawSignal.objects.filter(state="new").count()


def wrong(retailer: Retailer, told: Collection[Event]) -> tuple[int, int]:
    """How many events of these are not kept, and how many states, counters and suppressions are not as they should be,
    by what the sorted events say, each once.
    """
    once = sorted(set(told), key=lambda event: event.name)
    with context.in_retailer(retailer):
        signals = Counter(Signal.objects.exclude(source="link").values_list("message_id", "kind", "is_hard"))
        states = dict(Message.objects.filter(state__in=("delivered", "bounced")).values_list("pk", "state"))
        suppressed = set(Suppression.objects.values_list("address", "reason"))
    wanted = Counter((each.message, each.kind, each.kind == "bounce" and not each.softly) for each in once)
    differing = states.items() ^ _states(once).items()
    ends = {(each.recipient, "complaint" if each.kind == "complaint" else "hard_bounce")
            for each in once if each.kind == "complaint" or (each.kind == "bounce" and not each.softly)}  # fmt: skip
    lost = sum((wanted - signals).values())
    return lost, sum((signals - wanted).values()) + len({number for number, _ in differing}) + len(suppressed ^ ends)


def forget(retailer: Retailer) -> None:
    with context.in_retailer(retailer), connection.cursor() as cursor:
        cursor.execute("TRUNCATE delivery_signal, delivery_rawsignal, campaigns_suppression")
        cursor.execute("UPDATE delivery_message SET state = 'accepted', reason = '' WHERE state <> 'accepted'")


def _states(once: Iterable[Event]) -> dict[int, str]:
    """A hard bounce before everything, then that it arrived, then a soft bounce."""
    found: dict[int, str] = {}
    for event in sorted(once, key=lambda event: (event.kind == "bounce") + (event.kind == "bounce" and event.softly)):
        is_hard = event.kind == "bounce" and not event.softly
        if is_hard or event.message not in found:
            found[event.message] = "bounced" if event.kind == "bounce" else "delivered"
    return found


def _account(retailer: Retailer) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    mailgun: dict[str, Any] = {"settings": {"domain": "shop.example"},
                               "credentials": {"api_key": "key", "signing_key": _SIGNING_KEY}}  # fmt: skip
    sendgrid: dict[str, Any] = {"settings": {"verification_key": base64.b64encode(public).decode()},
                                "credentials": {"api_key": "key"}}  # fmt: skip
    with context.in_retailer(retailer):
        accounts.save({"key": "mailgun", "channel": "email", "kind": "mailgun", **mailgun})
        accounts.save({"key": "sendgrid", "channel": "email", "kind": "sendgrid", **sendgrid})
    return key


def _mailgun(retailer: Retailer, event: Event, names: identity.PublicIds) -> bytes:
    at = str(int(time.time()))
    mac = hmac.new(_SIGNING_KEY.encode(), f"{at}{event.name}".encode(), hashlib.sha256).hexdigest()
    what = "failed" if event.kind == "bounce" else _OF_MAILGUN.get(event.kind, event.kind)
    document = {
        "signature": {"timestamp": at, "token": event.name, "signature": mac},
        "event-data": {
            "event": what,
            "id": event.name,
            "timestamp": time.time() - 60,
            "recipient": event.recipient,
            "severity": "temporary" if event.softly else "permanent",
            "user-variables": {"bannerline": names(event.message)},
            "message": {"headers": {"message-id": f"{event.message}@shop.example"}},
        },
    }
    return _request(retailer, "mailgun", json.dumps(document).encode(), {})


def _sendgrid(
    retailer: Retailer, told: Sequence[Event], names: identity.PublicIds, key: ec.EllipticCurvePrivateKey
) -> bytes:
    now = int(time.time())
    body = json.dumps([
        {
            "event": "dropped" if event.softly else _OF_SENDGRID.get(event.kind, event.kind),
            "type": "bounce",
            "reason": "",
            "sg_event_id": event.name,
            "sg_message_id": f"{event.message}.recvd",
            "timestamp": now - 60,
            "email": event.recipient,
            "bannerline": names(event.message),
        }
        for event in told
    ]).encode()  # fmt: skip
    signature = key.sign(str(now).encode() + body, ec.ECDSA(hashes.SHA256()))
    start = "X-Twilio-Email-Event-Webhook"
    headers = {f"{start}-Timestamp": str(now), f"{start}-Signature": base64.b64encode(signature).decode()}
    return _request(retailer, "sendgrid", body, headers)


def _request(retailer: Retailer, key: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST /api/v1/signals/{key}/ HTTP/1.1",
        f"Host: {retailer.slug}.localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
