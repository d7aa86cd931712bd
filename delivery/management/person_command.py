"""The base of the commands that are about one person."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from campaigns.models import Customer
from tenants.management.retailer_command import RetailerCommand


class PersonCommand(RetailerCommand):
    acts_on_inactive = True  # a person's rights do not rest while the retailer does

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("external_id", help="the customer's number at the retailer")

    def customer(self, external_id: str) -> Customer:
        found = Customer.objects.filter(external_id=external_id).first()
        if found is None:
            raise CommandError(f"No customer has the number {external_id!r} here: nothing was done.")
        return found
