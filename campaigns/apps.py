from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from campaigns import blueprints


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        register(check_blueprints)


def check_blueprints(**_: Any) -> list[CheckMessage]:
    """A blueprint that cannot be used says so when it is deployed, not when a marketer chooses it."""
    return [
        Error(
            f"Blueprint {fault.file}: {fault.problem.field or 'file'}: {fault.problem.message}",
            hint="Correct the file, or remove it: docs/blueprints.md says what it may hold.",
            id="campaigns.E001",
        )
        for fault in blueprints.faults()
    ]
