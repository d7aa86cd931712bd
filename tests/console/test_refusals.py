"""What stands where nothing can be shown: a page of our own that says what to do, whatever the reason."""

from __future__ import annotations

from django.test import Client, RequestFactory
from django.views import defaults

from tenants.accounts.models import Role
from tenants.models import Retailer
from tests.console.people import colleague


def test_what_nobody_may_do_is_said_with_a_way_back(at_acme: Retailer) -> None:
    answer = colleague(at_acme, Role.ADMIN).get("/admin/campaigns/run/add/")
    assert answer.status_code == 403
    assert "Not yours to do" in answer.content.decode()
    assert 'href="/admin/"' in answer.content.decode()


def test_an_address_that_leads_nowhere_is_said_to(at_acme: Retailer) -> None:
    for path, is_of_the_console in (("/admin/nowhere/", True), ("/nowhere/", False)):
        answer = colleague(at_acme, Role.EDITOR).get(path)
        assert answer.status_code == 404
        assert "There is nothing at this address" in answer.content.decode()
        assert ('href="/admin/"' in answer.content.decode()) == is_of_the_console


def test_a_form_of_another_session_is_refused_with_the_cure(acme: Retailer) -> None:
    answer = Client(enforce_csrf_checks=True, headers={"host": "acme.localhost"}).post("/admin/login/", {})
    assert answer.status_code == 403
    assert "load the page anew" in answer.content.decode()


def test_what_breaks_tells_nobody_how() -> None:
    answer = defaults.server_error(RequestFactory().get("/admin/"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
