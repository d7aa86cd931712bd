"""A task says whose work it does, or does none."""

from __future__ import annotations

from typing import Any

import pytest
from celery import shared_task
from celery.exceptions import Reject
from django.db import connection

from tenants import provisioning
from tenants.models import Retailer
from tenants.tasks import RetailerTask


@shared_task(base=RetailerTask)
def whereabouts(*, retailer: Retailer, **_: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def test_retailers_task_runs_in_its_schema_and_leaves_it(acme: Retailer) -> None:
    assert whereabouts(retailer=acme.pk) == acme.schema_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        assert cursor.fetchone()[0] == "public"


@pytest.mark.parametrize("named", [{}, {"retailer": None}, {"retailer": 10**9}, {"retailer": "acme"}])
def test_task_that_cannot_resolve_its_retailer_refuses(acme: Retailer, named: dict[str, Any]) -> None:
    with pytest.raises(Reject):
        whereabouts(**named)


def test_task_of_a_suspended_retailer_refuses(acme: Retailer) -> None:
    provisioning.suspend(acme)
    with pytest.raises(Reject):
        whereabouts(retailer=acme.pk)
