"""The naive way, as tutorials put it together: one Celery task per message, Django templates, EmailMultiAlternatives,
a new connection per message, one row saved per message. Celery's and Django's own defaults throughout.

`celery -A tests.benchmarks.naive worker` serves it; its people, its ledger and its queue are its own.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import django
from celery import Celery
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection, models
from django.template import Context, Engine, Template

from tests.benchmarks import usage, workload
from tests.benchmarks.figures import Measured, NoFigures
from tests.benchmarks.installation import Process

django.setup()  # the models below need it, and a Celery worker imports this module before it does so itself

MAILS_WITHIN = 300.0  # seconds
_PORT = "NAIVE_SMTP_PORT"

# Not the current app: that one rings our own bell.
app = Celery("naive", broker=os.environ.get("CELERY_BROKER_URL"), set_as_current=False)
app.conf.update(task_default_queue="naive", task_ignore_result=True, broker_connection_retry_on_startup=True)


class Person(models.Model):
    data = models.JSONField()

    objects: ClassVar[models.Manager[Person]] = models.Manager()

    class Meta:
        app_label = "naive"

    def __str__(self) -> str:
        return f"person {self.pk}"


class Mail(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    status = models.CharField(max_length=10)
    sent_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Mail]] = models.Manager()

    class Meta:
        app_label = "naive"

    def __str__(self) -> str:
        return f"mail {self.pk}"


@app.task
def send_mail(person_id: int) -> None:
    person = Person.objects.get(pk=person_id)
    values = workload.values(person.data)
    subject, page, text = _templates()
    mail = EmailMultiAlternatives(
        subject.render(Context(values, autoescape=False)).strip(),
        text.render(Context(values, autoescape=False)),
        "Example Shop <news@news.example.com>",
        [values["email"]],
        headers={
            "X-Bannerline-Message": str(uuid.uuid4()),
            "List-Unsubscribe": f"<{values['unsub']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        connection=get_connection(
            "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=int(os.environ[_PORT])
        ),
    )
    mail.attach_alternative(page.render(Context(values)), "text/html")
    mail.send()
    Mail.objects.create(person=person, status="sent")


@cache
def _templates() -> tuple[Template, Template, Template]:
    """Compiled once per process: a template loader would cache them as well."""
    source, engine = workload.load().source, Engine()
    return engine.from_string(source.subject), engine.from_string(source.html), engine.from_string(source.text)


class Naive:
    """Tables and workers of the naive way, for as long as a `with` block of `running` lasts."""

    def __init__(self, worker: Process, postgres: int | None) -> None:
        self._worker = worker
        self._counted = [worker.pid, *filter(None, [postgres])]

    def send(self, people: Sequence[dict[str, Any]]) -> Measured:
        """One mail to each. Raises NoFigures."""
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE naive_mail, naive_person")
        made = Person.objects.bulk_create([Person(data=person) for person in people])
        begun, cpu_s = time.perf_counter(), self._cpu_s()
        for person in made:
            send_mail.delay(person.pk)
        while (sent := Mail.objects.count()) < len(people):
            if self._worker.has_ended or time.perf_counter() - begun > MAILS_WITHIN:
                raise NoFigures(f"The naive way sent {sent} of {len(people)} mails. {self._worker.last_words}")
            time.sleep(0.02)
        return Measured(len(people), time.perf_counter() - begun, self._cpu_s() - cpu_s)

    def _cpu_s(self) -> float:
        return usage.cpu_seconds(self._counted) + time.process_time()


@contextmanager
def running(*, port: int, workers: int, postgres: int | None) -> Iterator[Naive]:
    """Workers that send to that port. Their start is waited for by sending a mail or two before anything counts."""
    with connection.schema_editor() as editor:
        editor.create_model(Person)
        editor.create_model(Mail)
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tests.benchmarks.naive", "--quiet", "worker"]
    command += ["--concurrency", str(workers), "--hostname", "naive@localhost", "--loglevel", "ERROR"]
    worker = Process(command, env={_PORT: str(port)}, name="naive")
    try:
        yield Naive(worker, postgres)
    finally:
        worker.stop()
        with connection.schema_editor() as editor:
            editor.delete_model(Mail)
            editor.delete_model(Person)
