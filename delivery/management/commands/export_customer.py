from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from delivery import person
from delivery.management.person_command import PersonCommand
from tenants.models import Retailer


class Command(PersonCommand):
    help = "Write everything known of one person as one JSON document: what the person has a right to see."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--out", type=Path, help="where to write it; the screen when left out")

    def act(self, retailer: Retailer, **options: Any) -> None:
        customer, out = self.customer(options["external_id"]), options["out"]
        if out is None:
            person.export(customer, retailer, partial(self.stdout.write, ending=""), now=timezone.now())
            return
        try:
            with out.open("w", encoding="utf-8") as file:
                person.export(customer, retailer, file.write, now=timezone.now())
        except OSError as problem:
            raise CommandError(f"{out} cannot be written: {problem.strerror}.") from problem
        self.stdout.write(f"Wrote what is known of {customer.external_id} to {out}.")
