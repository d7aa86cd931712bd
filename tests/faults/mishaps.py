"""The faults of a trial: some befall it all the time, others one after another."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.utils import timezone
from kombu.exceptions import OperationalError

from campaigns import configuration
from campaigns.lifecycle import NotAllowed
from campaigns.models import Run
from delivery.models import Batch, ProviderState
from marketing.celery import app
from tenants import provisioning
from tenants.models import AgendaItem
from tests.benchmarks import witness
from tests.faults import judge, takeovers
from tests.faults.machines import LEASE, Machine

if TYPE_CHECKING:
    from tests.faults.trial import Trial

FLUSH_EVERY = 2.0  # seconds
RING_EVERY = 0.5
SUPPRESS_EVERY = 1.0
FROZEN = "SIGSTOP past the lease"
QUIET = 1.0  # seconds without mail after which a stop has taken effect
FREEZES = 3  # at most: a worker may just have ended its batch
LATEST = 5.0  # seconds that a wake-up is late


def begin(trial: Trial) -> list[threading.Thread]:
    """What befalls a trial all the time, until it is over."""
    draw = trial.draw("who is suppressed")
    return [
        _in_background(trial, 0.05, _Killer(trial)),
        _in_background(trial, FLUSH_EVERY, partial(_flush, trial)),
        _in_background(trial, RING_EVERY, partial(_ring, trial)),
        _in_background(trial, SUPPRESS_EVERY, lambda: _suppress(trial, draw.randrange(300, trial.plan.people // 2))),
        _in_background(trial, 0.05, _Pauser(trial)),
    ]


def one_after_another(trial: Trial) -> None:
    """Each once some more are sent, or all have been; raises Stuck."""
    _say(trial, "A worker freezes past its lease, and wakes up ...", freeze)
    _say(trial, "Whoever died with the lease of production is awaited: others take over ...", await_takeover)
    trial.begin("plain", "paused", "doomed")
    outages = [("Postgres is killed, and started ...", lose_postgres)] * trial.plan.postgres
    outages.insert(1, ("The broker is killed, and stays away ...", lose_broker))
    rest = [("A retailer is suspended, and dropped ...", drop_retailer), ("Every provider fails ...", storm)]
    rest += [("A worker freezes once more ...", freeze)] * (trial.plan.freezes - 1)
    for words, act in [outages[0], *rest, *outages[1:], ("Somebody is killed now and then ...", await_kills)]:
        enough = trial.truth.count() + trial.plan.people // 8
        trial.await_("more messages", lambda enough=enough: trial.truth.count() > enough or trial.have_ended())  # type: ignore[misc]
        _say(trial, words, act)


def await_kills(trial: Trial) -> None:
    """As many as planned, or all that there was time for."""
    trial.await_("enough kills", lambda: trial.kills >= trial.plan.kills or trial.have_ended())


def _say(trial: Trial, words: str, act: Callable[[Trial], None]) -> None:
    trial.say(f"{trial.truth.count():>7,} sent. {words}")
    act(trial)


def await_takeover(trial: Trial) -> None:
    """Nothing but processes is killed until then, so that what is timed is the lease."""
    trial.await_("the first victim's batch to be taken over", lambda: _is_taken_from(trial, "victim", None))


def freeze(trial: Trial) -> None:
    """In the midst of a batch, longer than its lease, and until somebody has its work.

    Should none that is frozen lose a batch, as where each had just ended its own, it counts as not having happened.
    """
    for _ in range(FREEZES):
        frozen = _whoever_has_a_batch(trial)
        if frozen is None:
            break
        with trial.at():
            since = witness.clock()
        frozen.signal(signal.SIGSTOP)
        trial.over.wait(LEASE * 2)
        is_taken = trial.comes_true(partial(_is_taken_from, trial, frozen.name, since), seconds=LEASE * 4)
        frozen.signal(signal.SIGCONT)
        if is_taken:
            trial.told.times[FROZEN] += 1
            return
    trial.told.times[FROZEN] += 0


def _whoever_has_a_batch(trial: Trial) -> Machine | None:
    """None when there is nothing left to begin."""
    found: list[Machine] = []

    def is_somebody() -> bool:
        found.extend(each for each in trial.fleet.workers if each.name in _holders(trial))
        return bool(found) or trial.have_ended()

    trial.await_("a worker to have a batch", is_somebody)
    return found[0] if found else None


def _holders(trial: Trial) -> set[str]:
    """Who is handing a batch over, and has just said so."""
    held = set()
    for name in trial.begun & trial.houses.keys():
        with trial.at(name) as house:
            assert house
            schema, fresh = house.retailer.schema_name, timezone.now() + timedelta(seconds=LEASE * 0.8)
            busy = Batch.objects.filter(state=Batch.State.CLAIMED, handed_to__gt=0, lease_until__gt=fresh)
            held |= {(schema, *row) for row in busy.values_list("pk", "epoch")}
    with trial.at():
        return {claim.by for claim in takeovers.claims() if (claim.schema, claim.batch_id, claim.epoch) in held}


def lose_postgres(trial: Trial) -> None:
    with trial.database.in_use:
        trial.database.kill()
        trial.database.start()
    back, since = time.monotonic(), timezone.now()
    trial.await_(
        "a worker after Postgres came back", lambda: _has_claimed(trial, "worker", since) or trial.have_ended()
    )
    trial.told.recovered("Postgres killed and restarted", time.monotonic() - back)
    trial.told.times["Postgres killed and restarted"] += 1


def lose_broker(trial: Trial) -> None:
    """The poll carries on, and workers come back with the broker."""
    trial.broker.kill()
    gone, since = time.monotonic(), timezone.now()
    trial.await_(
        "the poll to carry on without a broker", lambda: _has_claimed(trial, "poll", since) or trial.have_ended()
    )
    trial.told.recovered("broker gone: the poll", time.monotonic() - gone)
    trial.over.wait(max(0.0, trial.plan.broker_s - (time.monotonic() - gone)))
    trial.broker.start()
    back, since = time.monotonic(), timezone.now()
    trial.await_(
        "a worker after the broker came back", lambda: _has_claimed(trial, "worker", since) or trial.have_ended()
    )
    trial.told.recovered("broker stopped", time.monotonic() - back)
    trial.told.times["broker stopped"] += 1


def storm(trial: Trial) -> None:
    """Until breakers open; then each retailer's provider must be in use again."""
    trial.truth.weather("storm")
    names = [name for name in trial.houses if not trial.has_ended(name)]
    trial.await_("a breaker to open", lambda: any(_is_open(trial, name) or trial.has_ended(name) for name in names))
    trial.truth.weather("calm")
    calm, before = time.monotonic(), trial.truth.counts()
    for name in names:
        trial.await_(f"the provider of {name} to be used again", partial(_goes_on, trial, name, before[name]))
    trial.told.recovered("provider 5xx storm", time.monotonic() - calm)
    trial.told.times["provider 5xx storm"] += 1


def drop_retailer(trial: Trial) -> None:
    """Suspended: mail ceases within seconds. Dropped: nothing of it is left, and nothing comes any more."""
    doomed = trial.houses["doomed"]
    with trial.at():
        retailer = doomed.retailer
        provisioning.suspend(retailer, reason="trial")
    since, sent = time.time(), -1
    while (count := trial.truth.counts()["doomed"]) != sent:
        sent = count
        trial.over.wait(QUIET)
    account = trial.truth.ledger()["doomed"]
    last = max((each.at for each in account.taken), default=since) - since
    trial.told.recovered("retailer suspended: last mail", max(0.0, last))
    with trial.at():
        provisioning.remove(retailer)
        left = AgendaItem.objects.filter(retailer_id=retailer.pk).count()
    del trial.houses["doomed"]
    complaints = [
        (last > judge.OBEYS_WITHIN, f"a suspended retailer's mail went on for {last:.1f} s"),
        (bool(left), f"{left} items of a dropped retailer are left on the agenda"),
        (bool(judge.doubles(account.taken)), "people of the suspended retailer were mailed twice"),
        (not account.taken, "the retailer was dropped before it had sent anything"),
    ]
    trial.told.complaints += [f"doomed: {words}" for is_so, words in complaints if is_so]
    trial.told.times["retailer suspended and dropped"] += 1


class _Killer:
    """Kills somebody after so many messages, as long as there are some left to send."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._draw = trial, trial.draw("who is killed")
        self._every = trial.plan.people * 3 // trial.plan.kills
        self._next = 0

    def __call__(self) -> bool:
        count = self._trial.truth.count()
        if count < self._next:
            return True
        self._next = count + round(self._every * self._draw.uniform(0.5, 1.2))
        whom = self._trial.fleet.kill_someone(self._draw)
        if whom:
            self._trial.told.times[f"kill -9 of {whom}"] += 1
        return True


class _Pauser:
    """Pauses and resumes the same run again and again."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._draw = trial, trial.draw("how long it is paused")
        self._left = trial.plan.pauses

    def __call__(self) -> bool:
        if not self._move(configuration.pause):  # it has not begun, or has ended
            return not self._trial.has_ended("paused")
        self._left -= 1
        self._trial.over.wait(self._draw.uniform(0.0, 0.3))
        self._move(configuration.resume)
        self._trial.told.times["pause and resume"] += 1
        return self._left > 0

    def _move(self, act: Callable[[Run], None]) -> bool:
        with self._trial.at("paused") as house:
            assert house
            try:
                act(house.run)
            except (NotAllowed, Run.DoesNotExist):
                return False
        return True


def _flush(trial: Trial) -> bool:
    if trial.broker.flush():
        trial.told.times["broker flushed"] += 1
    return True


def _ring(trial: Trial) -> bool:
    """Each wake-up three times, and late."""
    draw = trial.draw(f"how late at {trial.told.times['wake-ups tripled and delayed']}")
    try:
        for _ in range(3):
            app.send_task("delivery.tasks.work", countdown=draw.uniform(0.0, LATEST), retry=False)
    except (OperationalError, OSError):
        return True  # there is no broker now
    trial.told.times["wake-ups tripled and delayed"] += 1
    return True


def _suppress(trial: Trial, number: int) -> bool:
    """Somebody at each retailer; nobody may be written to from soon after on."""
    for name in ("relay", "keyed"):
        with trial.at(name) as house:
            assert house
            house.suppress([number])
            trial.suppressed.setdefault(house.address(number), time.time())
    trial.told.times["suppressed meanwhile"] += 1
    return True


def _in_background(trial: Trial, seconds: float, act: Callable[[], bool]) -> threading.Thread:
    """Runs `act` every so many seconds until the trial is over, or `act` has done enough."""

    def go_on() -> None:
        while not trial.over.wait(seconds) and act():
            pass

    thread = threading.Thread(target=go_on)
    thread.start()
    return thread


def _has_claimed(trial: Trial, who: str, since: datetime) -> bool:
    with trial.at():
        return any(claim.by.startswith(who) for claim in takeovers.claims(since))


def _is_taken_from(trial: Trial, whom: str, since: datetime | None) -> bool:
    with trial.at():
        return any(claim.from_whom == whom and claim.overdue_s is not None for claim in takeovers.claims(since))


def _is_open(trial: Trial, name: str) -> bool:
    with trial.at(name):
        return ProviderState.objects.filter(opened_at__isnull=False).exists()


def _goes_on(trial: Trial, name: str, before: int) -> bool:
    return trial.truth.counts()[name] > before or trial.has_ended(name)
