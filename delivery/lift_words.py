"""What a lift says, in sentences for people who do no statistics. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from campaigns import lift
from campaigns.lift import Arm, Verdict
from delivery.results import LiftShown

_DID = {"order": "ordered"}
_TONES = {Verdict.MORE: "good", Verdict.FEWER: "bad", Verdict.UNFAIR: "bad", Verdict.TOO_EARLY: "info"}


@dataclass(frozen=True)
class Told:
    """`tone` is good, bad, info or blank. `amounts` and `detectable` are blank where there is nothing to say."""

    tone: str
    heading: str
    sentence: str
    amounts: str = ""
    detectable: str = ""


def told(shown: LiftShown, event: str, *, holdout: float, zone: tzinfo) -> Told:
    """`event` is the goal's, `holdout` the share that was to be held out."""
    did = _DID.get(event, f"did “{event}”")
    verdict = shown.shares.verdict
    heading = {
        Verdict.MORE: "It brought more",
        Verdict.FEWER: "It brought fewer",
        Verdict.UNPROVEN: "No proven difference",
        Verdict.NOT_ENOUGH: "Not enough data",
        Verdict.TOO_EARLY: "Too early",
        Verdict.UNFAIR: "The draw is not what was asked for",
    }[verdict]
    sentence = _sentence(shown, did, holdout, zone)
    tone = _TONES.get(verdict, "")
    if shown.shares.low is None or verdict in (Verdict.UNFAIR, Verdict.TOO_EARLY):
        return Told(tone, heading, sentence, detectable=_detectable(shown) if shown.is_fair else "")
    return Told(tone, heading, sentence, _amounts(shown), _detectable(shown))


def _sentence(shown: LiftShown, did: str, holdout: float, zone: tzinfo) -> str:
    match shown.shares.verdict:
        case Verdict.NOT_ENOUGH:
            return _not_enough(shown, did)
        case Verdict.UNFAIR:
            return _unfair(shown, holdout)
        case Verdict.TOO_EARLY:
            until = f"{shown.counts_until.astimezone(zone):%-d %b %Y, %H:%M}"
            return f"It counts until {until}. So far {_arms(shown, did)}."
    return _difference(shown, did)


def _difference(shown: LiftShown, did: str) -> str:
    low, high = 100 * (shown.shares.low or 0.0), 100 * (shown.shares.high or 0.0)
    relative = f", {100 * shown.shares.relative:+.0f} % relative to them" if shown.shares.relative is not None else ""
    said = _arms(shown, did)
    if shown.shares.verdict == Verdict.MORE:
        return f"{said}: {_figure(low)} to {_figure(high)} points more{relative}."
    if shown.shares.verdict == Verdict.FEWER:
        return f"{said}: {_figure(-high)} to {_figure(-low)} points fewer{relative}."
    return f"{said}: anything from {_figure(-low)} points fewer to {_figure(high)} points more would fit that."


def _not_enough(shown: LiftShown, did: str) -> str:
    converted = shown.reached.converted + shown.held_out.converted
    return (
        f"Nothing can be said with fewer than {lift.LEAST_PEOPLE} people on each side and {lift.LEAST_CONVERTED} who"
        f" {did}. There are {shown.reached.people:,} reached and {shown.held_out.people:,} held out, and"
        f" {converted:,} {did}."
    )


def _unfair(shown: LiftShown, holdout: float) -> str:
    everybody = shown.reached.people + shown.held_out.people
    return (
        f"{100 * holdout:.3g} % were to be held out, and {shown.held_out.people:,} of {everybody:,} were"
        f" ({100 * shown.held_out.people / (everybody or 1):.3g} %). Chance does that less than once in a thousand"
        " times, so trust no difference here. Something added or took out people after the draw: look at the audience"
        " and its imports, and tell the platform's staff."
    )


def _arms(shown: LiftShown, did: str) -> str:
    return f"{_share(shown.reached)} of those reached {did}, and {_share(shown.held_out)} of those held out"


def _amounts(shown: LiftShown) -> str:
    """What they spent in the one currency in which that is compared, and what that leaves out."""
    if shown.currency is None:
        which = _listed(sorted(each or "no named one" for each in shown.left_out))
        return f"What they spent is in several currencies ({which}) and so not compared: say yours in the brand."
    amounts, unit = shown.amounts, f" {shown.currency}" if shown.currency else ""
    if amounts.low is None or amounts.high is None:
        return ""
    left_out = _left_out(shown)
    if amounts.verdict == Verdict.MORE:
        return f"Each of those reached spent {amounts.low:,.2f} to {amounts.high:,.2f}{unit} more.{left_out}"
    if amounts.verdict == Verdict.FEWER:
        return f"Each of those reached spent {-amounts.high:,.2f} to {-amounts.low:,.2f}{unit} less.{left_out}"
    return (
        f"What they spent is not proven to differ: anything from {-amounts.low:,.2f}{unit} less to"
        f" {amounts.high:,.2f}{unit} more each would fit.{left_out}"
    )


def _left_out(shown: LiftShown) -> str:
    if not shown.left_out:
        return ""
    number = sum(shown.left_out.values())
    are = "amount is" if number == 1 else "amounts are"
    return f" {number:,} {are} left out of that: in {_listed(sorted(shown.left_out))}."


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _detectable(shown: LiftShown) -> str:
    if shown.detectable is None:
        return ""
    points = 100 * shown.detectable * shown.held_out.share
    return (
        f"So many people show a difference of {_figure(points)} points ({100 * shown.detectable:.0f} % relative) or"
        " more four times in five; a smaller one is likelier missed than seen."
    )


def _share(arm: Arm) -> str:
    return f"{100 * arm.share:.1f} %"


def _figure(points: float) -> str:
    """One decimal; two where one would say nothing."""
    return f"{points:.1f}" if abs(points) >= 0.1 or not points else f"{points:.2f}"
