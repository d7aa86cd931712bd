from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils import timezone

from campaigns import importing
from campaigns.management.import_command import ImportCommand
from tenants.models import Retailer


class Command(ImportCommand):
    help = "Import events from a CSV file, once per event_id. Their customers must be known: import those first."

    def bring(self, file: Path, retailer: Retailer, **how: Any) -> importing.Summary:
        return importing.import_events(file, now=timezone.now(), zone=retailer.tzinfo, **how)
