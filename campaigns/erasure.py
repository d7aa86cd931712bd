"""Forgetting a person on request.

Writes   Customer, Facts, Event, Consent (deletes)
Promise  what identifies the person is gone; the ledger keeps its counts, and a suppression keeps its address
"""

from __future__ import annotations

from django.db import transaction

from campaigns.models import Customer, Facts


@transaction.atomic
def erase(customer: Customer) -> None:
    """Delete a customer and the customer's events. Events that arrive meanwhile wait, and then find nobody."""
    Customer.objects.select_for_update().filter(pk=customer.pk).first()
    Facts.objects.filter(pk=customer.pk).delete()
    customer.delete()
