from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tenants import bell, provisioning
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Resume a suspended retailer; work that waited goes on."
    acts_on_inactive = True

    def act(self, retailer: Retailer, **options: Any) -> None:
        try:
            provisioning.resume(retailer)
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from problem
        bell.ring()
        self.stdout.write(f"Resumed {retailer.slug}.")
