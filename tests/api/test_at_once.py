"""Two who change the same draft at the same moment: one does, the other is told what the first did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from django.db import connection, connections, transaction
from pytest_django import DjangoDbBlocker

from campaigns import configuration
from campaigns.models import Campaign
from tenants import acting, context
from tenants.accounts.models import ApiKey, Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

PATH = "campaigns/welcome/"


def test_change_that_meets_another_is_refused_with_what_the_other_changed(
    live_retailer: Retailer, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), ThreadPoolExecutor(1) as threads, context.in_retailer(live_retailer):
        api = Api(live_retailer, ApiKey.objects.create_key(name="test", scope=Scope.WRITE)[1])
        factories.campaign("welcome")
        with transaction.atomic(), acting.acting("Ana", "user:1", "console"):
            _hold_back(0.1)
            second = threads.submit(_rename, api)
            _wait_for_somebody_waiting()
        refused = second.result(timeout=20)
        campaign = Campaign.objects.get(key="welcome")
    assert problem(refused) == (409, [("", "conflict")])
    assert refused.json()["changed_by"] == "Ana"
    assert [each["label"] for each in refused.json()["changes"]] == ["Hold back"]
    assert (campaign.name, campaign.draft_number) == ("Welcome", 2)


def test_version_published_is_the_draft_that_was_read(
    live_retailer: Retailer, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), ThreadPoolExecutor(1) as threads, context.in_retailer(live_retailer):
        api = Api(live_retailer, ApiKey.objects.create_key(name="test", scope=Scope.WRITE)[1])
        factories.campaign("welcome")
        with transaction.atomic():
            _hold_back(0.1)
            second = threads.submit(_publish, api)
            _wait_for_somebody_waiting()
        refused = second.result(timeout=20)
        campaign = Campaign.objects.get(key="welcome")
    assert problem(refused) == (412, [("", "changed_meanwhile")])
    assert campaign.live is None


def _hold_back(share: float) -> None:
    campaign = Campaign.objects.get(key="welcome")
    configuration.save_draft(factories.config(audience={"include": {"all": []}, "holdout": share}), campaign=campaign)


def _rename(api: Api) -> Answer:
    try:
        return api.patch(PATH, {"name": "Good day"})
    finally:
        connections.close_all()


def _publish(api: Api) -> Answer:
    try:
        return api.post(f"{PATH}publish/", if_match='"1"')
    finally:
        connections.close_all()


def _wait_for_somebody_waiting() -> None:
    """Until another connection waits for a row of ours."""
    with connection.cursor() as cursor:
        while not _is_awaited(cursor):
            cursor.execute("SELECT pg_sleep(0.01)")


def _is_awaited(cursor: Any) -> bool:
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    )
    return bool(cursor.fetchone()[0])
