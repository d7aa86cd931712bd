"""What would go wrong in the messages of a sample of those included."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from campaigns import content, editions, recommendations
from campaigns.compiler import Sql
from campaigns.editions import Published
from campaigns.models import Customer
from delivery import cures
from delivery.preflight import texting, trying
from delivery.preflight.asking import Asked, rows
from tenants import context

SAMPLE = 500  # people whose messages are rendered, each variant of each step
SHOWN = 20  # of them, whose messages a page may show
NAMED = 3  # of those with the same problem
SECONDS = 15.0  # to find them, and again for all rendering: steps times variants times people may be many


def people(asked: Asked) -> list[Customer]:
    """A sample of those included. The same each time: by their draw."""
    chosen = f"""
        SELECT customer_id FROM ({asked.chosen.text}) judged WHERE reason = '' ORDER BY draw, customer_id LIMIT %s
    """
    ids = [row[0] for row in rows(Sql(chosen, (*asked.chosen.params, SAMPLE)), seconds=SECONDS)]
    by_id = Customer.objects.in_bulk(ids)
    return [by_id[pk] for pk in ids if pk in by_id]


def sample(asked: Asked, people: Sequence[Customer], reached: Mapping[str, int]) -> dict[str, Any]:
    """The errors by step, variant and problem, the most frequent first, and what texts come to. `reached` are the
    people of each step.
    """
    templates, brand = _templates(asked), content.brand()
    shows = any(
        templates[step.template].mentions("products", step.variants)
        for step in asked.config.steps
        if step.template in templates
    )
    picks = recommendations.pick([each.pk for each in people], run=None, now=timezone.now()) if shows else None
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    until, looked_at = time.monotonic() + SECONDS, len(people)
    texts: list[dict[str, Any]] = []
    for step in asked.config.steps:
        if step.template not in templates:
            continue  # checks.py says what is wrong with it
        seen = _Seen(people, until)
        template = templates[step.template]
        tally = texting.Tally(step.key, content.texting(brand))
        for each in trying.tried(asked.config, step, template, seen, brand=brand, picks=picks):
            if each.said:
                tally.hear(each.customer, each.said)
            else:
                _note(found, step.key, each.variant, each.problem, each.customer)
        if told := tally.told(reached.get(step.key, 0)):
            texts.append(told)
        looked_at = min(looked_at, seen.number)
    errors = sorted(found.values(), key=lambda error: (-error["people"], error["step"], error["variant"]))
    shown = [customer.external_id for customer in people[:SHOWN]]
    return {"people": looked_at, "shown": shown, "errors": errors, "texts": texts}


class _Seen:
    """People, for as long as there is time; `number` is how many that were."""

    def __init__(self, people: Sequence[Customer], until: float) -> None:
        self._people = people
        self._until = until
        self.number = 0

    def __iter__(self) -> Iterator[Customer]:
        for customer in self._people:
            if time.monotonic() > self._until:
                return
            self.number += 1
            yield customer


def _templates(asked: Asked) -> dict[str, Published]:
    keys = {step.template for step in asked.config.steps}
    return editions.live_of(keys, context.current())


def _note(
    found: dict[tuple[str, str, str], dict[str, Any]], step: str, variant: str, problem: str, who: Customer
) -> None:
    error = found.setdefault(
        (step, variant, problem),
        {
            "step": step,
            "variant": variant,
            "problem": problem,
            "cure": cures.of_rendering(problem),
            "people": 0,
            "external_ids": [],
        },
    )
    error["people"] += 1
    if len(error["external_ids"]) < NAMED:
        error["external_ids"].append(who.external_id)
