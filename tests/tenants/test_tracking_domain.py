"""The host in links of messages: who may have it, what it serves, and what becomes of links on the one before."""

from __future__ import annotations

import contextlib
import json
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from tenants import addresses, context, domains
from tenants.accounts.models import AuditEntry
from tenants.models import Domain, Retailer
from tests.delivery.senders import server

HOST = "links.acme.example"


def told(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command("tracking_domain", *words, stdout=out, **options)
    return out.getvalue()


def status(host: str, path: str) -> int:
    return Client(headers={"host": host}).get(path).status_code


def test_links_are_on_the_host_that_was_set_last(acme: Retailer) -> None:
    assert told("acme") == "Links of new messages are on http://acme.localhost:8000\n"
    assert f"http://{HOST}:8000" in told("acme", "Links.ACME.example.")
    assert told("acme", "go.acme.example").splitlines() == [
        "Links of new messages are on http://go.acme.example:8000",
        f"Links of old messages still work on {HOST}",
    ]
    assert f"http://{HOST}:8000" in told("acme", HOST)  # back again
    assert domains.former(acme) == ["go.acme.example"]
    with context.in_retailer(acme):
        entry = AuditEntry.objects.latest("pk")
    assert (entry.before, entry.after) == ({"tracking_domain": "go.acme.example"}, {"tracking_domain": HOST})


def test_a_host_before_serves_links_until_it_is_given_up(acme: Retailer) -> None:
    told("acme", HOST)
    assert "on http://acme.localhost:8000" in told("acme", remove=True)
    bad = "/u/nobody"  # a page of ours says so; an unknown host knows no such page
    refused = Client(headers={"host": HOST}).get(bad).content
    assert b"unknown" not in refused
    assert refused == Client(headers={"host": "acme.localhost"}).get(bad).content
    assert HOST not in told("acme", HOST, remove=True)
    assert Client(headers={"host": HOST}).get(bad).content != refused
    assert not Domain.objects.filter(domain=HOST).exists()
    with pytest.raises(CommandError, match=r"is no tracking domain of acme. Of those: there is none"):
        told("acme", HOST, remove=True)
    with pytest.raises(CommandError, match="is no tracking domain of acme"):
        told("acme", "acme.localhost", remove=True)
    assert status("acme.localhost", "/admin/login/") == 200


@pytest.mark.parametrize("is_former", [False, True])
def test_it_serves_links_alone(acme: Retailer, is_former: bool) -> None:
    domains.track(acme, HOST)
    if is_former:
        domains.track(acme, "")
    paths = ("/", "/admin/", "/admin/login/", "/api/v1/", "/api/v1/runs/", "/login/", "/static/x.css", "/tx", "/t")
    assert {path: status(HOST, path) for path in paths} == dict.fromkeys(paths, 404)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("https://links.acme.example", "not a host name"),
        ("links.acme.example:8000", "not a host name"),
        ("links", "not a host name"),
        ("192.0.2.1", "not a host name"),
        ("*.acme.example", "not a host name"),
        ("a..example", "not a host name"),
        ("localhost", "not a host name"),
        ("console.example", "the platform's own address"),
        ("anybody.console.example", "can be the address of a retailer's console"),
        ("shop.globex.example", "belongs to another retailer"),
        ("links.globex.example", "belongs to another retailer"),
        ("shop.acme.example", "leads to this retailer's console"),
    ],
)
def test_not_every_host_will_do(acme: Retailer, globex: Retailer, settings: Settings, host: str, why: str) -> None:
    settings.BASE_DOMAIN = "console.example"
    for each, name in ((acme, "acme"), (globex, "globex")):
        Domain.objects.create(tenant=each, domain=f"shop.{name}.example", is_primary=False)
    domains.track(globex, "links.globex.example")
    domains.track(globex, "")  # its old links are on it
    with pytest.raises(CommandError, match=why):
        told("acme", host)
    with pytest.raises(ValidationError) as problem:
        domains.check(acme, host)
    assert list(problem.value.message_dict) == ["tracking_domain"]
    assert addresses.links_url(acme) == addresses.base_url(acme)


def test_staff_set_it_on_the_retailers_page(staff: Client, acme: Retailer) -> None:
    page = f"/admin/tenants/retailer/{acme.pk}/change/"
    given = {"name": acme.name, "group": "", "timezone": acme.timezone, "weight": "1"}
    assert staff.post(page, {**given, "tracking_domain": HOST}).status_code == 302
    assert f'value="{HOST}"' in staff.get(page).content.decode()
    assert domains.tracking(acme) == HOST
    refused = staff.post(page, {**given, "tracking_domain": "acme.localhost"})
    assert refused.status_code == 200
    assert "can be the address of a retailer" in refused.content.decode()
    assert domains.tracking(acme) == HOST
    assert staff.post(page, {**given, "tracking_domain": ""}).status_code == 302
    assert (domains.tracking(acme), domains.former(acme)) == ("", [HOST])


def test_doctor_says_where_links_lead_nowhere(acme: Retailer, settings: Settings) -> None:
    leads, dead = "links.bannerline-tests.dev", "old.bannerline-tests.dev"
    with server.serving({(leads, "AAAA"): ["2001:db8::1"]}) as served:
        settings.DNS_SERVER = f"127.0.0.1:{served.server_address[1]}"
        domains.track(acme, HOST)  # a reserved name
        domains.track(acme, leads)
        found = _links()
        assert found["status"] == "ok"
        assert found["message"] == (
            "1 tracking domains lead somewhere; 1 not looked up: reserved names, or DNS did not answer"
        )
        domains.track(acme, dead)
        domains.track(acme, leads)
        found = _links()
    assert found["status"] == "warning"
    assert f"no address in DNS: acme {dead}." in found["message"]


def _links() -> dict[str, Any]:
    out = StringIO()
    with contextlib.suppress(CommandError):
        call_command("doctor", json=True, stdout=out, stderr=StringIO())
    [found] = [each for each in json.loads(out.getvalue()) if each["check"] == "links"]
    return dict(found)
