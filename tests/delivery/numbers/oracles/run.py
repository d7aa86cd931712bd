"""A run's own page."""

from __future__ import annotations

from campaigns.models import Run
from tests.delivery.numbers.oracles.places import members, oracle, sentence, states
from tests.delivery.numbers.reading import Places
from tests.delivery.numbers.rows import ask, number, percent


@oracle("run", "messages")
def _messages(run: Run) -> Places:
    return {"Messages": (str(sum(states(run).values())), str(members(run, "is_included")))}


@oracle("run", "accepted")
def _accepted(run: Run) -> Places:
    found = states(run)
    all_of_them, waiting = sum(found.values()), found.get("held", 0) + found.get("queued", 0)
    eligible = all_of_them - found["expired"] - found["cancelled"]
    success = percent(found["accepted"] + found["delivered"], eligible)
    return {"Accepted": (success, str(all_of_them - waiting), str(waiting))}


@oracle("run", "states")
def _states(run: Run) -> Places:
    found, counted = Places(), states(run)
    for state, messages in counted.items():
        found[f"Messages / {state} / 2"] = (str(messages),)
        found[f"Messages / {state} / 3"] = (percent(messages, sum(counted.values())),)
    return found


@oracle("run", "balance")
def _balance(run: Run) -> Places:
    numbers = members(run), members(run, "is_included"), members(run, "NOT is_included")
    words = "It balances: {} candidates = {} included + {} excluded, and the messages add up."
    return sentence("Messages", "check_circle " + words.format(*numbers))


@oracle("run", "audience")
def _audience(run: Run) -> Places:
    return {
        "Audience / Candidates / 2": (str(members(run)),),
        "Audience / Held out to measure lift / 2": (f"-{members(run, 'NOT is_included')}",),
        "Audience / Included / 2": (str(members(run, "is_included")),),
    }


@oracle("run", "variants")
def _variants(run: Run) -> Places:
    found = ask(
        "SELECT variant, count(*) FILTER (WHERE state IN ('accepted', 'delivered')), count(*) FROM delivery_message"
        " WHERE run_id = %s GROUP BY 1",
        run.pk,
    )
    return {f"Variants / {variant} / Accepted": (str(sent), str(messages)) for variant, sent, messages in found}


@oracle("run", "reasons")
def _reasons(run: Run) -> Places:
    found = ask(
        "SELECT state, count(*), reason FROM delivery_message WHERE run_id = %s AND reason <> ''"
        " AND state NOT IN ('accepted', 'delivered', 'unknown') GROUP BY 1, 3",
        run.pk,
    )
    told = [sentence("Why messages were not sent", f"{state} {n} {reason}") for state, n, reason in found]
    return {place: numbers for each in told for place, numbers in each.items()}


@oracle("run", "unknowns")
def _unknowns(run: Run) -> Places:
    left = number("SELECT count(*) FROM delivery_message WHERE run_id = %s AND state = 'unknown'", run.pk)
    return sentence("Unknown: handed over, and no answer came", f"{left} No reason was given")
