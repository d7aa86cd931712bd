"""Whether a retailer's ledgers add up: per run and step, every included member whose step came due has one message.

Reads    Run, Member, Wave, Message
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from delivery import waves

CURE = (
    "rows were changed or removed outside this program: restore them from a backup, and send nothing of that run anew "
    "before, lest somebody gets it twice"
)
CURE_STUCK = "no worker looks at them any more: find in the log why the run ended, and launch again for these people"


@dataclass(frozen=True)
class Imbalance:
    """A step of a run that does not add up. `stuck`: messages queued in a run that is over."""

    run_id: int
    step: str
    due: int
    messages: int
    stuck: int

    @property
    def words(self) -> str:
        """What is wrong, and the cure."""
        where = f"run {self.run_id}, step {self.step or 'unknown'}"
        if self.due != self.messages:
            difference = self.due - self.messages
            told = f"{difference:,} missing" if difference > 0 else f"{-difference:,} too many"
            return f"{where}: {self.messages:,} messages for {self.due:,} people ({told}); {CURE}"
        return f"{where}: {self.stuck:,} messages are queued in a run that is over; {CURE_STUCK}"


@dataclass(frozen=True)
class Balance:
    """Of one retailer."""

    runs: int
    wrong: list[Imbalance]


def prove() -> Balance:
    """Add up every run of the retailer in whose schema this is asked, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_PROVE)
        rows = cursor.fetchall()
    runs = rows[0][0] if rows else 0
    return Balance(runs, [Imbalance(*row[1:]) for row in rows if row[1] is not None])


# A run that is over has planned everybody; of any other, those reached so far have come due, or whose wave has come.
_PROVE = f"""
WITH run AS (
    SELECT id, generated, state = 'completed' AS is_over, state IN ('completed', 'failed') AS is_closed
    FROM campaigns_run WHERE evaluated_at IS NOT NULL
), step AS (
    SELECT run.id AS run_id, planned.key AS step, planned.value::bigint AS last, run.is_over
    FROM run CROSS JOIN LATERAL jsonb_each_text(run.generated) planned
    UNION ALL
    SELECT id, '', 0, TRUE FROM run WHERE is_over AND generated = '{{}}'
), waved AS (
    SELECT run_id, step, count(*) AS waves FROM delivery_wave GROUP BY 1, 2
), due AS (
    SELECT step.run_id, step.step, count(member.id) AS members
    FROM step LEFT JOIN waved USING (run_id, step) LEFT JOIN campaigns_member member
      ON member.run_id = step.run_id AND member.is_included AND (
          step.is_over OR waved.waves IS NULL AND member.id <= step.last OR EXISTS (
              SELECT FROM delivery_wave wave WHERE wave.run_id = step.run_id AND wave.step = step.step
                AND wave.number = {waves.NUMBER.format(draw="member.draw", waves="waved.waves")}
                AND (wave.state = 'released' OR member.id <= wave.generated)))
    GROUP BY 1, 2
), made AS (
    SELECT run_id, step, count(*) AS messages, count(*) FILTER (WHERE state = 'queued') AS queued
    FROM delivery_message GROUP BY 1, 2
), wrong AS (
    SELECT run_id, step, coalesce(members, 0) AS members, coalesce(messages, 0) AS messages,
        CASE WHEN run.is_closed THEN coalesce(queued, 0) ELSE 0 END AS stuck
    FROM due FULL JOIN made USING (run_id, step) JOIN run ON run.id = run_id
)
SELECT (SELECT count(*) FROM run), found.*
FROM (SELECT) once LEFT JOIN LATERAL (
    SELECT * FROM wrong WHERE members <> messages OR stuck > 0 ORDER BY run_id, step LIMIT 100
) found ON TRUE
"""
