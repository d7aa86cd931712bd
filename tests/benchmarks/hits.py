"""Opens and clicks of messages that are there, and what the table of signals then holds of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone

from campaigns import configuration
from delivery.identity import Signer
from delivery.models import Link, Signal
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.benchmarks.installation import Process
from tests.benchmarks.storm import Answered
from tests.benchmarks.waiting import await_answer

PORT = 8766
_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
ACKNOWLEDGED = (200, 302)
_OURS = "marketing.settings", "marketing.wsgi"
_PATIENT = "marketing.settings", "tests.benchmarks.patient_wsgi"
_NAIVE = "tests.benchmarks.naive_settings", "tests.benchmarks.naive_wsgi"


def send(retailer: Retailer, messages: int) -> list[int]:
    """The numbers of messages as they stand in the ledger, all of one run."""
    with context.in_retailer(retailer), connection.cursor() as cursor:
        run = configuration.launch(factories.campaign(), by="benchmark", now=timezone.now())
        cursor.execute(_MESSAGES, [run.pk, messages])
        return [row[0] for row in cursor.fetchall()]


def requests(retailer: Retailer, messages: Sequence[int]) -> list[bytes]:
    """An open of every message and a click on its one link, by turns."""
    with context.in_retailer(retailer):
        link = Link.objects.create(
            digest="00000000-0000-0000-0000-000000000001", template_hash="0" * 64, variant="a", number=1,
            url="https://shop.example/wine?utm_source=news",
        )  # fmt: skip
    signer = Signer(retailer, "click")
    ref = signer.ref(link.pk)
    made = list[bytes]()
    for number in messages:
        tokens = signer.tokens(number)
        made += (_request(retailer, f"/t/o/{tokens.open}"), _request(retailer, f"/t/c/{tokens.click}.{ref}"))
    return made


def lost(retailer: Retailer, messages: Sequence[int], answered: Answered) -> int:
    """How many were acknowledged and are not in the table."""
    with context.in_retailer(retailer):
        kept = set(Signal.objects.values_list("message_id", "kind"))
    acknowledged = {
        (messages[number // 2], "click" if number % 2 else "open")
        for number, status in answered.statuses.items()
        if status in ACKNOWLEDGED
    }
    return len(acknowledged - kept)


def forget(retailer: Retailer) -> None:
    with context.in_retailer(retailer), connection.cursor() as cursor:
        cursor.execute("TRUNCATE delivery_signal")


@contextmanager
def serving(*, workers: int = 2, is_naive: bool = False, is_patient: bool = False) -> Iterator[Process]:
    """As deploy/README.md has it for two cores. Raises NoFigures."""
    settings, application = _NAIVE if is_naive else _PATIENT if is_patient else _OURS
    web = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{PORT}"]
    options = ["--threads", "8", "--workers", str(workers), "--log-level", "warning", "--no-control-socket"]
    process = Process([*web, *options], env={"DJANGO_SETTINGS_MODULE": settings}, name="web")
    try:
        await_answer(process, PORT)
        yield process
    finally:
        process.stop()


def _request(retailer: Retailer, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {retailer.slug}.localhost\r\nUser-Agent: {_AGENT}\r\n\r\n".encode()


_MESSAGES = """
INSERT INTO delivery_message (run_id, batch_id, member_id, customer_id, step, channel, variant, position, send_at,
                              state, template_hash)
SELECT %s, 1, n, n, 'first', 'email', 'a', n %% 500, now(), 'accepted', repeat('0', 64) FROM generate_series(1, %s) n
RETURNING id
"""
