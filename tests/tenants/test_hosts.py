"""The host decides the retailer, and an unknown one gets nothing."""

from __future__ import annotations

from django.test import Client

from tenants.models import Retailer


def test_unknown_host_gets_a_page_that_says_so(db: None) -> None:
    response = Client(headers={"host": "nobody.localhost"}).get("/admin/")
    assert response.status_code == 404
    assert "nobody.localhost" in response.content.decode()


def test_bare_address_leads_to_the_console(acme: Retailer) -> None:
    for host in ("acme.localhost", "localhost"):
        response = Client(headers={"host": host}).get("/")
        assert (response.status_code, response["location"]) == (302, "/admin/")


def test_hosts_that_are_none_are_refused(acme: Retailer) -> None:
    answers = {
        host: Client(headers={"host": host}).get("/admin/login/").status_code
        for host in ("ACME.localhost", "acme.localhost.", "acme.localhost:8000", "a b", "acme.localhost/", "127.0.0.1")
    }
    assert answers == {
        "ACME.localhost": 200,
        "acme.localhost.": 200,
        "acme.localhost:8000": 200,
        "a b": 400,
        "acme.localhost/": 400,
        "127.0.0.1": 404,
    }
