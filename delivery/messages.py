"""Stage 3. What each member will get: messages, in batches. Bodies are rendered at hand-over and never stored.

Reads    Run, CampaignVersion, Member
Writes   Message and Batch (a slice of members at a time, one statement each), and the agenda
Promise  every included member has one message per step that came due; running it twice adds nothing
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from campaigns.config.campaign import CampaignConfig, Step
from campaigns.models import Run
from tenants import context

BATCH_SIZE = 500
SLICE = 50 * BATCH_SIZE  # members per transaction: delivery begins while a large run is still being planned


def generate(run: Run, *, now: datetime) -> datetime | None:
    """Make the messages of every step that has come due. Returns when the next step comes due, if one is left."""
    config = run.version.parsed()
    later: list[datetime] = []
    for step in config.steps:
        due_at = run.started_at + config.delay_of(step)
        if due_at > now:
            later.append(due_at)
            continue
        while _generate_slice(run, config, step, due_at):
            pass
    return min(later, default=None)


@transaction.atomic
def _generate_slice(run: Run, config: CampaignConfig, step: Step, send_at: datetime) -> bool:
    """One slice of members into messages and batches; False when there was none left."""
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if locked.state not in (Run.State.PLANNED, Run.State.RUNNING):
        return False
    after = locked.generated.get(step.key, 0)
    expires_at = send_at + config.timing.expire_after if config.timing.expire_after else None
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_SLICE,
            {
                "run": run.pk,
                "step": step.key,
                "channel": step.channel,
                "variants": [variant.key for variant in step.variants],
                "after": after,
                "slice": SLICE,
                "size": BATCH_SIZE,
                "send_at": send_at,
                "expires_at": expires_at,
                "retailer": context.current().pk,
            },
        )
        last = cursor.fetchone()[0]
    if last is None:
        return False
    locked.generated[step.key] = last
    locked.state = Run.State.RUNNING
    locked.save(update_fields=["generated", "state"])
    return True


# A draw in [0, 1) picks the variant: equal shares, cut where the weights say. The batches announce themselves.
_INSERT_SLICE = """
WITH chosen AS (
    SELECT id, customer_id, draw, row_number() OVER (ORDER BY id) - 1 AS n
    FROM (
        SELECT id, customer_id, draw FROM campaigns_member
        WHERE run_id = %(run)s AND is_included AND id > %(after)s ORDER BY id LIMIT %(slice)s
    ) slice
), numbers AS (
    SELECT coalesce(max(number) + 1, 0) AS first FROM delivery_batch WHERE run_id = %(run)s AND step = %(step)s
), batches AS (
    INSERT INTO delivery_batch (run_id, step, number, due_at)
    SELECT %(run)s, %(step)s, numbers.first + chunk.n, %(send_at)s
    FROM numbers, (SELECT DISTINCT n / %(size)s AS n FROM chosen) chunk ORDER BY chunk.n
    RETURNING id, number
), messages AS (
    INSERT INTO delivery_message
        (run_id, batch_id, member_id, customer_id, step, channel, variant, position, send_at, expires_at)
    SELECT %(run)s, batches.id, chosen.id, chosen.customer_id, %(step)s, %(channel)s,
        (%(variants)s::text[])[1 + least(floor(chosen.draw * cardinality(%(variants)s::text[]))::int,
                                         cardinality(%(variants)s::text[]) - 1)],
        chosen.n %% %(size)s, %(send_at)s, %(expires_at)s
    FROM chosen, numbers, batches WHERE batches.number = numbers.first + chosen.n / %(size)s
    ORDER BY chosen.id
), announced AS (
    INSERT INTO public.tenants_agendaitem (retailer_id, kind, object_id, due_at)
    SELECT %(retailer)s, 'batch', batches.id, %(send_at)s FROM batches
)
SELECT max(id) FROM chosen
"""
