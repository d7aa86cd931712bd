"""Back and forth: what a retailer has when its schema comes from before, and when it has to go back."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.management import call_command
from django.db import connection

from campaigns import suppressions
from campaigns.models import Consent, Customer, Suppression
from tenants import context
from tenants.models import Retailer
from tests import factories

CAME = datetime(2024, 5, 1, tzinfo=UTC)


def migrate(retailer: Retailer, to: str) -> None:
    """The tables of campaigns to that migration, or all to the last."""
    whither = ["campaigns", to] if to else []
    call_command("migrate_schemas", *whither, schema_name=retailer.schema_name, interactive=False, verbosity=0)
    context.enter(retailer)


def shape(retailer: Retailer) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
            FROM information_schema.columns WHERE table_schema = %s
            UNION ALL SELECT replace(indexdef, schemaname, '') FROM pg_indexes WHERE schemaname = %s
            """,
            [retailer.schema_name, retailer.schema_name],
        )
        return sorted(row[0] for row in cursor.fetchall())


def test_yeses_of_before_proofs_get_one_and_going_back_takes_it(live_retailer: Retailer) -> None:
    with context.in_retailer(live_retailer):
        before = shape(live_retailer)
        migrate(live_retailer, "0003")
        old, spoken, _ = factories.customers(3, consent_sms=True)
        Customer.objects.filter(pk=old.pk).update(created_at=CAME)
        Customer.objects.exclude(pk__in=[old.pk, spoken.pk]).update(consent_email=False, consent_sms=False)
        Consent.objects.create(customer=spoken, channel="email", is_granted=True, said_at=CAME, source="till")

        migrate(live_retailer, "")

        said = Consent.objects.order_by("customer", "channel")
        assert list(said.values_list("customer", "channel", "topic", "is_granted", "is_current", "source")) == [
            (old.pk, "email", "", True, True, "before proofs were kept"),
            (old.pk, "sms", "", True, True, "before proofs were kept"),
            (spoken.pk, "email", "", True, True, "till"),
            (spoken.pk, "sms", "", True, True, "before proofs were kept"),
        ]
        assert said[0].said_at == CAME
        assert shape(live_retailer) == before
        migrate(live_retailer, "0003")
        assert Consent.objects.get().source == "till"


def test_two_erased_addresses_do_not_bar_the_way_back(live_retailer: Retailer) -> None:
    with context.in_retailer(live_retailer):
        before = shape(live_retailer)
        for address in ("a@example.test", "b@example.test", "c@example.test"):
            suppressions.add(channel="email", address=address, reason="manual", source="test")
        Suppression.objects.exclude(address="a@example.test").update(address="")

        migrate(live_retailer, "0002")
        migrate(live_retailer, "")

        assert Suppression.objects.get().address == "a@example.test"
        assert shape(live_retailer) == before
