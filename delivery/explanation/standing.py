"""Where the person stands: every reason that could leave somebody out, with what speaks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from campaigns import consents, devices, exclusions, suppressions
from campaigns.models import Customer, Member
from delivery import caps

if TYPE_CHECKING:
    from delivery.explanation.asking import About

_FIRST = ("", Member.Reason.UNIVERSAL_HOLDOUT, Member.Reason.HOLDOUT, Member.Reason.CAPPED)


def checks(about: About, row: dict[str, Any], verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """In the order of precedence. `holds` may be true of several: the first of them is the reason."""
    if not row:
        return []
    shared = verdict["reason"] == Member.Reason.DUPLICATE_ADDRESS
    holds = {reason: bool(row.get(f"is_{reason}")) for reason in exclusions.PRECEDENCE}
    holds[Member.Reason.DUPLICATE_ADDRESS] = shared
    return [
        {"reason": str(reason), "words": reason.label, "holds": holds[reason], "detail": _detail(reason, about, row)}
        for reason in exclusions.PRECEDENCE
    ]


def consents_of(about: About) -> list[dict[str, Any]]:
    """What was said about the channel and about the campaign's topic on it, the newest first, with its proof."""
    said = consents.history(about.customer).filter(channel=about.channel, topic__in=["", about.config.topic])
    return [
        {
            "topic": each.topic or "every topic",
            "granted": each.is_granted,
            "said_at": each.said_at.isoformat(),
            "source": each.source,
            "by": each.by,
            "is_current": each.is_current,
        }
        for each in said[:20]
    ]


def suppressions_of(about: About) -> list[dict[str, Any]]:
    """On whose list the address stands, and why."""
    lists = (
        ("this retailer's list", suppressions.standing(about.customer)),
        ("the platform's list", suppressions.platform.standing(about.customer)),
    )
    return [
        {
            "list": name,
            "why": str(each.get_reason_display()),
            "source": each.source,
            "since": each.created_at.isoformat(),
        }
        for name, found in lists
        for each in found.filter(channel=about.channel)
    ]


def address(about: About) -> str:
    """The address of the channel; empty where there is none."""
    if about.channel == "push":
        return devices.words(about.customer)
    return str(getattr(about.customer, exclusions.ADDRESSES[about.channel].field))


def draws(about: About, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "universal_holdout": {"draw": row.get("universal_draw"), "share": about.policy.universal_holdout},
        "holdout": {"draw": row.get("holdout_draw"), "share": about.config.audience.holdout},
        "variant": {"draw": row.get("draw")},
    }


def limits(about: About, row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"words": caps.words(limit), "had": row.get(f"had_{n}"), "most": limit.messages}
        for n, limit in enumerate(about.limits)
    ]


def _detail(reason: Member.Reason, about: About, row: dict[str, Any]) -> str:
    if reason == Member.Reason.SUPPRESSED:
        return "; ".join(f"on {each['list']}: {each['why'].lower()}" for each in suppressions_of(about))
    if reason == Member.Reason.NO_CONSENT:
        return _said(about)
    if reason == Member.Reason.NO_ADDRESS:
        return address(about) or "has none"
    if reason == Member.Reason.DUPLICATE_ADDRESS:
        return _shared(row)
    if reason in (Member.Reason.UNIVERSAL_HOLDOUT, Member.Reason.HOLDOUT):
        told = draws(about, row)[str(reason)]
        if not told["share"]:
            return "nobody is held out"
        return f"drew {told['draw']:.4f} of 1; the lowest {told['share'] * 100:g} % are held out"
    if reason == Member.Reason.CAPPED:
        return "; ".join(f"had {each['had']}, limit {each['most']}" for each in limits(about, row)) or "no limit"
    return ""


def _said(about: About) -> str:
    current = [each for each in consents_of(about) if each["is_current"]]
    if about.channel not in consents.CHANNELS:
        return "needs none: it goes to your own system"
    agreed = getattr(about.customer, f"consent_{about.channel}")
    told = [f"has {'' if agreed else 'not '}agreed to {about.channel}"]
    for each in current:
        where = f", {each['source']}" if each["source"] else ""
        told.append(f"said {'yes' if each['granted'] else 'no'} to {each['topic']} on {each['said_at'][:10]}{where}")
    return "; ".join(told)


def _shared(row: dict[str, Any]) -> str:
    """With whom, and who of them is kept."""
    sharing = row.get("sharing", [])
    names = dict(Customer.objects.filter(pk__in=[pk for pk, _ in sharing[:10]]).values_list("pk", "external_id"))
    if not names:
        return "nobody else who is in has it"
    kept = next((names[pk] for pk, reason in sorted(sharing) if reason in _FIRST and pk in names), "")
    told = f"shared with {', '.join(names.values())}"
    return f"{told}; {kept} stands for the address" if kept and row["reason"] == "duplicate_address" else told
