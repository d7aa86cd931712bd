from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from tenants import people
from tenants.accounts.models import ApiKey, Scope
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Create an API key for a retailer and print it once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True, help="what the key is for, shown in the console")
        parser.add_argument("--scope", choices=Scope.values, required=True)

    def act(self, retailer: Retailer, **options: Any) -> None:
        key = people.make_key(ApiKey(name=options["name"], scope=options["scope"]))
        self.stdout.write(f"API key for {retailer.slug}, scope {options['scope']} (shown once): {key}")
