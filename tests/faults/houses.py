"""The retailers of a trial: each with an account at its own provider, its own people, and one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from campaigns import configuration, suppressions
from campaigns.models import Campaign, Customer, Run
from delivery.providers import accounts
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.benchmarks import fleet

KINDS = {"smtp": "smtp", "keyed": "resend", "plain": "sendgrid"}
SUPPRESSED = range(1, 21)  # of each retailer's people, before anything is sent
TIMEOUT = 1.0  # seconds for an answer


@dataclass(frozen=True)
class House:
    """A retailer's part in a trial: `protocol` of its provider, and whether the clock starts its run, or we do."""

    name: str
    protocol: str
    people: int
    by_clock: bool = False

    @property
    def is_keyed(self) -> bool:
        return self.protocol == "keyed"

    @property
    def retailer(self) -> Retailer:
        return context.find(self.name)

    @property
    def run(self) -> Run:
        """The one that there must be, in its retailer's schema."""
        return Run.objects.select_related("campaign", "version").get()

    def address(self, number: int) -> str:
        return f"c{number}@{self.name}.example"

    def furnish(self, bare: Retailer, port: int) -> None:
        """Everything but the run. `bare` is a retailer that has nothing, and is copied: making one takes long."""
        with context.in_retailer(fleet.copy_of(bare, self.name)):
            factories.stored(
                Customer(external_id=f"c{n}", email=self.address(n), first_name="Ana", city="Leeds", consent_email=True)
                for n in range(1, self.people + 1)
            )
            self.suppress(SUPPRESSED)
            factories.template()
            accounts.save(self._account(port))

    def begin(self) -> Campaign:
        with context.in_retailer(self.retailer):
            if self.by_clock:
                at = timezone.now() + timedelta(seconds=2)
                campaign = factories.campaign(trigger={"kind": "schedule", "at": at.isoformat()})
                configuration.publish(campaign, now=timezone.now())
            else:
                campaign = factories.campaign()
                configuration.launch(campaign, by="trial", now=timezone.now())
            return campaign

    def suppress(self, numbers: Iterable[int]) -> None:
        """In its retailer's schema."""
        for number in numbers:
            suppressions.add(channel="email", address=self.address(number), reason="manual", source="trial")

    def _account(self, port: int) -> Mapping[str, Any]:
        kind = KINDS[self.protocol]
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": port, "security": "none"}
        if kind != "smtp":
            settings = {"base_url": f"http://127.0.0.1:{port}"}
        credentials = {} if kind == "smtp" else {"api_key": f"key of {self.name}"}
        told = {"key": self.name, "channel": "email", "kind": kind, "timeout": TIMEOUT}
        return told | {"settings": settings, "credentials": credentials}
