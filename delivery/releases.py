"""How a version of a base does: what became of the messages built on it, retailer by retailer, beside the one before.

Reads    Edition, Run, Message, Suppression, Customer, each in the schema of its retailer
Promise  looks at runs that were open since, no further back than `REMEMBERED`; one retailer's trouble is its own
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from tenants import context
from tenants.models import BaseTemplate, BaseVersion, Retailer

REMEMBERED = timedelta(days=14)
PATIENCE = "5s"  # of one retailer's figures
WITHIN = 15.0  # seconds, for all of them
LATE = "its figures were not asked for: the others took too long"
FEW = 3  # so many may be chance


@dataclass(frozen=True)
class Figures:
    """Of messages built on one version. A reaction counts for the last message its customer had before it."""

    accepted: int = 0
    failed: int = 0  # could not be rendered
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0

    @property
    def messages(self) -> int:
        return self.accepted + self.failed + self.bounced

    def share(self, what: str) -> float | None:
        """Of all messages; None while there are none."""
        return getattr(self, what) / self.messages if self.messages else None


@dataclass(frozen=True)
class Health:
    """One retailer's figures. `trouble` says why there are none."""

    retailer: Retailer
    now: Figures
    before: Figures
    trouble: str = ""

    @property
    def worse(self) -> list[str]:
        """What happens to a larger share of messages than before, by more than chance of a few."""
        return [what for what in ("failed", "bounced", "complained", "unsubscribed") if _is_worse(self, what)]


def ring(base: BaseTemplate) -> list[Health]:
    """Of the retailers that have the canary; nothing where there is none."""
    if base.canary is None:
        return []
    return health(base.canary, base.live, base.canary_retailers.order_by("name"))


def health(version: BaseVersion, before: BaseVersion | None, retailers: Iterable[Retailer]) -> list[Health]:
    """Since the version was published, and as long ago as `REMEMBERED` for the one before."""
    deadline = time.monotonic() + WITHIN
    return [
        _of(each, version, before) if time.monotonic() < deadline else Health(each, Figures(), Figures(), LATE)
        for each in retailers
    ]


def _of(retailer: Retailer, version: BaseVersion, before: BaseVersion | None) -> Health:
    try:
        with context.in_retailer(retailer):
            found = _figures(version, before)
    except DatabaseError as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Health(retailer, Figures(), Figures(), f"its figures cannot be had: {words}")
    old = found.get(before.pk) if before else None
    return Health(retailer, found.get(version.pk, Figures()), old or Figures())


def _figures(version: BaseVersion, before: BaseVersion | None) -> dict[int, Figures]:
    ids = [each.pk for each in (version, before) if each]
    asked: dict[str, Any] = {"versions": ids, "since": _since(before or version)}
    counted: dict[int, dict[str, int]] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [PATIENCE])
        for statement in (_MESSAGES, _REACTIONS):
            cursor.execute(statement, asked)
            for pk, what, number in cursor.fetchall():
                counted.setdefault(pk, {})[what] = number
    return {pk: Figures(**found) for pk, found in counted.items()}


def _since(version: BaseVersion) -> datetime:
    return max(version.published_at, timezone.now() - REMEMBERED)


def _is_worse(health: Health, what: str) -> bool:
    now, before = health.now.share(what), health.before.share(what) or 0.0
    return now is not None and getattr(health.now, what) >= FEW and now > 1.5 * before


# The runs that were open since narrow down messages, which are found by their run; each version is found by its hash.
_EDITIONS = """
edition AS MATERIALIZED (
    SELECT content_hash, CASE WHEN base_version = ANY(%(versions)s) THEN base_version ELSE group_version END AS version
    FROM campaigns_edition WHERE base_version = ANY(%(versions)s) OR group_version = ANY(%(versions)s))
"""
_MESSAGES = f"""
WITH {_EDITIONS}
SELECT version, what, count(*) FROM (
    SELECT edition.version, CASE message.state
        WHEN 'accepted' THEN 'accepted' WHEN 'delivered' THEN 'accepted' WHEN 'bounced' THEN 'bounced'
        WHEN 'failed' THEN CASE WHEN message.reason LIKE 'render:%%' THEN 'failed' END END AS what
    FROM campaigns_run run
    JOIN delivery_message message ON message.run_id = run.id
    JOIN edition ON edition.content_hash = message.template_hash
    WHERE (run.finished_at IS NULL OR run.finished_at >= %(since)s) AND message.settled_at >= %(since)s) counted
WHERE what IS NOT NULL GROUP BY 1, 2
"""
_REACTIONS = f"""
WITH {_EDITIONS}
SELECT edition.version, CASE suppression.reason WHEN 'complaint' THEN 'complained' ELSE 'unsubscribed' END, count(*)
FROM campaigns_suppression suppression
JOIN campaigns_customer customer ON customer.email = suppression.address
JOIN LATERAL (
    SELECT template_hash FROM delivery_message message
    WHERE message.customer_id = customer.id AND message.settled_at <= suppression.created_at
      AND message.state IN ('accepted', 'delivered', 'bounced')
    ORDER BY message.settled_at DESC LIMIT 1) last ON true
JOIN edition ON edition.content_hash = last.template_hash
WHERE suppression.created_at >= %(since)s AND suppression.channel = 'email' AND suppression.address <> ''
  AND suppression.reason IN ('unsubscribed', 'complaint')
GROUP BY 1, 2
"""
