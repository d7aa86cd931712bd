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
from pytest_django import DjangoDbBlocker, Settings

from campaigns.models import Customer
from delivery.models import Subscription
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


HOOK = {"key": "crm", "url": "https://crm.example/hook", "events": ["run.started"]}


def test_secret_that_is_told_once_is_remembered_sealed(api: Api, acme: Retailer, settings: Settings) -> None:
    made = api.post("webhooks/", HOOK, idempotency_key=KEY)
    rotated = api.post("webhooks/crm/rotate/", idempotency_key="rotation")
    secrets = [answer.json()["secret"] for answer in (made, rotated)]
    assert secrets[0] != secrets[1]
    with context.in_retailer(acme):
        kept = "".join(IdempotencyKey.objects.values_list("body", flat=True))
        assert not [secret for secret in secrets if secret.removeprefix("whsec_") in kept]
    assert api.post("webhooks/", HOOK, idempotency_key=KEY).content == made.content
    assert api.post("webhooks/crm/rotate/", idempotency_key="rotation").json() == rotated.json()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, []
    again = api.post("webhooks/", HOOK, idempotency_key=KEY)
    assert (again.status_code, again.json()) == (201, made.json() | {"secret": None})


@pytest.mark.parametrize("keys", [[KEY] * 6, [f"key-{n}" for n in range(6)], [None] * 6])
def test_webhooks_made_at_the_same_time_are_one(
    live_retailer: Retailer, django_db_blocker: DjangoDbBlocker, keys: list[str | None]
) -> None:
    starting = Barrier(len(keys))

    def call(caller: tuple[Api, str | None]) -> tuple[int, bytes]:
        api, key = caller
        starting.wait(timeout=10)
        try:
            answer = api.post("webhooks/", HOOK, **({"idempotency_key": key} if key else {}))
            return answer.status_code, answer.content
        finally:
            connections.close_all()

    with django_db_blocker.unblock(), ThreadPoolExecutor(len(keys)) as threads:
        with context.in_retailer(live_retailer):
            key = ApiKey.objects.create_key(name="test", scope=Scope.FULL)[1]
        answers = list(threads.map(call, [(Api(live_retailer, key), each) for each in keys]))
        with context.in_retailer(live_retailer):
            assert Subscription.objects.count() == 1
    made = {content for status, content in answers if status == 201}
    assert len(made) == 1
    assert {status for status, _ in answers} <= ({201, 409} if len(set(keys)) == 1 and keys[0] else {201, 400, 409})


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
