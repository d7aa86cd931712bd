"""Settled messages stay on their page: moved to another, each would be entered into every index once more."""

from __future__ import annotations

import hashlib

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Run
from delivery import batches, pipeline
from delivery.batches import Verdict
from delivery.models import Batch, Message
from tenants.models import Retailer
from tests import factories

pytestmark = pytest.mark.django_db


def pages() -> dict[int, int]:
    """By message."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, (ctid::text::point)[0]::int FROM delivery_message")
        return dict(cursor.fetchall())


@pytest.mark.parametrize("window", [50, 500])
@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("250 2.0.0 Ok: queued as 4dVn7k1bQzz5vNq", "4dVn7k1bQzz5vNq"),
        ("250 2.0.0 OK  1764254400 d9443c01a7336-29bce40a5f3si1234565ad.123 - gsmtp", ""),
        ("", "0100018c7e3a5b2f-4d1c9a7e-1f2b-4c3d-8e4f-5a6b7c8d9e0f-000000"),  # as SES names a message
    ],
)
def test_a_message_that_was_accepted_is_where_it_was(at_acme: Retailer, said: str, named: str, window: int) -> None:
    factories.customers(500)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.advance(Run.objects.select_related("version", "campaign").get(pk=run.pk), now=timezone.now())
    lease = batches.claim(Batch.objects.get(run=run).pk)
    assert lease is not None
    before = pages()
    numbers = sorted(before)
    digest = hashlib.sha256(b"template").hexdigest()
    for start in range(0, len(numbers), window):
        verdicts = [
            Verdict(number, "accepted", said, "accepted", "smtp", named, digest, run.version_id)
            for number in numbers[start : start + window]
        ]  # fmt: skip
        batches.turn(lease, verdicts)
    assert Message.objects.filter(state="accepted", run=run).count() == 500
    assert pages() == before
