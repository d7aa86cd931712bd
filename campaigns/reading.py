"""What marketers ask of their customers, asked as the retailer's reader: read only, bounded in time and in cost.

Reads    what tenants.roles lets the reader read
Promise  a question that would take too long is refused, or stopped, with the part of it that is dear and the cure
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from campaigns.compiler import Sql
from campaigns.config.gate import Invalid, Problem

CURE = "give it a shorter time window, ask for a category, or combine it with a condition on the customer"

# Everybody is read in one pass, by a second worker where they are many: sets of all of them, and of what they did, fit
# in memory, or each person would be looked for in a list. Compiling queries costs more than it saves, and each worker
# more would make its own sets once more.
_MILLIONS = "greatest(1, ceil(reltuples / 1000000.0))"
_PLANNING = f"""
    SELECT set_config('work_mem',
            (SELECT 128 * least(8, {_MILLIONS})::int || 'MB'
             FROM pg_class WHERE oid = 'campaigns_customer'::regclass), true),
        set_config('jit', 'off', true),
        set_config('max_parallel_workers_per_gather', '1', true)"""
_AS_READER = f"""{_PLANNING},
        set_config('statement_timeout', %s, true), set_config('transaction_read_only', 'on', true),
        (SELECT set_config('role', rolname, true) FROM pg_roles
         WHERE rolname = current_schema() AND pg_has_role(oid, 'MEMBER'))
"""

Part = tuple[str, Sql]  # a part of a rule in words, and a query that asks for it alone


@dataclass(frozen=True)
class Standing:
    """As whom questions are asked: the role, whether it may only read, and the seconds a question may take."""

    role: str
    reads_only: bool
    seconds: float


def plan_for_everybody() -> None:
    """Until the end of the transaction, let Postgres plan for a pass over all customers."""
    with connection.cursor() as cursor:
        cursor.execute(_PLANNING)


@contextmanager
def as_reader(*, seconds: float | None = None) -> Iterator[None]:
    """Run the block as the retailer's reader and take nothing of it along: it is rolled back, with its settings.

    Raises Invalid where a statement takes longer than `seconds` (default: settings.RULE_SECONDS). Where there is no
    such role, the block runs as the database user, still read only.
    """
    allowed = settings.RULE_SECONDS if seconds is None else seconds
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_AS_READER, [str(max(1, round(allowed * 1000)))])
            yield
            transaction.set_rollback(True)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        told = f"counting took longer than {allowed:g} s and was stopped: ask for less, or narrow its events down"
        raise Invalid([Problem("", f"{told}; {CURE}", "too_slow")]) from None


def ask(question: Sql, *, parts: Callable[[], Iterable[Part]] = tuple) -> list[tuple[Any, ...]]:
    """The rows of a question, asked as the reader. `parts` are what it is made of, should it be too dear.

    Raises Invalid where Postgres expects it to cost more than `most_cost`, or where it takes too long.
    """
    with as_reader():
        if is_guarded(question):
            _refuse_dear(question, parts)
        with connection.cursor() as cursor:
            cursor.execute(question.text, question.params)
            return list(cursor.fetchall())


def plan(question: Sql, *, analyze: bool = False) -> list[str]:
    """Postgres' plan for a question, line by line; `analyze` runs it. Raises Invalid where that takes too long."""
    options = "ANALYZE, BUFFERS, SETTINGS" if analyze else "SETTINGS"
    with as_reader(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}) {question.text}", question.params)
        return [row[0] for row in cursor.fetchall()]


def millions() -> int:
    """Of customers, rounded up and at least one, by Postgres' own estimate."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_MILLIONS}::int FROM pg_class WHERE oid = 'campaigns_customer'::regclass")
        (found,) = cursor.fetchone()
    return int(found)


def most_cost() -> float:
    """What a question may cost of as many customers as there are, in the unit of `cost`: see settings.RULE_COST."""
    return float(settings.RULE_COST * millions())


def cost(question: Sql) -> float:
    """What Postgres expects it to cost, in its own unit: reading a page in order is 1."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {question.text}", question.params)
        found = cursor.fetchone()[0]
    return float((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]["Total Cost"])


def standing() -> Standing:
    """As whom and how long the block at hand asks, as Postgres has it."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT current_user, current_setting('transaction_read_only') = 'on',
                (SELECT setting::integer FROM pg_settings WHERE name = 'statement_timeout')
        """)
        role, reads_only, milliseconds = cursor.fetchone()
    return Standing(role, reads_only, milliseconds / 1000)


def is_guarded(question: Sql) -> bool:
    """Whether a question can be too dear: events alone are so many."""
    return "campaigns_event" in question.text


def _refuse_dear(question: Sql, parts: Callable[[], Iterable[Part]]) -> None:
    expected = cost(question)
    if expected <= most_cost():
        return
    dearest = max(((cost(query), words) for words, query in parts()), default=(0.0, ""))[1]
    told = f"“{dearest}” would take too long to count" if dearest else "this would take too long to count"
    raise Invalid([Problem("", f"{told}: {CURE}", "too_dear")])
