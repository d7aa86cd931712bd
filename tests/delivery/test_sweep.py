"""The hourly sweep looks after every retailer, whatever is wrong with one of them."""

from __future__ import annotations

from typing import Any

import pytest

from delivery import tasks
from delivery.models import RawSignal
from tenants import context
from tenants.models import Retailer


def test_one_retailer_that_cannot_be_swept_keeps_no_other_from_it(
    live_retailer: Retailer, django_db_blocker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with django_db_blocker.unblock():
        # The first in turn.
        broken = Retailer(pk=-1, slug="aaa-broken", name="Broken", schema_name="t_broken", status="active")
        broken.auto_create_schema = False
        broken.save()
        try:
            with context.in_retailer(live_retailer):
                old = RawSignal.objects.create(provider="p", body=b"", state="folded", received_at="2020-01-01T00:00Z")
            tasks.tidy()
            with context.in_retailer(live_retailer):
                assert not RawSignal.objects.filter(pk=old.pk).exists()
        finally:
            Retailer.objects.filter(pk=broken.pk).delete()
    assert "aaa-broken" in caplog.text
