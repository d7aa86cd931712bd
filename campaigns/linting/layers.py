"""What a layer says and nobody reads, for a layer below has locked it meanwhile, or has no place for it any more."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.linting.sample import Found, Sample


def left_out(sample: Sample) -> Iterator[Found]:
    for field, whose, why in sample.left_out:
        reason, _, cure = why.partition(": ")
        yield Found(f"what {whose} says in {field} is left out: {reason}", cure or "change it there", field)
