from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils import timezone

from campaigns import importing
from campaigns.management.import_command import ImportCommand
from tenants.models import Retailer


class Command(ImportCommand):
    help = "Import products from a CSV file: new ones are created, known ones updated by sku."

    def bring(self, file: Path, retailer: Retailer, **how: Any) -> importing.Summary:
        return importing.import_products(file, now=timezone.now(), **how)
