"""The demo as a terminal shows it: progress, the closing table, and where to look next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from campaigns import configuration
from campaigns.models import Run
from delivery import reports
from delivery.reports import Report
from marketing.demo import fill
from marketing.demo.banners import Banner
from tenants import addresses, bell, context
from tenants.models import Retailer

STAFF = "staff@bannerline.example"
LOOK_EVERY = 0.2  # seconds
CLOSED = (Run.State.COMPLETED, Run.State.CANCELLED, Run.State.FAILED, Run.State.PAUSED)


@dataclass(frozen=True)
class Scene:
    """One retailer of the demo and the run launched for it."""

    banner: Banner
    retailer: Retailer
    run: Run


def prepare(banners: Sequence[Banner], *, customers: int, console: Console) -> list[Retailer]:
    """Every retailer with its people, history, catalog, brand and campaign."""
    now, retailers = timezone.now(), []
    fill.policy()
    fill.bases()
    with _progress(console) as progress:
        for banner in banners:
            task = progress.add_task(f"{banner.name}: customers and orders", total=customers)
            retailer = fill.retailer(banner)
            with context.in_retailer(retailer):
                fill.history(banner, customers=customers, now=now, step=partial(progress.advance, task))
                fill.catalog(banner, now=now)
                fill.campaign(banner, now=now)
                fill.waiting_campaign(now=now)
            progress.update(task, completed=customers)
            retailers.append(retailer)
    fill.staff(STAFF)
    return retailers


def launch(banners: Sequence[Banner], retailers: Sequence[Retailer]) -> list[Scene]:
    """A new run for each retailer, all at once; the workers do the rest."""
    scenes = []
    for banner, retailer in zip(banners, retailers, strict=True):
        with context.in_retailer(retailer):
            now = timezone.now()
            run = configuration.launch(fill.campaign(banner, now=now), by="demo", now=now)
            scenes.append(Scene(banner, retailer, run))
    bell.ring(times=2)
    return scenes


def watch(scenes: Sequence[Scene], *, seconds: float, console: Console) -> list[Report]:
    """Show the runs' progress until all have ended or time is up, then their reports."""
    deadline = time.monotonic() + seconds
    with _progress(console) as progress:
        tasks = [progress.add_task(f"{scene.banner.name}: {scene.run.campaign.name}", total=None) for scene in scenes]
        while True:
            reported = [_look(scene, progress, task) for scene, task in zip(scenes, tasks, strict=True)]
            if all(report.run.state in CLOSED for report in reported) or time.monotonic() > deadline:
                return reported
            time.sleep(LOOK_EVERY)


def is_perfect(report: Report) -> bool:
    """The ledger balances and everyone still eligible was accepted."""
    others = {"accepted", "delivered", "cancelled", "expired"}
    settled = all(state in others for state, number in report.states.items() if number)
    return report.run.state == Run.State.COMPLETED and report.balances and settled and report.messages > 0


def summary(reported: Sequence[Report], scenes: Sequence[Scene]) -> Table:
    """One column per retailer: the candidates, why some are out, and what became of the rest."""
    table = Table(title="What became of everybody", title_justify="left")
    table.add_column("")
    for scene in scenes:
        table.add_column(scene.banner.name, justify="right")
    rows = [_numbers(report) for report in reported]
    for label in dict.fromkeys(label for row in rows for label in row):
        table.add_row(label, *(row.get(label, "0") for row in rows))
    return table


def directions(scenes: Sequence[Scene]) -> str:
    """Addresses and logins, as lines that can be copied."""
    places = [
        (scene.banner.name, addresses.base_url(scene.retailer) + "/admin/", fill.marketer_email(scene.banner))
        for scene in scenes
    ]
    places.append(("Platform console", addresses.platform_url() + "/admin/", STAFF))
    places.append(("The mails", addresses.platform_url() + "/inbox/", STAFF))
    wide = max(len(name) for name, _, _ in places)
    lines = [f"  {name:<{wide}}  {url}\n  {'':<{wide}}  {email}" for name, url, email in places]
    return "\n".join(["Where to look (every password is " + fill.PASSWORD + ")", *lines])


def _numbers(report: Report) -> dict[str, str]:
    waterfall, states = report.waterfall, report.states
    failed = sum(states.get(state, 0) for state in ("failed", "rejected", "unknown", "queued", "claimed"))
    out = {f"  out: {reason.replace('_', ' ')}": f"{number:,}" for reason, number in waterfall.excluded.items()}
    return {
        "candidates": f"{waterfall.candidates:,}",
        **out,
        "included": f"{waterfall.included:,}",
        "accepted": f"{states.get('accepted', 0):,}",
        "failed": f"{failed:,}",
        "seconds": f"{report.seconds:.1f}",
        "messages/s": f"{report.messages / report.seconds:,.0f}" if report.seconds else "-",
        "ledger balances": "yes" if report.balances else "NO",
    }


def _look(scene: Scene, progress: Progress, task: TaskID) -> Report:
    with context.in_retailer(scene.retailer):
        run = Run.objects.select_related("campaign", "version").get(pk=scene.run.pk)
        report = reports.report(run)
    total = report.waterfall.included or None
    progress.update(task, total=total, completed=report.messages - report.in_flight)
    return report


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, refresh_per_second=5)
