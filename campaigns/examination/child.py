"""The child that goes through templates: one task a question, each of them a function of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

from campaigns import channelled, confinement, layering
from campaigns.config.template import BASE, TEMPLATE
from campaigns.examination import compiling, judging, looking, passing
from campaigns.layering import Base

Data = dict[str, Any]


def problems(document: Data) -> list[Any]:
    return [astuple(each) for each in judging.problems(TEMPLATE.validate_python(document))]


def spoken(written: Data) -> list[Any]:
    return [astuple(each) for each in channelled.problems(SimpleNamespace(**written))]


def mistakes(sources: Mapping[str, str], content: Sequence[str]) -> list[Any]:
    return [astuple(each) for each in judging.mistakes(sources, content)]


def unfit(base: Data, below: Sequence[Data], fill: Data) -> list[Any]:
    return _unfit(Base.load(base), below, fill)


def unfit_each(base: Data, layers: Sequence[tuple[Sequence[Data], Data]]) -> list[list[Any]]:
    on = Base.load(base)  # its marks are read once
    return [_unfit(on, below, fill) for below, fill in layers]


def _unfit(base: Base, below: Sequence[Data], fill: Data) -> list[Any]:
    fills = [passing.fill_in(each) for each in below]
    return [astuple(each) for each in layering.check_fill(base, fills, passing.fill_in(fill))]


def base(document: Data) -> list[Any]:
    made, problems = layering.compile_base(BASE.validate_python(document))
    return [made.dump(), [astuple(each) for each in problems]]


def compiled(document: Data) -> Data:
    return passing.vars_of(compiling.compiled(TEMPLATE.validate_python(document)))


def findings(asked: Data, weights: Mapping[Any, Any]) -> list[Data]:
    return [passing.vars_of(each) for each in looking.findings(passing.asked_in(asked), weights)]


def called(asked: Data) -> list[list[str]]:
    return [sorted(each) for each in looking.called(passing.asked_in(asked))]


if __name__ == "__main__":
    tasks = (problems, spoken, mistakes, unfit, unfit_each, base, compiled, findings, called)
    confinement.serve({task.__name__: task for task in tasks})
