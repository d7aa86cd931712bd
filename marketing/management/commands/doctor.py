from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing import diagnosis

_MARKS = {diagnosis.OK: "ok     ", diagnosis.WARNING: "warning", diagnosis.FAILURE: "FAILURE"}


class Command(BaseCommand):
    help = "Look at the database, schemas, broker, agenda, mail server, settings and ledgers. Exit 1 on a failure."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array")

    def handle(self, **options: Any) -> None:
        findings = list(diagnosis.examine())
        if options["json"]:
            self.stdout.write(json.dumps([vars(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{_MARKS[finding.status]}  {finding.check:<12} {finding.message}")
        failures = [finding.check for finding in findings if finding.status == diagnosis.FAILURE]
        if failures:
            raise CommandError(f"Failed: {', '.join(failures)}.")
