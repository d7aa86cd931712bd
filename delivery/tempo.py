"""How fast a run under way may go, as people say it."""

from __future__ import annotations

from django.db import transaction

from campaigns import configuration
from campaigns.models import Run
from delivery import batches
from delivery.models import Throttle
from tenants import agenda, context


@transaction.atomic
def throttle(run: Run, per_minute: int | None) -> None:
    """At most so many messages a minute, from the next hand-over of every worker on; None lifts it.

    Batches that waited for the one before ask again at once. Raises campaigns.lifecycle.NotAllowed.
    """
    configuration.throttle(run, per_minute)
    if per_minute is not None:
        Throttle.objects.get_or_create(run_id=run.pk)
    is_transactional = run.version.parsed().is_transactional
    agenda.put_many(context.current(), "batch", batches.unfinished(run), is_transactional=is_transactional)
