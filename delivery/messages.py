"""Stage 3. What each member will get: messages, in batches. Bodies are rendered at hand-over and never stored.

Reads    Run, CampaignVersion, Member
Writes   Message and Batch (a slice of members at a time, one statement each), Wave, and the agenda
Promise  every included member has one message per step that came due; running it twice adds nothing
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from campaigns.config.campaign import CampaignConfig, Step
from campaigns.models import Member, Run
from delivery import waves, weights
from delivery.models import Wave
from tenants import bell, context

BATCH_SIZE = 500
SLICE = 50 * BATCH_SIZE  # members per transaction: delivery begins while a large run is still being planned
FIRST = 4 * BATCH_SIZE  # members in the first one, so that it begins at once
_MOST_RUNG_FOR = 8  # batches


def generate(run: Run, *, now: datetime) -> datetime | None:
    """Make the messages of every step, or wave of it, that has come due. Returns when the next one comes due, if one is
    left."""
    config = run.version.parsed()
    later: list[datetime] = []
    for step in config.steps:
        due_at = run.started_at + config.delay_of(step)
        if due_at > now:
            later.append(due_at)
        elif step.waves:
            later += filter(None, [_release(run, config, step, due_at=due_at, now=now)])
        elif _has_more(run, step):  # asked by itself, because a run is looked at again when all of it is made
            size = min(FIRST, SLICE)
            while _generate_slice(run, config, step, due_at, size) == size:
                size = SLICE
    return min(later, default=None)


def are_all_made(run: Run) -> bool:
    """Whether its batches hold all that it will ever send: only said of one step without waves."""
    steps = run.version.parsed().steps
    return len(steps) == 1 and not steps[0].waves and not _has_more(run, steps[0])


def _release(run: Run, config: CampaignConfig, step: Step, *, due_at: datetime, now: datetime) -> datetime | None:
    """The waves that are to open, one after the other. Returns when the next one is, if one is left."""
    for wave in waves.waiting(run, step, due_at=due_at):
        wave.refresh_from_db(fields=["opens_at"])  # the one before may have been late
        if wave.state == Wave.State.PLANNED and wave.opens_at > now:
            return wave.opens_at
        waves.open_now(run, step, wave, now=now)
        size = min(FIRST, SLICE)
        while _generate_slice(run, config, step, wave.opens_at, size, wave):
            size = SLICE
        if Wave.objects.filter(pk=wave.pk).exclude(state=Wave.State.RELEASED).exists():
            return None  # the run was stopped meanwhile
    return None


def _has_more(run: Run, step: Step) -> bool:
    after = run.generated.get(step.key, 0)
    left = Member.objects.filter(run_id=run.pk, is_included=True, pk__gt=after).order_by("pk")
    return not after or left[:1].exists()


@transaction.atomic
def _generate_slice(
    run: Run, config: CampaignConfig, step: Step, send_at: datetime, size: int, wave: Wave | None = None
) -> int:
    """One slice of members into messages and batches: how many there were."""
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if locked.state not in (Run.State.PLANNED, Run.State.RUNNING):
        return 0
    after = wave.generated if wave else locked.generated.get(step.key, 0)
    expires_at = send_at + config.timing.expire_after if config.timing.expire_after else None
    shares = wave.weights if wave and wave.weights else weights.equal(step)
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_SLICE if wave is None else _INSERT_SLICE_OF_WAVE,
            {
                "run": run.pk,
                "step": step.key,
                "channel": step.channel,
                "variants": [variant.key for variant in step.variants],
                "cuts": weights.cuts(step, shares),
                "after": after,
                "slice": size,
                "size": BATCH_SIZE,
                "send_at": send_at,
                "expires_at": expires_at,
                "retailer": context.current().pk,
                "is_transactional": config.is_transactional,
                "wave": wave.number if wave else 0,
                "waves": step.waves.waves if step.waves else None,
            },
        )
        last, number = cursor.fetchone()
    if wave:
        _note(wave, last, number)
    if last is None:
        return 0
    locked.generated[step.key] = max(last, locked.generated.get(step.key, 0))
    locked.state = Run.State.RUNNING
    locked.save(update_fields=["generated", "state"])
    if size == FIRST and number > BATCH_SIZE:  # this worker goes on here, and then with a batch: others may have slept
        bell.ring(times=min((number - 1) // BATCH_SIZE, _MOST_RUNG_FOR))
    return int(number)


def _note(wave: Wave, last: int | None, number: int) -> None:
    if last is None:
        wave.state = Wave.State.RELEASED
    else:
        wave.generated, wave.size = last, wave.size + number
    wave.save(update_fields=["state", "generated", "size"])


# A draw in [0, 1) picks the variant, cut where the shares say. The batches announce themselves.
_INSERT = """
WITH chosen AS (
    SELECT id, customer_id, draw, row_number() OVER (ORDER BY id) - 1 AS n
    FROM (
        SELECT id, customer_id, draw FROM campaigns_member
        WHERE run_id = %(run)s AND is_included AND id > %(after)s{of_wave} ORDER BY id LIMIT %(slice)s
    ) slice
), numbers AS (
    SELECT coalesce(max(number) + 1, 0) AS first FROM delivery_batch WHERE run_id = %(run)s AND step = %(step)s
), batches AS (
    INSERT INTO delivery_batch (run_id, step, number, wave, due_at)
    SELECT %(run)s, %(step)s, numbers.first + chunk.n, %(wave)s, %(send_at)s
    FROM numbers, (SELECT DISTINCT n / %(size)s AS n FROM chosen) chunk ORDER BY chunk.n
    RETURNING id, number
), messages AS (
    INSERT INTO delivery_message
        (run_id, batch_id, member_id, customer_id, step, channel, variant, position, send_at, expires_at)
    SELECT %(run)s, batches.id, chosen.id, chosen.customer_id, %(step)s, %(channel)s,
        (%(variants)s::text[])[1 + width_bucket(chosen.draw, %(cuts)s::float8[])],
        chosen.n %% %(size)s, %(send_at)s, %(expires_at)s
    FROM chosen, numbers, batches WHERE batches.number = numbers.first + chosen.n / %(size)s
    ORDER BY chosen.id
), announced AS (
    INSERT INTO public.tenants_agendaitem (retailer_id, kind, object_id, due_at, is_transactional)
    SELECT %(retailer)s, 'batch', batches.id, %(send_at)s, %(is_transactional)s FROM batches
)
SELECT max(id), count(*) FROM chosen
"""
_INSERT_SLICE = _INSERT.format(of_wave="")
_INSERT_SLICE_OF_WAVE = _INSERT.format(of_wave=f" AND {waves.NUMBER.format(draw='draw', waves='%(waves)s')} = %(wave)s")
