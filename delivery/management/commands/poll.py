from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections, reset_queries

from delivery import pipeline

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Carry on with what is overdue, without the broker. One of these beside the workers is enough."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=2.0, help="seconds between looks (default 2)")

        parser.add_argument("--overdue-by", type=float, default=3.0, help="seconds left to the workers (default 3)")

    def handle(self, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.wait(options["every"]):
            close_old_connections()
            try:
                while not stopped.is_set() and pipeline.work(seconds=1.0, overdue_by=options["overdue_by"]):
                    reset_queries()  # which development keeps, with all their rows
            except (OperationalError, InterfaceError) as error:  # it is there to carry on: also when the server is back
                logger.warning("The database is away (%s): looking again.", str(error).strip())
