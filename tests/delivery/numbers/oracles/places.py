"""Which numbers each page shows, and who says what each of them has to be: worked out from the rows alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from campaigns.models import Run
from tests.delivery.numbers.reading import MINUS, NUMBER, Places
from tests.delivery.numbers.rows import ask, number

Oracle = Callable[[Run], Places]
ORACLES: dict[str, dict[str, Oracle]] = {"run": {}, "results": {}, "clicks": {}, "comparison": {}, "overview": {}}
# What a page says beside numbers of rows: instants, names with numbers in them, bounds that are explained.
SAID: dict[str, tuple[str, ...]] = {
    "run": (": completed Welcome version #, started", "Speed", "Time"),
    "results": (": completed Run # of Welcome started", ": As of #"),
    "clicks": (": Results of run #",),
    "comparison": tuple(f"Campaigns side by side / {name} completed / beside it" for name in ("Welcome", "Later")),
    "overview": (
        "Complaints: of delivered e-mail in # days",
        "Last runs / Welcome / beside it",
        "Last runs / Later / beside it",
    ),
}
COLUMNS = {
    "Delivered": "delivered", "Came back": "bounced", "Opened": "opened", "Clicked": "clicked",
    "Converted": "converted", "Unsubscribed": "unsubscribed", "Complained": "complained",
}  # fmt: skip
MACHINES = {"opened": "opened_by_machine", "clicked": "clicked_by_machine"}


def oracle(page: str, name: str) -> Callable[[Oracle], Oracle]:
    def keep(made: Oracle) -> Oracle:
        ORACLES[page][name] = made
        return made

    return keep


def money(amounts: dict[str, Decimal]) -> tuple[str, ...]:
    return tuple(f"{amount:.2f}" for amount in amounts.values()) or ("0.00",)


def sentence(heading: str, text: str) -> Places:
    numbers = tuple(each.replace(",", "").replace(MINUS, "-") for each in NUMBER.findall(text))
    return {f"{heading}: {NUMBER.sub('#', text)}": numbers} if numbers else {}


def members(run: Run, condition: str = "TRUE") -> int:
    return number(f"SELECT count(*) FROM campaigns_member m WHERE m.run_id = %s AND {condition}", run.pk)


def states(run: Run) -> dict[str, int]:
    return dict(ask("SELECT state, count(*) FROM delivery_message WHERE run_id = %s GROUP BY 1", run.pk))
