from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants import context, roles
from tenants.models import Retailer


class Command(BaseCommand):
    help = (
        "Give every retailer the role that its rules run as, where it is missing: after a database was restored, say."
    )

    def handle(self, **options: Any) -> None:
        context.leave()
        for retailer in Retailer.objects.exclude(status=Retailer.Status.PROVISIONING):
            if not roles.make_reader(retailer.schema_name):
                cure = "let it (ALTER ROLE ... CREATEROLE), then run this again"
                raise CommandError(f"{retailer.slug} has no reader: the database user may not create roles: {cure}.")
        self.stdout.write("Every retailer has its reader.")
