"""The whole of it, as an integrator sees it: customers in, a campaign out by real SMTP, results back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from delivery import pipeline
from marketing.inbox import process
from marketing.inbox.store import Inbox
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, sound


@pytest.fixture
def inbox(tmp_path: Path, settings: Settings) -> Iterator[Inbox]:
    """A real mail server of this test's own, and what arrived there."""
    address = process.ensure(tmp_path)
    settings.EMAIL_URL = address.url
    with Inbox(tmp_path) as inbox:
        yield inbox
    process.stop(address.process)


def test_from_customers_to_report(api: Api, acme: Retailer, inbox: Inbox) -> None:
    people = [
        {"external_id": f"c{n}", "email": f"c{n}@example.test", "first_name": f"Ana{n}", "consent_email": n != 9}
        for n in range(20)
    ]
    assert api.post("customers/bulk/", {"customers": people}).json()["counts"] == {"created": 20}

    orders = [
        {
            "event_id": f"o{n}",
            "external_id": f"c{n}",
            "name": "order",
            "occurred_at": "2026-01-02T10:00:00Z",
            "value": n,
        }
        for n in range(12)
    ]
    assert api.post("events/", {"events": orders}).json()["counts"] == {"created": 12}

    buyers = {"event": "order", "sum": {"property": "value", "gte": 4}}
    assert api.post("segments/preview/", {"rule": buyers}).json()["count"] == 8
    api.post("segments/", {"key": "buyers", "name": "Buyers", "rule": buyers})

    template = {
        "key": "thanks",
        "name": "Thanks",
        "subject": "Thank you, {{ customer.first_name }}",
        "html": "<p>{{ content.line }}</p>" + factories.OUT,
    }
    assert api.post("templates/", template).status_code == 201
    assert api.post("templates/thanks/publish/").json()["number"] == 1

    campaign = {
        "key": "thanks",
        "name": "Thanks",
        "trigger": {"kind": "api"},
        "audience": {"include": {"segment": "buyers"}},
        "steps": [{
            "key": "only", "channel": "email", "template": "thanks",
            "variants": [{"key": "a", "content": {"line": "First"}}, {"key": "b", "content": {"line": "Second"}}],
        }],
    }  # fmt: skip
    assert api.post("campaigns/", campaign).status_code == 201
    assert sound(api, "thanks") == ["postal_address", "preheader"]
    preflight = api.post("campaigns/thanks/preflight/").json()
    assert (preflight["candidates"], preflight["included"], preflight["excluded"]) == (8, 7, {"no_consent": 1})
    api.post("suppressions/", {"address": "c5@example.test", "reason": "manual"})

    launched = api.post("campaigns/thanks/launch/", idempotency_key="thanks-1")
    assert launched.status_code == 202
    pipeline.work(seconds=20, retailer=acme)

    report = api.get("campaigns/thanks/report/").json()
    assert (report["state"], report["balances"], report["delivery_success"]) == ("completed", True, 1.0)
    assert (report["included"], report["excluded"]) == (6, {"suppressed": 1, "no_consent": 1})
    assert report["states"] == {"accepted": 6}
    assert sum(counts["accepted"] for counts in report["variants"]["only"].values()) == 6

    messages = api.get(f"runs/{report['id']}/messages/?state=accepted").json()["results"]
    mails = {mail.recipient: mail for mail in map(inbox.get, [row.id for row in inbox.latest(100)]) if mail}
    assert len(mails) == len(messages) == 6
    for message in messages:
        mail = mails[f"{message['external_id']}@example.test"]
        assert mail.subject == f"Thank you, Ana{message['external_id'].removeprefix('c')}"
        assert {"a": "First", "b": "Second"}[message["variant"]] in mail.html
        assert dict(mail.headers)["X-Bannerline-Message"] == message["id"]
