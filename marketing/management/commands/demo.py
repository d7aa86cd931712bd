from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from rich.console import Console

from marketing import database
from marketing.demo import banners, show
from marketing.management.commands.up import check_port, stop_event
from marketing.processes import KeepsEnding, Processes
from tenants.management.acting_command import ActingCommand

WORKERS_WITHIN = 20.0  # seconds
RUNS_WITHIN = 600.0


class Command(ActingCommand):
    help = "Show the whole product at work: retailers with customers and orders, a real campaign each, real mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--customers", type=int, default=2000, help="per retailer (default 2000)")
        parser.add_argument("--retailers", type=int, default=3, help="how many (default 3)")
        parser.add_argument("--exit", action="store_true", help="stop after the summary; exit 0 only if all went well")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo makes logins with a published password: it runs in development only.")
        if options["customers"] < 1 or options["retailers"] < 1:
            raise CommandError("--customers and --retailers must be at least 1.")
        check_port("127.0.0.1", options["port"])
        settings.PUBLIC_PORT = options["port"]
        stopped, console = stop_event(), Console()
        console.print("Getting the database ready ...")
        database.migrate()
        processes = Processes(port=options["port"], workers=2)
        try:
            processes.start()
            is_perfect = _perform(processes, console, customers=options["customers"], retailers=options["retailers"])
            if not options["exit"]:
                console.print("Serving until Ctrl-C.")
                processes.watch(stopped)
        except KeepsEnding as problem:
            raise CommandError(str(problem)) from problem
        finally:
            processes.stop()
        if not is_perfect:
            raise CommandError("Not every ledger balances with everyone accepted: see the table above.")


def _perform(processes: Processes, console: Console, *, customers: int, retailers: int) -> bool:
    chosen = banners.banners(retailers)
    made = show.prepare(chosen, customers=customers, console=console)
    processes.await_workers(seconds=WORKERS_WITHIN)
    scenes = show.launch(chosen, made)
    reported = show.watch(scenes, seconds=RUNS_WITHIN, console=console)
    console.print(show.summary(reported, scenes))
    console.print(show.directions(scenes), highlight=False, soft_wrap=True)
    return all(show.is_perfect(report) for report in reported)
