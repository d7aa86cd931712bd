"""Our way: retailers, their customers and a campaign each, in the hands of real workers; and what the ledger and the
mail server must say afterwards.
"""

from __future__ import annotations

import email.policy
import html
import re
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings
from django.utils import timezone

from campaigns import configuration, content, ingest
from campaigns.models import Brand, Campaign, Run, Template
from delivery import identity, pipeline, preferences, reports, tracking
from delivery.models import Message
from tenants import bell, context, provisioning
from tenants.models import AgendaItem, Retailer
from tests.benchmarks import usage, workload
from tests.benchmarks.figures import Measured, NoFigures
from tests.benchmarks.installation import Process
from tests.benchmarks.sink import SinkProcess
from tests.benchmarks.workload import Source

SAMPLE = 50  # mails read closely before anything is measured
_INGEST = 1000  # customers per call
_LOOK_EVERY = 0.05  # seconds
_SAY_EVERY = 5.0
_LEDGER_CHUNK = 50_000
_SLOWEST = 20  # messages/s, below which a run counts as stuck

Person = dict[str, Any]


def provision(tenants: int) -> list[Retailer]:
    token = secrets.token_hex(3)
    return [provisioning.provision(f"bench-{token}-{n}", name=f"Bench {n}").retailer for n in range(1, tenants + 1)]


def remove(retailers: Sequence[Retailer]) -> None:
    """The database may be somebody's own: leave nothing behind."""
    for retailer in retailers:
        provisioning.remove(retailer)


def fill(retailer: Retailer, source: Source, people: Iterator[Person]) -> None:
    """Customers, brand, template, and the campaign to everybody."""
    take_in(retailer, people)
    with context.in_retailer(retailer):
        brand = content.brand()
        Brand.objects.filter(pk=brand.pk).update(
            from_name="Example Shop", from_email="news@news.example.com", website="https://shop.example.com"
        )
        ours = workload.in_our_language(source)
        template = Template.objects.create(
            key="picks", name="Picks", subject=ours.subject, html=ours.html, text=ours.text
        )
        content.publish(template)
        configuration.save_draft(_config("everybody", {"all": []}))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE campaigns_customer")  # autovacuum would come along in the midst of things


def take_in(retailer: Retailer, people: Iterator[Person]) -> None:
    """Customers alone."""
    with context.in_retailer(retailer):
        while chunk := list(islice(people, _INGEST)):
            results = ingest.upsert_customers([workload.customer(person) for person in chunk], now=timezone.now())
            refused = [result.problems for result in results if result.problems]
            if refused:
                raise ValueError(f"Customers of the workload are refused: {refused[0]}")


def read_sample(retailer: Retailer, people: Sequence[Person]) -> None:
    """Send a share of the mails from here and read them closely. Raises NoFigures with what is wrong with them."""
    by_address = {person["email"]: person for person in people}
    with (
        tempfile.TemporaryDirectory() as folder,
        SinkProcess(spool=Path(folder) / "mails") as sink,
        override_settings(EMAIL_URL=sink.url),
        context.in_retailer(retailer),
    ):
        run = _launch_share("sample", SAMPLE / len(people))
        pipeline.work(seconds=60, retailer=retailer)
        if not _is_complete(retailer, run):
            raise NoFigures(f"The sample is not sent: {_left_over([retailer])}")
        mails = list(sink.messages())
        if not mails:
            raise NoFigures(f"The sample has no mail in it: {reports.report(run).reasons}")
        wrong = [problem for got, raw in mails for problem in _wrong(raw, by_address[got.recipient], retailer)]
    if wrong:
        raise NoFigures("\n".join(["The sample is not right:", *wrong[:20]]))


class Engine:
    """The workers of an installation, and what counts as their work."""

    def __init__(self, processes: Sequence[Process], *, workers: int, postgres: int | None) -> None:
        self._processes = processes
        self._workers = workers
        self._counted = [*(process.pid for process in processes), *filter(None, [postgres])]

    def warm_up(self, retailer: Retailer, customers: int) -> None:
        """A run of a batch or so per worker, found by the clock: then all have started. Raises NoFigures."""
        with context.in_retailer(retailer):
            run = _launch_share("warm-up", self._workers * 500 / customers)
        self._wait({retailer: run}, seconds=90)
        bell.ring()  # the first time, it connects to the broker

    def send(self, retailers: Sequence[Retailer], messages: int) -> tuple[Measured, Mapping[Retailer, Run]]:
        """From launching to the completion of every retailer's run. Raises NoFigures."""
        begun, cpu_s = time.perf_counter(), self._cpu_s()
        runs = {}
        for retailer in retailers:
            with context.in_retailer(retailer):
                campaign = Campaign.objects.get(key="everybody")
                runs[retailer] = configuration.launch(campaign, by="benchmark", now=timezone.now())
        bell.ring(times=self._workers)
        self._wait(runs, seconds=60 + messages / _SLOWEST)
        return Measured(messages, time.perf_counter() - begun, self._cpu_s() - cpu_s), runs

    def peak_rss_mb(self) -> float:
        """Of the worker process that held the most."""
        return usage.peak_rss_mb(process.pid for process in self._processes)

    def _wait(self, runs: Mapping[Retailer, Run], *, seconds: float) -> None:
        begun = said = time.monotonic()
        waiting = list(runs.items())
        while waiting:
            if _is_complete(*waiting[-1]):  # all have to be: looking at one at a time costs least
                waiting.pop()
                continue
            time.sleep(_LOOK_EVERY)
            now = time.monotonic()
            if now - said > _SAY_EVERY:
                said = now
                print(f"    {AgendaItem.objects.filter(retailer__in=list(runs)).count()} batches left", flush=True)
            if now - begun > seconds or any(process.has_ended for process in self._processes):
                words = [process.last_words for process in self._processes]
                raise NoFigures("\n".join([f"{len(waiting)} runs are not completed.", _left_over(runs), *words]))

    def _cpu_s(self) -> float:
        return usage.cpu_seconds(self._counted) + time.process_time()


@contextmanager
def running(
    *, email_url: str, workers: int, postgres: int | None, private: bool = False, app: str = "marketing"
) -> Iterator[Engine]:
    """Celery workers and their clock, as `manage.py up` starts them. Postgres is counted with them.

    `private`: retailers' own providers may stand in this machine. `app` is what the workers serve.
    """
    celery = [sys.executable, "-W", "ignore:::celery.platforms", "-m", "celery", "--quiet"]
    quiet = ["--loglevel", "WARNING"]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    commands = {
        "worker": [*celery, "-A", app, "worker", "--concurrency", str(workers), *quiet, *alone],
        "beat": [*celery, "-A", "marketing", "beat", *quiet, "--pidfile="],
    }
    env = {"EMAIL_URL": email_url} | ({"ALLOW_PRIVATE_ADDRESSES": "1"} if private else {})
    started = [Process(command, env=env, name=name) for name, command in commands.items()]
    try:
        yield Engine(started, workers=workers, postgres=postgres)
    finally:
        for process in started:  # together, so that slow ones do not queue up
            process.ask_to_stop()
        for process in started:
            process.stop()


def postgres_pid() -> int | None:
    """The server's main process; None when it does not run on this machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = int(cursor.fetchone()[0])
    return usage.parent_of(backend) if usage.name_of(backend).startswith("postgres") else None


def check(runs: Mapping[Retailer, Run], sink: SinkProcess, addresses: set[str]) -> tuple[int, int, list[str]]:
    """Duplicates, lost, and complaints about the ledger: every row must be an accepted message that arrived once."""
    received = sink.received()
    reached = Counter(each.recipient for each in received)
    complaints: list[str] = []
    unseen = Counter(each.key for each in received)
    for retailer, run in runs.items():
        with context.in_retailer(retailer):
            run.refresh_from_db()
            report = reports.report(run)
            unseen.subtract(_public_ids(retailer, run))
        if not report.balances or report.states != {"accepted": report.messages}:
            complaints.append(f"{retailer.slug}: {report.states}, balances: {report.balances}, {report.reasons}")
    if any(unseen.values()):
        complaints.append(f"{sum(map(abs, unseen.values()))} differences between the ledger's keys and the sink's")
    strangers = reached.keys() - addresses
    if strangers:
        complaints.append(f"{len(strangers)} mails to nobody we know, such as {min(strangers)}")
    return len(received) - len(reached), len(addresses - reached.keys()), complaints


def _config(key: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": key,
        "name": key.title(),
        "trigger": {"kind": "api"},
        "audience": {"include": rule},
        "steps": [{"key": "first", "channel": "email", "template": "picks"}],
    }


def _launch_share(key: str, share: float) -> Run:
    campaign = configuration.save_draft(_config(key, {"sample": min(1.0, share)}))
    return configuration.launch(campaign, by="benchmark", now=timezone.now())


def _is_complete(retailer: Retailer, run: Run) -> bool:
    """Asked many times a second, of processors that are measured: one statement, without acting for the retailer."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT state, reason FROM "{retailer.schema_name}".campaigns_run WHERE id = %s', [run.pk])
        state, reason = cursor.fetchone()
    if state in (Run.State.PAUSED, Run.State.FAILED):
        raise NoFigures(f"The run of {retailer.slug} is {state}: {reason}")
    return bool(state == Run.State.COMPLETED)


def _left_over(retailers: Iterable[Retailer]) -> str:
    items = AgendaItem.objects.filter(retailer__in=list(retailers))
    errors = items.exclude(error="").values_list("kind", "error")[:3]
    return f"{items.count()} items are left on the agenda; errors: {list(errors) or 'none'}"


def _public_ids(retailer: Retailer, run: Run) -> Iterator[str]:
    name = identity.public_ids(retailer)
    numbers = Message.objects.filter(run=run).values_list("pk", flat=True)
    return map(name, numbers.iterator(chunk_size=_LEDGER_CHUNK))


def _wrong(raw: bytes, person: Person, retailer: Retailer) -> list[str]:
    """What is wrong with one mail as it arrived."""
    mail = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(raw)
    text, page = (_part(mail, kind) for kind in ("plain", "html"))
    hits = [
        tracking.read_click(retailer, html.unescape(said)) for said in re.findall(r'href="[^"]*/t/c/([^"]+)"', page)
    ]
    links = [hit.url for hit in hits if hit.link] + re.findall(r'src="(https://t\.example\.com/[^"]+)"', page)
    unsubscribe = str(mail["List-Unsubscribe"]).strip("<>")
    token = unsubscribe.rpartition("/")[2]
    name = f"{person['first_name']} {person['last_name']}"
    expected = {
        "the recipient": mail["To"] == person["email"],
        "the name in the text": name in text,
        "the name in the page": name in html.unescape(page),
        "the subject": person["first_name"] in mail["Subject"] and person["city"] in mail["Subject"],
        "links of their own": len(links) == len(set(links)) == 8 and all(person["recipient_id"] in x for x in links),
        "the unsubscribe link": unsubscribe in html.unescape(page) and unsubscribe in text,
        "whom that link names": preferences.recipient(retailer, token).address == person["email"],
        "the products": all(product["name"] in text for product in person["products"]),
        "the size": 6_000 < len(raw) < 12_000,
    }
    return [f"{person['email']}: not right: {what}" for what, is_right in expected.items() if not is_right]


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""
