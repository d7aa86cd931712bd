"""The host decides the retailer, and an unknown one gets nothing."""

from __future__ import annotations

from django.test import Client


def test_unknown_host_gets_a_page_that_says_so(db: None) -> None:
    response = Client(headers={"host": "nobody.localhost"}).get("/admin/")
    assert response.status_code == 404
    assert "nobody.localhost" in response.content.decode()
