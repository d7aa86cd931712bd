"""The base of every command that changes something: the audit trail names who ran it."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand

from tenants import acting


class ActingCommand(BaseCommand):
    def execute(self, *args: Any, **options: Any) -> str | None:
        who = _user()
        with acting.acting(who, f"command:{who}", "command", reason=options.get("reason") or ""):
            return super().execute(*args, **options)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may know nobody by that number
        return "unknown"
