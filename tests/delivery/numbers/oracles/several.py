"""Pages of several runs: those side by side, and the overview of the last days. Here they are two."""

from __future__ import annotations

from collections.abc import Callable

from campaigns.models import Run
from tests.delivery.numbers.oracles.places import COLUMNS, MACHINES, Oracle, money, oracle, states
from tests.delivery.numbers.reading import NUMBER, Places
from tests.delivery.numbers.rows import count, number, percent, revenue


def _of_both(label: str, numbers: Callable[[Run], tuple[str, ...]]) -> Oracle:
    def of(run: Run) -> Places:
        runs = Run.objects.select_related("campaign")
        return {f"Campaigns side by side / {each.campaign.name} completed / {label}": numbers(each) for each in runs}

    return of


def _compared(label: str, name: str, places: int) -> Oracle:
    def numbers(run: Run) -> tuple[str, ...]:
        counted, taken = count(run, name), count(run, "taken")
        by_machines = count(run, MACHINES[name]) if name in MACHINES else 0
        machines = [percent(by_machines, taken)] if by_machines else []
        return (percent(counted, taken, places), str(counted), *machines)

    return _of_both(label, numbers)


oracle("comparison", "sent")(_of_both("Sent", lambda run: (str(count(run, "taken")), str(count(run, "messages")))))
oracle("comparison", "revenue")(_of_both("Revenue", lambda run: money(revenue(run))))
for _label, _name in COLUMNS.items():
    if _label != "Came back":
        _places = 2 if _name in ("unsubscribed", "complained") else 1
        oracle("comparison", _label)(_compared(_label, _name, _places))


def both(run: Run, name: str) -> int:
    return sum(count(each, name) for each in Run.objects.all())


@oracle("overview", "customers")
def _customers(run: Run) -> Places:
    reachable = number("SELECT count(*) FROM campaigns_customer WHERE consent_email AND email <> ''")
    return {"Customers": (str(number("SELECT count(*) FROM campaigns_customer")), str(reachable))}


@oracle("overview", "messages")
def _all_messages(run: Run) -> Places:
    return {"Messages in 30 days": (str(both(run, "messages")), str(both(run, "taken")))}


@oracle("overview", "success")
def _success(run: Run) -> Places:
    sent = number("SELECT count(*) FROM delivery_message WHERE state IN ('accepted', 'delivered')")
    missed = number("SELECT count(*) FROM delivery_message WHERE state IN ('failed', 'rejected', 'unknown')")
    tried = both(run, "taken") + missed
    return {"Delivery success": (percent(sent, tried), str(tried))}


@oracle("overview", "conversions")
def _conversions(run: Run) -> Places:
    return {"Conversions": (str(both(run, "converted")), *money(revenue(run)))}  # the other campaign has no goal


def _overall(label: str, name: str) -> Oracle:
    def of(run: Run) -> Places:
        counted, taken = both(run, name), both(run, "taken")
        if name in MACHINES:
            return {label: (percent(counted, taken), str(counted), str(both(run, MACHINES[name])))}
        return {label: (str(counted), percent(counted, taken, 2))}

    return of


for _label, _name in {
    "Opened by people": "opened", "Clicked by people": "clicked", "Unsubscribed": "unsubscribed",
    "Bounced for good": "bounced",
}.items():  # fmt: skip
    oracle("overview", _label)(_overall(_label, _name))


@oracle("overview", "complaints")
def _complaints(run: Run) -> Places:
    delivered = number("SELECT count(*) FROM delivery_message WHERE state IN ('accepted', 'delivered')")
    complained = both(run, "complained")
    place = "Complaints / Other"
    return {
        f"{place} / Share": (percent(complained, delivered, 3),),
        f"{place} / Complaints": (str(complained),),
        f"{place} / Delivered": (str(delivered),),
    }


@oracle("overview", "last runs")
def _last_runs(run: Run) -> Places:
    places: Places = {}
    for each in Run.objects.select_related("campaign"):
        found, name = states(each), each.campaign.name
        accepted, every = found["accepted"] + found["delivered"], sum(found.values())
        places[f"Last runs / {name} / Accepted"] = (str(accepted), str(every))
        places[f"Last runs / {name} / Not sent"] = (str(every - accepted),)
    return places


@oracle("overview", "unknown")
def _left_unknown(run: Run) -> Places:
    found: Places = {}
    for each in Run.objects.order_by("-pk"):
        left = states(each)["unknown"]
        text = f"{left} of {each.campaign.name}: nobody knows whether {'it' if left == 1 else 'they'} went out"
        place = f"Needs you / {NUMBER.sub('#', text)} / beside it"
        found[place] = (str(left),)
    return found
