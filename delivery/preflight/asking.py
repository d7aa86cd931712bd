"""What every part of a pre-flight is asked about, and how the database is asked: as the retailer's reader, in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns import reading
from campaigns.compiler import Sql
from campaigns.config.campaign import CampaignConfig, PerCustomer
from campaigns.config.policy import Policy


@dataclass(frozen=True)
class Asked:
    """`chosen` is a query of customer_id, draw and reason for every candidate: the one that a run would write."""

    config: CampaignConfig
    policy: Policy
    limits: Sequence[PerCustomer]
    now: datetime
    chosen: Sql


def rows(question: Sql, *, seconds: float) -> list[tuple[Any, ...]]:
    """Raises Invalid with the code `too_slow`. What a run will ask anyway is not refused for being dear."""
    with reading.as_reader(seconds=seconds), connection.cursor() as cursor:
        cursor.execute(question.text, question.params)
        return list(cursor.fetchall())
