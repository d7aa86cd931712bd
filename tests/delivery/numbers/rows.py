"""What the raw rows say of a run, each number asked for in a statement of its own that knows nothing of tallies."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection

from campaigns.lift import Arm
from campaigns.models import Run

OWN = "GBP"
_HEARD = "EXISTS (SELECT FROM delivery_signal s WHERE s.message_id = m.id AND s.kind = '{kind}' AND {who})"
_BY_PEOPLE, _BY_MACHINES = "s.human >= 50", "s.human < 50"
_SENT = ("accepted", "delivered")
# The event is that of the last message that reached its customer before it, whoever sent that.
_BROUGHT = """
    FROM campaigns_event e WHERE e.customer_id = m.customer_id AND e.name = 'order'
        AND m.state IN ('accepted', 'delivered')
        AND e.occurred_at > m.settled_at AND e.occurred_at <= m.settled_at + interval '1 day'
        AND m.id = (SELECT l.id FROM delivery_message l WHERE l.customer_id = m.customer_id
            AND l.state IN ('accepted', 'delivered') AND l.settled_at < e.occurred_at
            ORDER BY l.settled_at DESC, l.id DESC LIMIT 1)
"""


def _of(kind: str, who: str = "TRUE") -> str:
    return _HEARD.format(kind=kind, who=who)


COUNTS = {
    "messages": "TRUE",
    "taken": "m.state IN ('accepted', 'delivered', 'bounced')",
    "delivered": "m.state = 'delivered'",
    "bounced": "m.state = 'bounced'",
    "opened": _of("open", _BY_PEOPLE),
    "opened_by_machine": f"{_of('open', _BY_MACHINES)} AND NOT {_of('open', _BY_PEOPLE)}",
    "clicked": _of("click", _BY_PEOPLE),
    "clicked_by_machine": f"{_of('click', _BY_MACHINES)} AND NOT {_of('click', _BY_PEOPLE)}",
    "unsubscribed": _of("unsubscribe"),
    "complained": _of("complaint"),
    "converted": f"EXISTS (SELECT {_BROUGHT})",
}
# By dimension: the columns that say which, and the condition of each of its groups.
DIMENSIONS = {
    "variant": ("step", "variant"),
    "step": ("step",),
    "wave": ("step", "wave"),
    "channel": ("channel",),
    "provider": ("provider",),
    "domain": ("domain",),
    "hour": ("hour",),
    "segment": ("segment",),
}
_COLUMNS = {
    "step": "m.step",
    "variant": "m.variant",
    "wave": "0::int",
    "channel": "m.channel",
    "provider": "m.provider",
    "domain": "split_part(c.email, '@', 2)",
    "hour": "date_trunc('hour', m.settled_at)",
}
_SEGMENTS = {
    "": "c.email NOT LIKE '%%@mail.example%%' AND c.external_id NOT LIKE 'c1%%'",
    "at-mail": "c.email LIKE '%%@mail.example%%'",
    "ones": "c.external_id LIKE 'c1%%'",
}
FROM = "FROM delivery_message m JOIN campaigns_customer c ON c.id = m.customer_id"


def ask(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def number(sql: str, *params: Any) -> int:
    return int(ask(sql, *params)[0][0] or 0)


def groups(run: Run, dimension: str) -> list[tuple[dict[str, Any], str, tuple[Any, ...]]]:
    """Which, the condition on `m` and `c` that is true of its messages, and that one's parameters."""
    if dimension == "segment":
        return [({"segment": key}, condition, ()) for key, condition in _SEGMENTS.items()]
    names = DIMENSIONS[dimension]
    columns = ", ".join(_COLUMNS[name] for name in names)
    found = ask(f"SELECT DISTINCT {columns} {FROM} WHERE m.run_id = %s ORDER BY {columns}", run.pk)
    condition = " AND ".join(f"{_COLUMNS[name]} = %s" for name in names)
    return [(dict(zip(names, values, strict=True)), condition, values) for values in found]


def has_goal(run: Run) -> bool:
    return run.version.parsed().goal is not None


def count(run: Run, name: str, condition: str = "TRUE", params: tuple[Any, ...] = ()) -> int:
    if name == "converted" and not has_goal(run):
        return 0
    where = f"m.run_id = %s AND ({COUNTS[name]}) AND {condition}"
    return number(f"SELECT count(*) {FROM} WHERE {where}", run.pk, *params)


def revenue(run: Run, condition: str = "TRUE", params: tuple[Any, ...] = ()) -> dict[str, Decimal]:
    """By currency, in their order."""
    if not has_goal(run):
        return {}
    return dict(
        ask(
            f"SELECT coalesce(nullif(brought.currency, ''), '{OWN}'), sum(brought.value) {FROM}"
            f" CROSS JOIN LATERAL (SELECT e.currency, e.value {_BROUGHT} AND e.value IS NOT NULL) brought"
            f" WHERE m.run_id = %s AND {condition} GROUP BY 1 ORDER BY 1",
            run.pk,
            *params,
        )
    )


def arm(run: Run, who: str, until: Any) -> Arm:
    """Of members of whom `who` is true: how many, how many ordered, and the sums of what they spent in GBP."""
    each = f"""
        SELECT m.id,
            (SELECT count(*) FROM campaigns_event e WHERE e.customer_id = m.customer_id AND e.name = 'order'
                AND e.occurred_at > %(begins)s AND e.occurred_at <= %(until)s) AS times,
            (SELECT coalesce(sum(value), 0) FROM campaigns_event e WHERE e.customer_id = m.customer_id
                AND e.name = 'order' AND e.currency IN ('', '{OWN}')
                AND e.occurred_at > %(begins)s AND e.occurred_at <= %(until)s) AS y,
            (SELECT coalesce(sum(value), 0) FROM campaigns_event e WHERE e.customer_id = m.customer_id
                AND e.name = 'order' AND e.currency IN ('', '{OWN}')
                AND e.occurred_at <= %(begins)s AND e.occurred_at > %(begins)s - interval '56 days') AS x
        FROM campaigns_member m WHERE m.run_id = %(run)s AND ({who})
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE times > 0), sum(y), sum(y * y), sum(x), sum(x * x), sum(x * y)"
            f" FROM ({each}) one",
            {"run": run.pk, "begins": run.evaluated_at, "until": until},
        )
        people, converted, *sums = cursor.fetchone()
    return Arm(people, converted, *map(float, sums))


def left_out(run: Run, until: Any) -> dict[str, int]:
    """Amounts of those drawn that are in other currencies."""
    return dict(
        ask(
            """SELECT e.currency, count(*)
            FROM campaigns_event e JOIN campaigns_member m ON m.customer_id = e.customer_id
            WHERE m.run_id = %s AND (m.is_included OR m.reason = 'holdout') AND e.name = 'order'
                AND e.value IS NOT NULL AND e.currency NOT IN ('', %s) AND e.occurred_at <= %s
                AND e.occurred_at > %s::timestamptz - interval '56 days' GROUP BY 1""",
            run.pk,
            OWN,
            until,
            run.evaluated_at,
        )
    )


def percent(part: int, whole: int, places: int = 1) -> str:
    share = Decimal(repr(100 * part / whole))
    return str(share.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
