"""The cast: two retailers, Acme and Globex, stand in every database test, so that leaks show.

They are provisioned once per test process; an ordinary test runs in a transaction that is rolled back over all
schemas. A test of several processes uses `live_retailer`, whose rows are really committed and removed afterwards.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import setup_databases, teardown_databases
from hypothesis import settings as examples
from pytest_django import Settings

from delivery import providers
from delivery.channels.memory import MemoryChannel
from tenants import context, provisioning, roles
from tenants.accounts.models import ApiKey, Scope, User
from tenants.models import Retailer

# The same examples each time, and no clock: neither luck nor a busy machine fails a test. To look for new ones:
# `pytest --hypothesis-profile=default`.
examples.load_profile("ci")


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector is not to look through all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, django_db_modify_db_settings: None
) -> Iterator[None]:
    """A test database with the cast, whichever tests were chosen: never the installation's own."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        provisioning.provision("acme", name="Acme Foods", timezone="Europe/London")
        provisioning.provision("globex", name="Globex Outdoor", timezone="America/Denver")
    yield
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:  # a server or worker of a test may be slow to let go
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for retailer in Retailer.objects.all():
            roles.drop_reader(retailer.schema_name)  # it would outlive the database
        teardown_databases(made, verbosity=0)


@pytest.fixture(autouse=True)
def _back_to_the_platform() -> Iterator[None]:
    yield
    context.leave()


@pytest.fixture
def acme(db: None) -> Retailer:
    return context.find("acme")


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    """Acme, and the test acts for it."""
    with context.in_retailer(acme):
        yield acme


@pytest.fixture
def outbox(settings: Settings, acme: Retailer) -> MemoryChannel:
    """Where Acme's mail arrives, in memory."""
    settings.EMAIL_URL = "memory://acme"
    channel = providers.channel(acme, "email")
    assert isinstance(channel, MemoryChannel)
    channel.sent.clear()
    return channel


@pytest.fixture
def own_storage(settings: Settings, tmp_path: Path) -> None:
    """A storage of this test alone for the files that are brought."""
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES}  # a change of it makes storages look at MEDIA_ROOT again


@pytest.fixture
def globex(db: None) -> Retailer:
    return context.find("globex")


@pytest.fixture
def api_key(db: None) -> Callable[..., str]:
    """Makes a key: `api_key(acme, scope=Scope.READ)`."""

    def make(retailer: Retailer, scope: Scope = Scope.FULL) -> str:
        with context.in_retailer(retailer):
            return str(ApiKey.objects.create_key(name="test", scope=scope)[1])

    return make


@pytest.fixture
def marketer(db: None) -> Callable[[Retailer], Client]:
    """A signed-in browser on the retailer's console: `marketer(acme).get("/admin/")`."""

    def sign_in(retailer: Retailer) -> Client:
        client = Client(headers={"host": f"{retailer.slug}.localhost"})
        with context.in_retailer(retailer):
            client.force_login(User.objects.get(email=f"admin@{retailer.slug}.example"))
        return client

    return sign_in


@pytest.fixture
def staff(db: None) -> Client:
    """A signed-in browser on the platform's console."""
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("staff@platform.example"))
    return client


@pytest.fixture
def live_retailer(django_db_setup: None, django_db_blocker: Any) -> Iterator[Retailer]:
    """A retailer of this test alone, committed, for tests whose other processes must see its rows."""
    with django_db_blocker.unblock():
        retailer = provisioning.provision("initech", name="Initech Live").retailer
        try:
            yield retailer
        finally:
            provisioning.remove(retailer)
