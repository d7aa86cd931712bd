"""Where a batch and its run stand, for the worker who has just left the batch: one question for every batch.

Reads    Batch, Run
"""

from __future__ import annotations

from typing import NamedTuple

from tenants import prepared


class Standing(NamedTuple):
    """`has_fellows`: whether other batches of the run are not done."""

    run_id: int
    run_state: str
    is_done: bool
    has_fellows: bool


def of(batch_id: int) -> Standing:
    [found] = prepared.rows(_OF, [batch_id])
    return Standing(*found)


_OF = """
SELECT run.id, run.state::text, batch.state = 'done', EXISTS (
    SELECT FROM delivery_batch fellow WHERE fellow.run_id = run.id AND fellow.state <> 'done' AND fellow.id <> batch.id
)
FROM delivery_batch batch JOIN campaigns_run run ON run.id = batch.run_id WHERE batch.id = %s
"""
