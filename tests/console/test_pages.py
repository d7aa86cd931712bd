"""Every page of both consoles opens, within a bound of queries, and only on the host it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.sites import AdminSite
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from pytest_django import DjangoAssertNumQueries

from campaigns import attributes, configuration, content, ingest, suppressions
from campaigns.importing import uploads
from campaigns.models import Run, SeedList, Segment
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.providers import accounts
from delivery.warmup import acts
from tenants import agenda, context
from tenants.accounts.models import ApiKey, Role, User
from tenants.console import platform_console, retailer_console
from tenants.models import Group, Retailer
from tests import factories, statements

MOST_QUERIES = 40  # of one page, whatever there is to show; most take a third
RETAILER_PAGES = sorted(model._meta.label_lower for model in retailer_console._registry)
PLATFORM_PAGES = sorted(model._meta.label_lower for model in platform_console._registry)


@pytest.fixture
def busy_acme(at_acme: Retailer, outbox: MemoryChannel) -> Iterator[Retailer]:
    """Acme with something in every list."""
    content.brand()
    factories.customers(60)
    factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    SeedList.objects.create(key="team", name="Team", addresses=["ana@acme.example"])
    suppressions.put(channel="email", address="gone@example.test", reason="manual", source="")
    ingest.upsert_products([{"sku": "s1", "name": "Loaf"}], now=timezone.now())
    ApiKey.objects.create_key(name="Till")
    attributes.declare("tier", type="text")
    uploads.receive(ContentFile(b"id\nc1\n", name="people.csv"), kind="customers", by="Ana")
    accounts.save({"key": "first", "channel": "sms", "kind": "memory"})
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    configuration.launch(factories.campaign("open"), by="test", now=timezone.now())
    acts.begin("shop.example", now=timezone.now())
    return at_acme


@pytest.fixture
def busy_platform(acme: Retailer, globex: Retailer) -> None:
    """The platform with something in every list."""
    Group.objects.create(key="north", name="North")
    agenda.put(acme, "run", 1)
    suppressions.platform.add(suppressions.one("email", "gone@example.test"), reason="legal", source="")
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    CrontabSchedule.objects.create()
    PeriodicTask.objects.create(name="tick", task="delivery.tasks.tick", interval=every)


def pages(site: AdminSite, label: str) -> list[str]:
    """List, form of a new one and page of an existing one, as far as the screen offers them."""
    model, screen = next((m, screen) for m, screen in site._registry.items() if m._meta.label_lower == label)
    name = label.replace(".", "_")
    found = [reverse(f"admin:{name}_changelist")]
    request: Any = RequestFactory().get("/")
    request.user = User(role=Role.ADMIN, is_staff=True)
    if screen.has_add_permission(request):
        found.append(reverse(f"admin:{name}_add"))
    newest = model._default_manager.order_by("pk").first()
    assert newest is not None, f"the test has no {label} to open"
    return [*found, reverse(f"admin:{name}_change", args=[newest.pk])]


@pytest.mark.parametrize("label", RETAILER_PAGES)
def test_retailers_page_opens_within_the_bound(
    label: str, busy_acme: Retailer, ana: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for path in pages(retailer_console, label):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert ana.get(path, follow=True).status_code == 200, path


@pytest.mark.urls("marketing.urls_public")
@pytest.mark.parametrize("label", PLATFORM_PAGES)
def test_platforms_page_opens_within_the_bound(
    label: str, busy_platform: None, staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for path in pages(platform_console, label):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert staff.get(path).status_code == 200, path


def test_overview_shows_what_runs_and_what_ran(
    busy_acme: Retailer, ana: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(MOST_QUERIES):
        page = ana.get("/admin/")
    assert [each["run"].campaign.key for each in page.context["open_runs"]] == ["open"]
    assert [(each["accepted"], each["messages"]) for each in page.context["last_runs"]] == [(60, 60)]
    assert page.context["people"] == {"all": 60, "reachable": 60}


def test_overview_of_a_new_retailer_says_what_to_do_first(at_acme: Retailer, ana: Client) -> None:
    page = ana.get("/admin/")
    assert [step["title"] for step in page.context["steps"] if not step["is_done"]] == [
        "Say who you are", "Import customers", "Create a segment", "Write a template", "Create a campaign", "Launch it"
    ]  # fmt: skip


def test_fleet_lists_the_open_runs_of_all_retailers(staff: Client, busy_acme: Retailer, globex: Retailer) -> None:
    with context.in_retailer(globex):
        factories.customers(1)
        configuration.launch(factories.campaign("elsewhere"), by="test", now=timezone.now())
    page = staff.get("/admin/")
    found = [(each["retailer"].slug, each["campaign"]) for each in page.context["open_runs"]]
    assert found == [("acme", "Open"), ("globex", "Elsewhere")]


@pytest.mark.parametrize("name", ["campaign", "segment", "customer", "message", "run", "template"])
def test_lists_take_as_many_queries_for_many_rows_as_for_few(
    name: str,
    at_acme: Retailer,
    outbox: MemoryChannel,
    ana: Client,
) -> None:
    def fill(number: int) -> None:
        for n in range(number, number + 3):
            factories.segment(f"s{n}", {"all": []})
            factories.template(f"t{n}")
            factories.customers(3, first=3 * n)
            configuration.launch(factories.campaign(f"c{n}"), by="test", now=timezone.now() + timedelta(seconds=n))
        pipeline.work(seconds=20)

    path = f"/admin/{'delivery' if name == 'message' else 'campaigns'}/{name}/"
    fill(0)
    ana.get(path)
    with CaptureQueriesContext(connection) as few:
        ana.get(path)
    fill(10)
    with CaptureQueriesContext(connection) as many:
        ana.get(path)
    assert len(statements.of(many)) == len(statements.of(few))


def test_retailers_host_has_no_page_of_the_platform(acme: Retailer, ana: Client) -> None:
    for label in set(PLATFORM_PAGES) - set(RETAILER_PAGES):
        assert ana.get(f"/admin/{label.replace('.', '/')}/").status_code == 404, label
    assert ana.get("/inbox/").status_code == 404


def test_platforms_host_has_no_page_of_a_retailer(staff: Client) -> None:
    for label in set(RETAILER_PAGES) - set(PLATFORM_PAGES):
        assert staff.get(f"/admin/{label.replace('.', '/')}/").status_code == 404, label


def test_sites_share_no_table_but_people_and_the_trail() -> None:
    assert set(RETAILER_PAGES) & set(PLATFORM_PAGES) == {"accounts.auditentry", "accounts.user"}


def test_session_of_one_retailer_says_nothing_to_another(
    acme: Retailer, globex: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    ana = marketer(acme)
    for host in ("globex.localhost", "localhost"):
        assert ana.get("/admin/", headers={"host": host})["Location"].startswith("/admin/login/"), host
        assert ana.get("/admin/accounts/user/", headers={"host": host})["Location"].startswith("/admin/login/"), host


def test_visitor_without_a_session_sees_the_login_only(acme: Retailer) -> None:
    visitor = Client(headers={"host": "acme.localhost"})
    for path in ("/admin/", "/admin/campaigns/run/1/progress/", "/admin/campaigns/segment/1/count/"):
        assert visitor.get(path)["Location"].startswith("/admin/login/"), path
    assert visitor.post("/admin/campaigns/segment/try/")["Location"].startswith("/admin/login/")


def test_nobody_changes_anything_by_following_a_link(busy_acme: Retailer, ana: Client) -> None:
    for path in ("campaigns/run/2/cancel", "campaigns/run/2/pause", "campaigns/campaign/1/publish"):
        assert ana.get(f"/admin/{path}/").status_code == 405, path


def test_menu_of_a_retailer_leads_only_to_pages_that_are_there(acme: Retailer, ana: Client) -> None:
    assert {ana.get(link, follow=True).status_code for link in menu(ana)} == {200}


@pytest.mark.urls("marketing.urls_public")
def test_menu_of_the_platform_leads_only_to_pages_that_are_there(staff: Client) -> None:
    assert {staff.get(link).status_code for link in menu(staff)} == {200}


def menu(client: Client) -> list[str]:
    groups = client.get("/admin/").context["sidebar_navigation"]
    return [str(item["link"]) for group in groups for item in group["items"]]


def test_page_loads_no_script_that_the_policy_forbids(busy_acme: Retailer, ana: Client) -> None:
    segment, run = Segment.objects.get(), Run.objects.latest("pk")
    for path in (
        "/admin/",
        *(f"/admin/campaigns/{each._meta.model_name}/{each.pk}/change/" for each in (segment, run)),
    ):
        page = ana.get(path)
        assert page.status_code == 200, path
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy.split("; ")
        scripts = page.content.decode().split("<script")[1:]
        assert all("src=" in tag.split(">")[0] or "application/json" in tag.split(">")[0] for tag in scripts), path
