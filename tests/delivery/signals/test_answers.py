"""Answers to text messages that come by a gateway of the retailer's own: STOP and START do what they say."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from django.test import Client

from campaigns.models import Facts, Suppression
from delivery import pipeline
from delivery.channels import standard_webhooks
from delivery.providers import accounts
from tenants import context
from tenants.models import Retailer
from tests import factories

SECRET = "whsec_" + base64.b64encode(b"a secret of more than sixteen bytes").decode()


@pytest.fixture
def gateway(at_acme: Retailer) -> Retailer:
    places = {"reply_text_path": "inbound.text", "reply_sender_path": "inbound.msisdn", "reply_id_path": "inbound.id"}
    accounts.save(
        {
            "key": "texts",
            "channel": "sms",
            "kind": "http_sms",
            "settings": {"url": "https://sms.example/", **places},
            "credentials": {"signing_secret": SECRET},
        }
    )
    return at_acme


def answered(retailer: Retailer, text: str, event: str, *, secret: str = SECRET, **more: Any) -> int:
    body = json.dumps({"inbound": {"text": text, "msisdn": "447700900123", "id": event}, **more}).encode()
    key = standard_webhooks.secret_bytes(secret)
    signed = standard_webhooks.headers(key, f"call-{event}", body, at=int(time.time()))
    with context.on_platform():
        answer = Client(headers={"host": "acme.localhost", **signed}).post(
            "/api/v1/signals/texts/", body, content_type="application/json"
        )
    with context.in_retailer(retailer):
        pipeline.work(seconds=20)
    return answer.status_code


def test_stop_and_start_come_by_a_gateway(gateway: Retailer) -> None:
    factories.customers(1, phone="+447700900123", consent_sms=True)
    assert answered(gateway, "What is this?", "0") == 200
    assert not Suppression.objects.exists()
    assert answered(gateway, "STOP", "1") == answered(gateway, "STOP", "1") == 200
    listed = Suppression.objects.get()
    assert (listed.channel, listed.address, listed.reason) == ("sms", "+447700900123", "unsubscribed")
    assert (Facts.objects.get().consent_sms, Facts.objects.get().suppressed_sms) == (False, True)
    assert answered(gateway, "start", "2", status="received") == 200
    assert not Suppression.objects.exists()
    assert (Facts.objects.get().consent_sms, Facts.objects.get().suppressed_sms) == (True, False)


def test_a_forged_answer_stops_nobody(gateway: Retailer) -> None:
    other = "whsec_" + base64.b64encode(b"a secret of somebody else, no less").decode()
    assert answered(gateway, "STOP", "1", secret=other) in (401, 403)
    assert not Suppression.objects.exists()
