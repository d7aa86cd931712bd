"""How much of the workers a retailer is due, beside the others: its weight, which the platform sets."""

from __future__ import annotations

import math

from django.core.exceptions import ValidationError
from django.db import transaction

from tenants import audit
from tenants.models import Lane, Retailer

LIGHTEST, HEAVIEST = 0.1, 10.0


@transaction.atomic
def weigh(retailer: Retailer, weight: float) -> None:
    """While several wait, twice the weight gets twice the worker seconds; a lone one is not held back by its own.

    Holds from the next turn on. Raises ValidationError naming the field.
    """
    if not math.isfinite(weight) or not LIGHTEST <= weight <= HEAVIEST:
        cure = f"A weight is a number from {LIGHTEST:g} to {HEAVIEST:g}; 1 is everybody's."
        raise ValidationError({"weight": [cure]})
    lane = Lane.objects.select_for_update().get(retailer=retailer)
    if lane.weight == weight:
        return
    Lane.objects.filter(pk=lane.pk).update(weight=weight)
    audit.note_of(retailer, "weigh", "retailer", before={"weight": lane.weight}, after={"weight": weight})
