"""What is done for every retailer is done for each, whatever is wrong with one of them."""

from __future__ import annotations

import pytest
from django.db import connection

from tenants import context, provisioning
from tenants.models import Retailer


def test_what_fails_for_one_is_told_and_done_for_the_others(
    acme: Retailer, globex: Retailer, caplog: pytest.LogCaptureFixture
) -> None:
    at = list[str]()

    def do(retailer: Retailer) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            at.append(cursor.fetchone()[0])
        if retailer == acme:
            raise ValueError("no such thing")

    assert context.in_every(do, what="the count of things") == 2
    assert sorted(at) == sorted([acme.schema_name, globex.schema_name])
    assert "the count of things failed for retailer acme" in caplog.text
    assert "no such thing" in caplog.text
    assert "retailer globex" not in caplog.text


def test_nothing_is_done_for_a_suspended_one(acme: Retailer, globex: Retailer) -> None:
    provisioning.suspend(globex)
    done = list[Retailer]()
    assert context.in_every(done.append, what="it") == 1
    assert done == [acme]
