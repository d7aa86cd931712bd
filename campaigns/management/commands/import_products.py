from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns import importing
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Import products from a CSV file: new ones are created, known ones updated by sku."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="CSV in UTF-8 with a header, gzipped or not")
        parser.add_argument("--rejects", type=Path, help="where rejected rows go (default FILE.rejects.csv)")
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        try:
            summary = importing.import_products(
                options["file"], now=timezone.now(), rejects=options["rejects"], progress=self._progress
            )
        except importing.FileUnreadable as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(json.dumps(summary.as_dict()) if options["json"] else str(summary))

    def _progress(self, rows: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"{rows:,} rows", style_func=str, ending="\r")
