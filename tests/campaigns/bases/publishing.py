"""Bases saved and published, and what counts of them."""

from __future__ import annotations

from typing import Any

from campaigns import bases
from tenants.models import BaseTemplate, BaseVersion, Group, Retailer
from tests.factories import base_draft


def saved(key: str = "standard", group: Group | None = None, **parts: Any) -> BaseTemplate:
    base = bases.find(key, group) or bases.blank(key, group)
    return bases.save(base, base_draft(**parts) if not bases.is_layer(base) else parts)


def published(words: str, *canary: Retailer, key: str = "standard") -> BaseVersion:
    return bases.publish(saved(key, subject=words), by="Ana", canary=canary)


def live(base: BaseTemplate) -> BaseTemplate:
    return BaseTemplate.objects.select_related("live", "canary", "group").get(pk=base.pk)
