from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns import importing
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class ImportCommand(RetailerCommand):
    """A file into one retailer, streamed; good rows are kept, bad ones listed with their reason."""

    def bring(self, file: Path, retailer: Retailer, **how: Any) -> importing.Summary:
        """The import itself, of its kind. Raises FileUnreadable."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="CSV in UTF-8 with a header, gzipped or not")
        parser.add_argument("--rejects", type=Path, help="where rejected rows go (default FILE.rejects.csv)")
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        try:
            summary = self.bring(options["file"], retailer, rejects=options["rejects"], progress=self._progress)
        except importing.FileUnreadable as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(json.dumps(summary.as_dict()) if options["json"] else str(summary))

    def _progress(self, rows: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"{rows:,} rows", style_func=str, ending="\r")
