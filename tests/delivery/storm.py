"""What comes back of messages in a test: opens, clicks and regrets, in any number, judged and not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from delivery import signals
from delivery.models import Link, Message
from delivery.signals import Heard

_JUDGED = (None, 2, 49, 50, 97)


def hear(chance: random.Random, now: datetime, *, kinds: Sequence[str], most: int) -> None:
    """Fewer than `most` of these kinds of each delivered message, each click on one of three links."""
    heard = []
    for message in Message.objects.filter(state="delivered").order_by("pk"):
        digest = signals.event_id("test", message.template_hash)
        known = {"template_hash": message.template_hash, "number": 1, "url": "https://shop.example", "label": "Shop"}
        Link.objects.get_or_create(digest=digest, defaults=known)
        for number in range(chance.randrange(most)):
            kind = chance.choice(kinds)
            link = chance.choice((0, 1, 1, 2)) if kind == "click" else None
            human = chance.choice(_JUDGED) if kind in ("open", "click") else None
            heard.append(Heard(message.pk, kind, "link", f"{message.pk}/{number}", at=now, link=link, human=human))
    signals.record(heard)
