"""What doctor looks at: each check says what it found, and the cure where something is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import checks
from django.db import Error, connection
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import OperationalError

from campaigns.facts import proof
from delivery import balance, providers
from delivery.channels.base import ChannelUnavailable
from delivery.models import Provider
from delivery.senders import checking, existence, in_use
from marketing import database
from tenants import context, roles
from tenants.models import AgendaItem, Domain, Retailer, Stop

OVERDUE_AFTER = 30  # seconds
PROVIDERS_SECONDS, SENDERS_SECONDS, LINKS_SECONDS = 30.0, 20.0, 10.0
OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class Finding:
    check: str
    status: str
    message: str


def examine() -> Iterator[Finding]:
    """Every check in turn; the rest are left out when the database does not answer."""
    context.leave()
    first = _database()
    yield first
    if first.status == FAILURE:
        return
    for look in _CHECKS:
        yield look()


def _database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version')")
            version = cursor.fetchone()[0]
    except Error as error:
        return Finding("database", FAILURE, f"{error} Check DATABASE_URL.".replace("\n", " "))
    kind = "DATABASE_URL" if settings.DATABASE_URL else "embedded"
    return Finding("database", OK, f"PostgreSQL {version} ({kind})")


def _durability() -> Finding:
    names = ("fsync", "full_page_writes", "synchronous_commit")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = 'off'", [list(names)])
        off = [row[0] for row in cursor.fetchall()]
    if off:
        return Finding("durability", FAILURE, f"{', '.join(off)} is off: acknowledged work can be lost. Turn it on.")
    return Finding("durability", OK, f"{', '.join(names)} are on")


def _schemas() -> Finding:
    missing = database.pending()
    if missing:
        return Finding("schemas", FAILURE, f"{len(missing)} migrations missing ({missing[0]}): run migrate_schemas")
    different = database.differences()
    if different:
        return Finding("schemas", FAILURE, f"retailers' schemas differ: {'; '.join(different[:5])}")
    return Finding("schemas", OK, f"{Retailer.objects.count()} retailers, all alike and up to date")


def _readers() -> Finding:
    missing = roles.without_reader()
    if missing:
        cure = "let the database user create roles (CREATEROLE), then run make_readers"
        told = f"{len(missing)} retailers have none ({missing[0]}): their rules run as the database user; {cure}"
        return Finding("readers", WARNING, told)
    return Finding("readers", OK, "every retailer's rules run as a role that reads its own audience only")


def _broker() -> Finding:
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except (OSError, OperationalError) as error:
        status = FAILURE if not settings.DEBUG else WARNING
        return Finding("broker", status, f"no answer ({error}). `manage.py up` starts the embedded one.")
    return Finding("broker", OK, "answers")


def _agenda() -> Finding:
    late = timezone.now() - timedelta(seconds=OVERDUE_AFTER)
    parked = AgendaItem.objects.exclude(parked_at=None)
    overdue = AgendaItem.objects.filter(due_at__lt=late, claimed_until=None, parked_at=None, retailer__status="active")
    if parked.exists():
        item = parked.order_by("parked_at")[0]
        return Finding("agenda", FAILURE, f"{parked.count()} items gave up; {item.retailer.slug} {item}: {item.error}")
    if overdue.exists():
        return Finding("agenda", WARNING, f"{overdue.count()} items wait for a worker: is one running? `manage.py up`")
    return Finding("agenda", OK, f"{AgendaItem.objects.count()} items, none overdue")


def _stops() -> Finding:
    found = list(Stop.objects.select_related("retailer").order_by("pk"))
    if found:
        told = "; ".join(f"{each.retailer or 'everybody'} by {each.by}: {each.reason}" for each in found[:5])
        return Finding("stops", WARNING, f"{len(found)} stand ({told}): what is due waits until resume_sending")
    return Finding("stops", OK, "nobody's sending is stopped")


def _provider() -> Finding:
    try:
        url = providers.email_url()
        for retailer in Retailer.objects.active()[:1]:
            providers.channel(retailer, "email").check()
    except ChannelUnavailable as error:
        return Finding("mail server", WARNING if settings.DEBUG and not settings.EMAIL_URL else FAILURE, str(error))
    return Finding("mail server", OK, f"answers at {url.rpartition('@')[2].removeprefix('smtp://')}")


def _providers() -> Finding:
    """Each active account of each retailer, as far as the time goes."""
    until, reached, left, wrong = time.monotonic() + PROVIDERS_SECONDS, 0, 0, []
    for retailer in Retailer.objects.active():
        with context.in_retailer(retailer):
            for provider in Provider.objects.filter(is_active=True).order_by("key"):
                if time.monotonic() > until:
                    left += 1
                    continue
                try:
                    with closing(providers.opened.fresh(retailer, provider)) as channel:
                        channel.check()
                    reached += 1
                except ChannelUnavailable as error:
                    wrong.append(f"{retailer.slug} {provider.key}: {error}")
    rest = f"; {left} were not asked in {PROVIDERS_SECONDS:g} s" if left else ""
    if wrong:
        return Finding("providers", FAILURE, "; ".join(wrong[:5]) + rest)
    return Finding("providers", OK, f"{reached} accounts of retailers answer{rest}")


def _senders() -> Finding:
    """Every domain that an active retailer's mail is from, as far as the time goes; local and reserved ones are not
    looked up.
    """
    until, looked, left, wrong, silent = time.monotonic() + SENDERS_SECONDS, 0, 0, [], []
    for retailer in Retailer.objects.active():
        with context.in_retailer(retailer):
            for domain in in_use.domains():
                if time.monotonic() > until:
                    left += 1
                    continue
                found = checking.of(domain, now=timezone.now())
                looked += found["state"] != checking.SKIPPED
                if found["state"] == "error":
                    wrong.append(f"{retailer.slug} {domain}: {found['words']}")
                elif found["state"] == "unknown":
                    silent.append(domain)
    rest = f"; {left} were not asked in {SENDERS_SECONDS:g} s" if left else ""
    rest += f"; DNS did not answer for {', '.join(silent[:5])}" if silent else ""
    if wrong:
        return Finding("senders", WARNING, f"{'; '.join(wrong[:5])} See check_senders.{rest}")
    return Finding("senders", OK, f"{looked} domains of senders looked up, nothing to put right{rest}")


def _links() -> Finding:
    """Whether the hosts in links of messages lead anywhere, as far as the time goes; reserved names are looked up by
    nobody.
    """
    until, looked, wrong, silent = time.monotonic() + LINKS_SECONDS, 0, [], 0
    serving = Domain.objects.exclude(purpose=Domain.Purpose.SITE).filter(tenant__status=Retailer.Status.ACTIVE)
    for each in serving.select_related("tenant").order_by("domain"):
        leads = existence.leads_anywhere(each.domain) if time.monotonic() < until else None
        looked += leads is not None
        silent += leads is None
        if leads is False:
            wrong.append(f"{each.tenant.slug} {each.domain}")
    rest = f"; {silent} not looked up: reserved names, or DNS did not answer" if silent else ""
    if wrong:
        cure = "publish an A, AAAA or CNAME record that leads here, or see tracking_domain"
        return Finding(
            "links", WARNING, f"no address in DNS: {'; '.join(wrong[:5])}. Links there are dead: {cure}{rest}"
        )
    return Finding("links", OK, f"{looked} tracking domains lead somewhere{rest}")


def _settings() -> Finding:
    found = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    serious = [message for message in found if message.is_serious()]
    if serious:
        return Finding("settings", FAILURE, "; ".join(f"{m.id}: {m.msg}" for m in serious[:5]))
    kind = "development" if settings.DEBUG else "production"
    return Finding("settings", OK, f"{kind}, {settings.BASE_DOMAIN}")


def _ledgers() -> Finding:
    """Every run of every retailer, one statement for each retailer."""
    runs, wrong = 0, []
    for retailer in Retailer.objects.exclude(status=Retailer.Status.PROVISIONING):
        with context.in_retailer(retailer):
            found = balance.prove()
            runs += found.runs
            wrong += [f"{retailer.slug} {each.words}" for each in found.wrong]
    if wrong:
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Finding("ledgers", FAILURE, f"do not balance: {'; '.join(wrong[:5])}{more}")
    return Finding("ledgers", OK, f"{runs} runs, all balance")


def _facts() -> Finding:
    """What the last proof of each retailer said."""
    proofs, drifted = 0, []
    wrong = False
    for retailer in Retailer.objects.exclude(status=Retailer.Status.PROVISIONING):
        with context.in_retailer(retailer):
            last = proof.latest()
        if last is not None:
            proofs += 1
        if last is not None and last.wrong:
            wrong = wrong or not last.holds
            done = "repaired" if last.holds else f"run prove_facts {retailer.slug} --repair"
            drifted.append(f"{retailer.slug}: {last} on {last.began_at:%Y-%m-%d} ({done})")
    if drifted:
        return Finding("facts", FAILURE if wrong else WARNING, f"had drifted at {'; '.join(drifted[:5])}")
    return Finding("facts", OK, f"{proofs} retailers proved, none had drifted")


_CHECKS: tuple[Callable[[], Finding], ...] = (
    _durability,
    _schemas,
    _readers,
    _broker,
    _agenda,
    _stops,
    _provider,
    _providers,
    _senders,
    _links,
    _settings,
    _ledgers,
    _facts,
)
