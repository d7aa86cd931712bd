from __future__ import annotations

import signal
import socket
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.ascode import base_files
from marketing import database
from marketing.processes import KeepsEnding, Processes
from tenants import addresses


class Command(BaseCommand):
    help = "Run everything in the foreground: embedded services, workers, scheduler, poll and web. Ctrl-C stops it all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
        parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")

    def handle(self, **options: Any) -> None:
        check_port(options["host"], options["port"])
        settings.PUBLIC_PORT = options["port"]
        if database.migrate():
            self.stdout.write("Database brought up to date.")
        if installed := base_files.install("up"):
            self.stdout.write(f"Base templates installed: {', '.join(base.key for base in installed)}.")
        stopped = stop_event()
        processes = Processes(port=options["port"], workers=options["workers"], host=options["host"])
        try:
            processes.start()
            self.stdout.write(f"Platform console: {addresses.platform_url()}/admin/   (Ctrl-C stops everything)")
            processes.watch(stopped)
        except KeepsEnding as problem:
            raise CommandError(str(problem)) from problem
        finally:
            processes.stop()
        self.stdout.write("Stopped.")


def stop_event() -> threading.Event:
    """Set by SIGINT or SIGTERM."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            cure = "stop what listens there or choose another with --port"
            raise CommandError(f"Port {port} cannot be used ({error.strerror}): {cure}.") from error
