from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from tenants import lanes
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Set a retailer's weight: while several wait, twice the weight gets twice the worker seconds. 1 is usual."
    acts_on_inactive = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("weight", type=float, help=f"{lanes.LIGHTEST:g} to {lanes.HEAVIEST:g}")
        parser.add_argument("--reason", default="")

    def act(self, retailer: Retailer, **options: Any) -> None:
        try:
            lanes.weigh(retailer, options["weight"])
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from problem
        self.stdout.write(f"{retailer.slug} weighs {options['weight']:g} from its next turn on.")
