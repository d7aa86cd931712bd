"""What is lost, doubled or left unknown while everything breaks, by the ledgers of the providers themselves."""

from __future__ import annotations

import json
from argparse import Namespace

from tests.benchmarks.figures import NoFigures
from tests.benchmarks.installation import is_ours_alone
from tests.faults.trial import Plan, Stuck, Told, Trial

RECOVERY, SUCCESS = 60.0, 0.9999
LONG = {"people": 33_400, "kills": 115, "postgres": 5, "freezes": 3, "broker_s": 120.0, "seconds": 900.0}
QUICK = {"people": 800, "kills": 15, "postgres": 1, "pauses": 20, "broker_s": 3.0}


def run(options: Namespace) -> bool:
    """Print each fault with its figures and, as the last line, all of them. False when a promise is broken.

    Raises NoFigures.
    """
    if not is_ours_alone():
        raise NoFigures("This benchmark kills Postgres and the broker: unset DATABASE_URL and CELERY_BROKER_URL.")
    plan = Plan(options.seed, **(LONG if options.long else QUICK if options.quick else {}))
    _say(f"Seed {plan.seed}: to see the same again, --seed {plan.seed}.")
    try:
        told = Trial(plan, _say).run()
    except Stuck as stuck:
        raise NoFigures(f"Seed {plan.seed}: {stuck}") from stuck
    figures = _figures(told)
    _say(_table(told))
    broken = [*told.complaints, *_broken(figures)]
    for complaint in broken:
        _say(f"WRONG (seed {plan.seed}): {complaint}")
    _say(json.dumps(figures))
    return not broken


def _figures(told: Told) -> dict[str, float]:
    keyed = [found for name, found in told.findings.items() if name in told.keyed]
    others = [found for name, found in told.findings.items() if name not in told.keyed]
    return {
        "unaccounted": sum(found.unaccounted for found in told.findings.values()),
        "duplicates_keyed": sum(found.duplicates for found in keyed),
        "duplicates_unkeyed": sum(found.duplicates for found in others),
        "unknown": sum(found.unknown for found in told.findings.values()),
        "unknown_keyed": sum(found.unknown for found in keyed),
        "in_hand_over": sum(found.interrupted for found in told.findings.values()),
        "left_open": sum(len(account.doubtful) for account in told.accounts.values()),
        "recovery_max_s": round(max((max(each) for each in told.recoveries.values()), default=0.0), 1),
        "delivery_success": round(sum(f.sent for f in keyed) / max(1, sum(f.eligible for f in keyed)), 6),
        "delivery_success_unkeyed": round(sum(f.sent for f in others) / max(1, sum(f.eligible for f in others)), 6),
        "messages": sum(sum(found.states.values()) for found in told.findings.values()),
        "kills": sum(number for fault, number in told.times.items() if fault.startswith("kill -9")),
        "seconds": round(told.seconds, 1),
    }


def _broken(figures: dict[str, float]) -> list[str]:
    return [
        *(f"{name} is {figures[name]}" for name in ("unaccounted", "duplicates_keyed", "duplicates_unkeyed")
          if figures[name]),
        *([f"recovery took {figures['recovery_max_s']} s"] if figures["recovery_max_s"] > RECOVERY else []),
        *([f"delivery success is {figures['delivery_success']}"] if figures["delivery_success"] < SUCCESS else []),
    ]  # fmt: skip


def _table(told: Told) -> str:
    lines = [f"{'fault':<34}{'times':>7}{'recovered within, s':>22}"]
    for fault in sorted({*told.times, *told.recoveries}):
        recovered = told.recoveries.get(fault)
        within = f"{max(recovered):.1f}" if recovered else ""
        lines.append(f"{fault:<34}{told.times[fault] or len(recovered or ()):>7,}{within:>22}")
    lines.append("")
    lines.append(f"{'retailer':<10}{'messages':>9}{'accepted':>9}{'rejected':>9}{'cancelled':>10}{'failed':>7}"
                 f"{'unknown':>8}{'twice':>6}{'unaccounted':>12}   at the provider")  # fmt: skip
    for name, found in told.findings.items():
        states, counts = found.states, told.accounts[name].counts
        said = ", ".join(f"{number:,} {fate}" for fate, number in sorted(counts.items()))
        lines.append(f"{name:<10}{sum(states.values()):>9,}{found.sent:>9,}{states['rejected']:>9,}"
                     f"{states['cancelled']:>10,}{states['failed']:>7,}{found.unknown:>8,}{found.duplicates:>6,}"
                     f"{found.unaccounted:>12,}   {said}")  # fmt: skip
    return "\n".join(lines)


def _say(words: str) -> None:
    print(words, flush=True)
