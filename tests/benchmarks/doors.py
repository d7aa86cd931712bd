"""The doors that rows come in by: the import command, and the API as a server in production answers it."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tenants import context
from tenants.accounts.models import ApiKey, Scope
from tenants.models import Retailer
from tests.benchmarks import waiting
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.installation import Process
from tests.benchmarks.rows import Kind

CALLERS = 4  # at once, each with a connection that it keeps
PATHS = {"customers": "/api/v1/customers/bulk/", "events": "/api/v1/events/"}
_PORT = 8765
_ANSWERS_WITHIN = 60.0
_IMPORTS_WITHIN = 900.0


def command(retailer: Retailer, kind: Kind, path: Path) -> tuple[float, dict[str, Any]]:
    """Seconds of an import from its start to its end, and its own summary.

    Raises NoFigures where it fails, or takes so long that something must be wrong.
    """
    begun = time.perf_counter()
    process = Process(
        [sys.executable, "manage.py", f"import_{kind}", retailer.slug, str(path), "--json"], env={}, name="import"
    )
    while not process.has_ended:
        if time.perf_counter() - begun > _IMPORTS_WITHIN:
            process.stop()
            raise NoFigures(f"import_{kind} of {path} takes longer than {_IMPORTS_WITHIN:.0f} s.")
        time.sleep(0.02)
    seconds = time.perf_counter() - begun
    try:
        return seconds, json.loads(process.last_words.splitlines()[-1])
    except (IndexError, ValueError):
        raise NoFigures(f"import_{kind} says: {process.last_words}") from None


class Server:
    """Somebody's key to a retailer's API, and the server that answers."""

    def __init__(self, retailer: Retailer, process: Process) -> None:
        with context.in_retailer(retailer):
            key = ApiKey.objects.create_key(name="benchmark", scope=Scope.INGEST)[1]
        self._headers = {
            "Host": f"{retailer.slug}.localhost", "Authorization": f"Api-Key {key}", "Content-Type": "application/json",
        }  # fmt: skip
        self._process = process
        self.pid = process.pid

    def await_answer(self) -> None:
        """Raises NoFigures."""
        waiting.await_answer(self._process, _PORT)

    def call(self, kind: Kind, bodies: Path, *, seconds: float) -> tuple[float, int]:
        """Several callers at once, for so long or until all is sent: the time until the last answer, and the calls.

        Raises NoFigures for an answer that tells of anything but success.
        """
        begun = time.perf_counter()
        with bodies.open("rb") as file, ThreadPoolExecutor(CALLERS) as pool:
            shared = _Shared(file, begun + seconds)
            done = [pool.submit(self._caller, PATHS[kind], shared) for _ in range(CALLERS)]
            calls = sum(each.result() for each in done)
        return time.perf_counter() - begun, calls

    def _caller(self, path: str, shared: _Shared) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", _PORT, timeout=_ANSWERS_WITHIN)
        connection.connect()
        calls = 0
        while body := shared.next_body():
            connection.request("POST", path, body, self._headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != http.HTTPStatus.OK or b'"rejected":' in said:
                raise NoFigures(f"{path} answers {answer.status}: {said[:1000].decode()}")
            calls += 1
        connection.close()
        return calls


class _Shared:
    """Bodies that several callers take turns to take, until a moment."""

    def __init__(self, file: IO[bytes], until: float) -> None:
        self._file, self._until, self._lock = file, until, threading.Lock()

    def next_body(self) -> bytes:
        with self._lock:
            return self._file.readline() if time.perf_counter() < self._until else b""


@contextmanager
def serving(retailer: Retailer) -> Iterator[Server]:
    """As deploy/README.md has it for two cores."""
    web = [sys.executable, "-m", "gunicorn", "marketing.wsgi", "--bind", f"127.0.0.1:{_PORT}"]
    options = ["--threads", "8", "--workers", "2", "--log-level", "warning", "--no-control-socket"]
    process = Process([*web, *options], env={}, name="web")
    try:
        server = Server(retailer, process)
        server.await_answer()
        yield server
    finally:
        process.stop()
