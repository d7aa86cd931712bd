"""Marketers at work: several at once, each publishing copy and templates of retailers picked by chance.

They save and publish through the same functions as console and API do, each in a transaction and a connection of
its own. One who loses a race for a draft loads it again and repeats the change, as the product asks of people.
"""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from django.db import connection
from django.utils import timezone

from campaigns import configuration, content, editing
from campaigns.models import Campaign, Template
from tenants import acting, context
from tenants.models import Retailer
from tests.benchmarks import witness

Kind = Literal["campaign", "template"]


@dataclass(frozen=True, slots=True)
class Publish:
    """`number` of a campaign or a template has been live in that schema since, at the latest, `committed`."""

    schema: str
    kind: Kind
    number: int
    committed: datetime


def publish(retailers: Sequence[Retailer], *, writers: int, per_s: float, seconds: float, seed: int) -> list[Publish]:
    """What `writers` published within `seconds`, each once at least, about `per_s` a second in all; by commit."""
    until, stopped = time.monotonic() + seconds, threading.Event()
    one = partial(_write, retailers, per_s=per_s / writers, until=until, stopped=stopped)
    with ThreadPoolExecutor(writers) as pool:
        done = [pool.submit(one, f"{seed}-{number}") for number in range(writers)]
        try:
            published = [each for future in done for each in future.result()]
        finally:
            stopped.set()  # one has failed: the others need not go on
    return sorted(published, key=lambda each: each.committed)


def _write(
    retailers: Sequence[Retailer], name: str, *, per_s: float, until: float, stopped: threading.Event
) -> list[Publish]:
    chance, published = random.Random(name), list[Publish]()
    try:
        with acting.acting(f"Writer {name}", f"writer:{name}", "command"):
            while not stopped.wait(min(chance.expovariate(per_s), until - time.monotonic() + 0.001)):
                if published and time.monotonic() >= until:
                    break
                what = _publish_copy if chance.random() < 0.5 else _publish_template
                published.append(what(chance.choice(retailers), f"{name} {len(published)}"))
    finally:
        connection.close()
    return published


def _publish_copy(retailer: Retailer, words: str) -> Publish:
    with context.in_retailer(retailer):
        while True:
            campaign = Campaign.objects.get(key="everybody")
            draft = copy.deepcopy(campaign.draft)
            draft["steps"][0]["variants"] = [{"key": "a", "subject": f"{{{{ customer.first_name }}}}: copy {words}"}]
            try:
                configuration.save_draft(draft, campaign=campaign)
                version = configuration.publish(campaign, now=timezone.now(), into_running=True)
            except configuration.Conflict:
                continue
            return Publish(retailer.schema_name, "campaign", version.number, witness.clock())


def _publish_template(retailer: Retailer, words: str) -> Publish:
    with context.in_retailer(retailer):
        template = Template.objects.get(key="picks")
        template.subject = f"{{{{ customer.first_name }}}}, this week: {words}"
        editing.save_template(template)
        version = content.publish(template)
        return Publish(retailer.schema_name, "template", version.number, witness.clock())
