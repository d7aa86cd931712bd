"""POST at most once: repeated, mistaken, failed, foreign, and at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier, current_thread, main_thread
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from campaigns.models import Customer
from tenants import context
from tenants.accounts.models import ApiKey, IdempotencyKey, Scope
from tenants.models import Retailer
from tests.api.caller import Api, problem

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

LEEDS = {"key": "leeds", "name": "Leeds", "rule": {"attribute": "city", "eq": "Leeds"}}
KEY = "3f0c-visible~ASCII!"


def test_same_call_again_is_answered_again_and_not_done_again(api: Api) -> None:
    first = api.post("segments/", LEEDS, idempotency_key=KEY)
    again = api.post("segments/", dict(reversed(LEEDS.items())), idempotency_key=KEY)
    assert (first.status_code, first.get("Idempotent-Replay")) == (201, None)
    assert (again.status_code, again["Idempotent-Replay"]) == (201, "true")
    assert (again.content, again["Location"]) == (first.content, first["Location"])
    assert len(api.get("segments/").json()["results"]) == 1


def test_same_key_with_another_body_or_path_is_422(api: Api) -> None:
    api.post("segments/", LEEDS, idempotency_key=KEY)
    for path, body in (("segments/", LEEDS | {"name": "L"}), ("segments/preview/", LEEDS), ("segments/?x=1", LEEDS)):
        assert problem(api.post(path, body, idempotency_key=KEY)) == (422, [("", "key_reused")])


def test_failed_call_leaves_no_memory_and_may_be_corrected(api: Api) -> None:
    assert problem(api.post("segments/", LEEDS | {"rule": 1}, idempotency_key=KEY))[0] == 400
    assert api.post("segments/", LEEDS, idempotency_key=KEY).status_code == 201


def test_keys_of_two_callers_do_not_meet(acme: Retailer, globex: Retailer, api_of: Callable[..., Api]) -> None:
    rows = [{"external_id": "c1"}]
    callers = [api_of(acme), api_of(acme), api_of(globex)]
    counts = [api.post("customers/bulk/", rows, idempotency_key=KEY).json()["counts"] for api in callers]
    assert counts == [{"created": 1}, {"unchanged": 1}, {"created": 1}]


@pytest.mark.parametrize("key", ["", " ", "two words", "ключ", "x" * 256, "tab\t"])
def test_key_that_is_not_visible_ascii_is_refused(api: Api, key: str) -> None:
    assert problem(api.post("segments/", LEEDS, idempotency_key=key)) == (400, [("Idempotency-Key", "invalid")])


def test_answer_is_kept_for_a_day_and_not_for_ever(api: Api, acme: Retailer) -> None:
    api.post("segments/", LEEDS, idempotency_key="old")
    age(acme, timedelta(hours=25))
    assert api.post("segments/", LEEDS, idempotency_key="old")["Idempotent-Replay"] == "true"
    age(acme, timedelta(hours=25))
    api.post("segments/preview/", {"rule": {"all": []}}, idempotency_key="new")
    with context.in_retailer(acme):
        assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]


def age(retailer: Retailer, by: timedelta) -> None:
    with context.in_retailer(retailer):
        for answer in IdempotencyKey.objects.all():
            IdempotencyKey.objects.filter(pk=answer.pk).update(created_at=answer.created_at - by)


def test_calls_at_the_same_time_are_done_once(live_retailer: Retailer, django_db_blocker: DjangoDbBlocker) -> None:
    callers, starting = 6, Barrier(6)
    rows = [{"external_id": f"c{n}", "email": f"c{n}@example.test"} for n in range(300)]

    def call(api: Api) -> tuple[int, Any]:
        starting.wait(timeout=10)
        try:
            response = api.post("customers/bulk/", rows, idempotency_key=KEY)
            return response.status_code, response.json().get("counts")
        finally:
            connections.close_all()

    with django_db_blocker.unblock(), ThreadPoolExecutor(callers) as threads:
        with context.in_retailer(live_retailer):
            key = ApiKey.objects.create_key(name="test", scope=Scope.INGEST)[1]
        answers = list(threads.map(call, [Api(live_retailer, key) for _ in range(callers)]))
        with context.in_retailer(live_retailer):
            assert Customer.objects.count() == 300
            assert IdempotencyKey.objects.count() == 1
    assert {status for status, _ in answers} <= {200, 409}
    assert (200, {"created": 300}) in answers
    assert not [counts for status, counts in answers if status == 200 and counts != {"created": 300}]


def test_call_while_the_first_is_still_at_work_is_409(
    live_retailer: Retailer, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), ThreadPoolExecutor(1) as threads, closing(connection.copy()) as other:
        with context.in_retailer(live_retailer):
            api = Api(live_retailer, ApiKey.objects.create_key(name="test", scope=Scope.WRITE)[1])
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{live_retailer.schema_name}".campaigns_segment IN EXCLUSIVE MODE')
            first = threads.submit(_segment, api)
            while not _somebody_waits(cursor):
                cursor.execute("SELECT pg_sleep(0.01)")
            second = _segment(api)
        other.rollback()
        assert first.result(timeout=20).status_code == 201
        assert problem(second) == (409, [("", "in_flight")])
        assert _segment(api)["Idempotent-Replay"] == "true"


def _segment(api: Api) -> Answer:
    try:
        return api.post("segments/", LEEDS, idempotency_key=KEY)
    finally:
        if current_thread() is not main_thread():
            connections.close_all()


def _somebody_waits(cursor: Any) -> bool:
    """For what this connection holds: tests of other databases on the same server wait for things of their own."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    )
    return bool(cursor.fetchone()[0])
