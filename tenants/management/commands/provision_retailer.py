from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from tenants import provisioning
from tenants.management.acting_command import ActingCommand


class Command(ActingCommand):
    help = "Provision a retailer: schema, domain, administrator, API key. Prints a one-time login link and the key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="short name, also the host <slug>.BASE_DOMAIN")
        parser.add_argument("--name", required=True)
        parser.add_argument("--domain", help="the retailer's own host name, beside <slug>.BASE_DOMAIN")
        parser.add_argument("--timezone", default="UTC", help="IANA name, for example Europe/London")
        parser.add_argument("--admin-email", help="who administers the retailer (default admin@<slug>.example)")

    def handle(self, **options: Any) -> None:
        try:
            made = provisioning.provision(
                options["slug"],
                name=options["name"],
                domain=options["domain"],
                timezone=options["timezone"],
                admin_email=options["admin_email"],
            )
        except ValidationError as problem:
            raise CommandError("\n".join(f"{k}: {' '.join(v)}" for k, v in problem.message_dict.items())) from problem
        self.stdout.write(f"Provisioned {made.retailer.slug} ({made.retailer.name}).")
        self.stdout.write(f"Login link (works once): {made.login_url}")
        self.stdout.write(f"API key (shown once): {made.api_key}")
