"""The bell: tells workers that something is due. Missing it costs seconds, never work."""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

STALE_AFTER = 10  # seconds; a tick rings again long before


def ring(times: int = 1) -> None:
    """Wake workers once the current transaction is committed."""
    transaction.on_commit(lambda: _send(times))


def _send(times: int) -> None:
    try:
        for _ in range(times):
            current_app.send_task("delivery.tasks.work", expires=STALE_AFTER, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("The broker did not take a wake-up (%s); the poll will find the work.", error)
