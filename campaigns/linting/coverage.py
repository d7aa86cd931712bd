"""Whether the audience has what the message names of a person."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.linting.sample import Found, Lack, Sample

_MANY = 0.2  # of the audience: a personal message it is no more


def lacking(sample: Sample) -> Iterator[Found]:
    for lack in sample.lacks:
        if not lack.people or not lack.audience:
            continue
        who = f"{_share(lack)} ({lack.people:,} of {lack.audience:,}) have no {_noun(lack.variable)}"
        place = (lack.field, lack.line, lack.column)
        is_many = lack.people >= _MANY * lack.audience
        if lack.default is None:
            cure = f'say what they read: {{{{ {lack.variable} | default("...") }}}}'
            yield Found(f"{who}: they will be skipped", cure, *place, severity="warning")
        else:
            cure = (
                "make sure that it reads well" if not is_many else "make sure that it reads well: it is what many get"
            )
            yield Found(f"{who}: they will read “{lack.default}”", cure, *place)


def _share(lack: Lack) -> str:
    share = 100 * lack.people / lack.audience
    return f"{share:.0f} %" if share >= 1 else "less than 1 %"


def _noun(variable: str) -> str:
    return variable.removeprefix("customer.").removeprefix("attributes.").replace("_", " ")
