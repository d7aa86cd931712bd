"""The base of every command that acts on one retailer: takes its slug first."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from tenants import context
from tenants.management.acting_command import ActingCommand
from tenants.models import Retailer


class RetailerCommand(ActingCommand):
    """Subclasses implement `act`, called in the retailer's schema."""

    acts_on_inactive = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the retailer")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            retailer = context.find(options.pop("slug"))
        except context.RetailerUnavailable as problem:
            raise CommandError(str(problem)) from problem
        if not retailer.is_active and not self.acts_on_inactive:
            raise CommandError(f"{retailer.slug} is {retailer.status}; first run: resume_retailer {retailer.slug}")
        with context.in_retailer(retailer):
            self.act(retailer, **options)

    def act(self, retailer: Retailer, **options: Any) -> None:
        raise NotImplementedError
