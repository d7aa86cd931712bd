"""Until a web server answers."""

from __future__ import annotations

import http.client
import time

from tests.benchmarks.figures import NoFigures
from tests.benchmarks.installation import Process

_STARTS_WITHIN = 60.0


def await_answer(process: Process, port: int) -> None:
    """Raises NoFigures."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline and not process.has_ended:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.1)
    raise NoFigures(f"The web server does not answer: {process.last_words}")
