"""The statements that write customers. Rows travel as parameters: no temporary table, no trip per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from campaigns.consents import folding
from campaigns.facts import slots, truth, upkeep
from campaigns.ingest import documents, lines
from tenants import prepared

Outcome = Literal["created", "updated", "overfull"]
Rows = Sequence[Mapping[str, Any]]
Columns = dict[str, str]  # customers as the statements take them

_TEXTS = ("email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale")
_CONSENTS = ("consent_email", "consent_sms", "consent_push")
_FIELDS = (*_TEXTS, *_CONSENTS, "attributes")
_TOLD = (*_CONSENTS, "city", "country")  # in facts as they are, beside slots
_KEPT = ("email", "phone", *_TOLD, "attributes")  # as they were
_TRUTHS, _DOCUMENTS = (*_CONSENTS, "wiped"), ("attributes", "removed")
_TABLES = (
    "campaigns_customer", "campaigns_customerpast", "campaigns_facts", "campaigns_consent", "campaigns_suppression",
    "public.tenants_platformsuppression", "delivery_message",
)  # fmt: skip
# So many characters of JSON are within the bounds of documents, and each key takes eight: it, its quotes, a value.
_ROOMY = 8 * documents.MOST_KEYS

# What a customer `c` becomes by the row `g`.
_MERGED = """
    (CASE WHEN g.wiped THEN '{}' ELSE c.attributes END || coalesce(g.attributes, '{}')) - coalesce(g.removed, '{}')"""
_NEW_VALUES = ", ".join(
    [f"coalesce(g.{name}, c.{name})" for name in _TEXTS]
    + [f"CASE WHEN g.{name} AND NOT c.{name} AND g.no_{name} THEN false ELSE coalesce(g.{name}, c.{name}) END"
       for name in _CONSENTS]
    + ["g.merged"]
)  # fmt: skip
_DEFAULTS = ", ".join(
    [f"coalesce(g.{name}, '')" for name in _TEXTS]
    + [f"coalesce(g.{name}, false)" for name in _CONSENTS]
    + ["coalesce(g.attributes, '{}')"]
)
_BY_CHANNEL = ", ".join(f"('{name.removeprefix('consent_')}', c.{name}, c.was_{name})" for name in _CONSENTS)


def _said_no(flag: str) -> str:
    """Whether a file's bare yes meets a no that was said elsewhere: the file may be older, and the no stands.

    Looked up where that could matter alone, by the index, whatever stale statistics say.
    """
    return f"""
        CASE WHEN g.{flag} AND NOT c.{flag} AND %(source)s LIKE 'import%%' THEN (
            SELECT NOT k.is_granted AND k.source NOT LIKE 'import%%' FROM campaigns_consent k
             WHERE k.customer_id = c.id AND k.channel = '{flag.removeprefix("consent_")}' AND k.topic = ''
               AND k.is_current)
        END AS no_{flag}"""


def _holders(field: str) -> str:
    """Up to two others who have the address already: one of them did not share it so far, of two each did.

    That theirs is not blank is said once more for the index of phones, which holds no blank ones.
    """
    return f"""
        CASE WHEN c.{field} <> '' THEN ARRAY(
            SELECT o.id FROM campaigns_customer o
             WHERE o.{field} = c.{field} AND o.{field} <> '' AND o.id <> c.id LIMIT 2)
        END"""


# What was known of whom until now, where a message may have said it: one settled since the last such change, or due.
# The ledger is delivery's, and is asked for nothing else: whether it is empty, once, and of those who change, by index.
_KNOWN = (*_TEXTS, "attributes")
_PAST = f"""past AS (
    INSERT INTO campaigns_customerpast (customer_id, until, known)
    SELECT o.id, clock_timestamp(),
           jsonb_build_object({", ".join(f"'{name}', o.{name}" for name in ("external_id", *_KNOWN))})
      FROM updated c CROSS JOIN LATERAL (SELECT * FROM campaigns_customer k WHERE k.id = c.id OFFSET 0) o
     WHERE EXISTS (SELECT FROM delivery_message) AND (
        SELECT true FROM delivery_message m
         WHERE m.customer_id = c.id AND coalesce(m.settled_at > (
            SELECT max(p.until) FROM campaigns_customerpast p WHERE p.customer_id = c.id
         ), m.settled_at IS NOT NULL OR m.send_at <= clock_timestamp()) LIMIT 1)
       AND ({", ".join(f"o.{name}" for name in _KNOWN)}) IS DISTINCT FROM ({", ".join(f"c.{name}" for name in _KNOWN)})
)"""

# Customers are looked up once, each by the index and in its order, however many there are: a join would read through
# them all. Then they are known by their place, which nobody changes before the turn ends. The first OFFSET 0 keeps a
# lookup a lookup, the other keeps attributes from being merged once for each use of them. Those can only outgrow their
# bounds where something is added to what is large already, hence the cheap tests first. What is read of other customers
# is how they were before this statement.
_UPSERT = f"""
WITH given AS MATERIALIZED (
    SELECT external_id, {", ".join(_TEXTS)}, {", ".join(f"{name}::boolean AS {name}" for name in _TRUTHS)},
           attributes::jsonb AS attributes,
           CASE WHEN removed IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(removed::jsonb)) END AS removed
      FROM {lines.apart(("external_id", *_TEXTS, *_TRUTHS, *_DOCUMENTS))}
     WHERE external_id IS NOT NULL
), existing AS MATERIALIZED (
    SELECT e.*, NOT e.was_attributes @> e.attributes AND octet_length(e.merged::text) > {_ROOMY}
           AND (SELECT count(*) > {documents.MOST_KEYS} OR octet_length(e.merged::text) > {documents.MOST_BYTES}
                  FROM jsonb_object_keys(e.merged)) AS is_overfull
      FROM (
        SELECT c.id AS customer_id, c.place, g.*, {", ".join(f"c.{name} AS was_{name}" for name in _KEPT)},
               {", ".join(map(_said_no, _CONSENTS))}, {_MERGED} AS merged
          FROM (SELECT * FROM given ORDER BY external_id) g
               CROSS JOIN LATERAL (
                   SELECT known.*, known.ctid AS place FROM campaigns_customer known
                    WHERE known.external_id = g.external_id OFFSET 0) c
        OFFSET 0) e
), updated AS (
    UPDATE campaigns_customer c SET ({", ".join(_FIELDS)}, updated_at) = ROW({_NEW_VALUES}, %(now)s)
      FROM existing g
     WHERE c.ctid = g.place AND g.is_overfull IS NOT TRUE
       AND ({", ".join(f"c.{name}" for name in _FIELDS)}) IS DISTINCT FROM ({_NEW_VALUES})
    RETURNING c.*, c.ctid AS place, g.was_email, g.was_phone, {", ".join(f"g.was_{name}" for name in _CONSENTS)},
              ({", ".join(f"c.{name}" for name in _TOLD)}__are__)
              IS DISTINCT FROM ({", ".join(f"g.was_{name}" for name in _TOLD)}__were__) AS is_news
), {_PAST}, inserted AS (
    INSERT INTO campaigns_customer (external_id, {", ".join(_FIELDS)}, created_at, updated_at)
    SELECT g.external_id, {_DEFAULTS}, %(now)s, %(now)s
      FROM given g
     WHERE g.external_id NOT IN (SELECT external_id FROM existing)
    RETURNING id, external_id, email, phone, city, country, attributes,
              {", ".join(f"{name}, false AS was_{name}" for name in _CONSENTS)}
), newcomers AS MATERIALIZED (
    SELECT c.*, {_holders("email")} AS by_email, {_holders("phone")} AS by_phone FROM inserted c
), movers AS MATERIALIZED (
    SELECT c.*, CASE WHEN email <> was_email THEN {_holders("email")} END AS by_email,
           CASE WHEN phone <> was_phone THEN {_holders("phone")} END AS by_phone
      FROM updated c WHERE email <> was_email OR phone <> was_phone
), sharing AS MATERIALIZED (
    SELECT unnest(string_to_array(%(sharing)s, chr(10))) AS external_id
), facts AS (
    INSERT INTO campaigns_facts (customer_id, seed, {", ".join(upkeep.COLUMNS)}__slots__)
    SELECT c.id, {truth.SEED},
           {upkeep.of_row("coalesce(by_email <> '{}', false)", "coalesce(by_phone <> '{}', false)", ())}__values__
      FROM newcomers c
), said AS (
    SELECT c.id AS customer_id, v.channel, v.is_granted
      FROM updated c CROSS JOIN LATERAL (VALUES {_BY_CHANNEL}) v(channel, is_granted, was)
     WHERE v.is_granted <> v.was
), {folding.APPEND}, agreed AS (
    INSERT INTO campaigns_consent (customer_id, channel, is_granted, said_at, source, by, recorded_at)
    SELECT c.id, v.channel, true, %(now)s, %(source)s, %(by)s, %(now)s
      FROM newcomers c CROSS JOIN LATERAL (VALUES {_BY_CHANNEL}) v(channel, is_granted, was)
     WHERE v.is_granted
)
SELECT (SELECT string_agg(external_id, chr(10)) FROM newcomers),
       (SELECT string_agg(external_id, chr(10)) FROM updated),
       (SELECT string_agg(external_id, chr(10)) FROM existing WHERE is_overfull),
       ARRAY(SELECT id FROM newcomers WHERE external_id IN (SELECT * FROM sharing)
             UNION SELECT id FROM updated WHERE external_id IN (SELECT * FROM sharing)
             UNION SELECT id FROM movers
             UNION SELECT by_email[1] FROM newcomers WHERE cardinality(by_email) = 1
             UNION SELECT by_phone[1] FROM newcomers WHERE cardinality(by_phone) = 1
             UNION SELECT by_email[1] FROM movers WHERE cardinality(by_email) = 1
             UNION SELECT by_phone[1] FROM movers WHERE cardinality(by_phone) = 1),
       ARRAY(SELECT place FROM updated WHERE is_news)::text,
       ARRAY(SELECT was_email FROM movers WHERE email <> was_email AND was_email <> ''),
       ARRAY(SELECT was_phone FROM movers WHERE phone <> was_phone AND was_phone <> '')
"""


class _Written(NamedTuple):
    """What became of customers: external ids, a line each, None for none. And whose facts are not known by then.

    Those of `ids` follow from their rows. At `places` are others whose addresses are what they were. Who else has an
    address of `left_email` and `left_phone` may be alone with it now.
    """

    created: str | None
    updated: str | None
    overfull: str | None
    ids: list[int]
    places: str
    left_email: list[str]
    left_phone: list[str]

    def outcomes(self) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        told: list[tuple[Outcome, str | None]]
        told = [("created", self.created), ("updated", self.updated), ("overfull", self.overfull)]
        for outcome, external_ids in told:
            found |= dict.fromkeys(external_ids.split("\n") if external_ids else (), outcome)
        return found


@dataclass(frozen=True)
class Proof:
    """What is put down where somebody's consent changed: through which door, and who recorded it."""

    source: str
    by: str


def upsert_customers(
    columns: Columns,
    said: Sequence[dict[str, Any]],
    given: list[slots.Slot],
    *,
    now: datetime,
    proof: Proof,
) -> list[tuple[str, Outcome]]:
    """Write distinct customers, and what they said of messages.

    Belongs after the turn, with the slots of then.

    (external_id, created | updated | overfull) of all but the unchanged. One writer per retailer at a time: two files
    with the same customers neither deadlock nor race to insert.
    """
    written = _upsert(columns, given, now, proof)
    outcomes = written.outcomes()
    spoke = folding.say(_not_overfull(said, outcomes), now=now, by=proof.by) if said else {}
    _follow(written, set(spoke.values()), given)
    return list((dict.fromkeys(spoke, "updated") | outcomes).items())  # type: ignore[arg-type]


def columns(rows: Rows) -> Columns:
    """Customers as `upsert_customers` takes them. Pure, and done before the turn, as all that can be."""
    texts = lines.texts(rows, ("external_id", *_TEXTS))
    return texts | lines.truths(rows, _TRUTHS) | lines.json(rows, _DOCUMENTS) | {"sharing": _sharing(rows)}


def _sharing(rows: Rows) -> str:
    """Those who share an address with others of the same call."""
    told = {name: Counter(row.get(name) or None for row in rows) for name in ("email", "phone")}
    twice = {name: {address for address, n in counts.items() if address and n > 1} for name, counts in told.items()}
    return "\n".join(row["external_id"] for row in rows if any(row.get(name) in twice[name] for name in twice))


def _upsert(columns: Columns, given: list[slots.Slot], now: datetime, proof: Proof) -> _Written:
    params = {"now": now, "source": proof.source, "by": proof.by, **columns, **slots.params(given)}
    prepared.plan_anew_where_grown(_TABLES)
    [found] = prepared.rows(_with_slots(tuple(given)), params)
    return _Written(*found)


@lru_cache(maxsize=100)
def _with_slots(given: tuple[slots.Slot, ...]) -> str:
    parts = {
        "__slots__": [slot.column for slot in given],
        "__values__": [slots.value(slot, "c.attributes") for slot in given],
        "__are__": [slots.text(slot, "c.attributes") for slot in given],
        "__were__": [slots.text(slot, "g.was_attributes") for slot in given],
    }
    statement = _UPSERT
    for place, each in parts.items():
        statement = statement.replace(place, "".join(f", {part}" for part in each))
    return statement


def _follow(written: _Written, spoke: set[int], given: list[slots.Slot]) -> None:
    """Those of newcomers are right already, unless others of the same call have their address, or left it."""
    whole = spoke.union(written.ids)
    left = {"left_email": written.left_email, "left_phone": written.left_phone}
    if whole or written.places != "{}" or any(left.values()):
        upkeep.follow(whole, given, same_addresses=written.places, **left)


def _not_overfull(said: Sequence[dict[str, Any]], outcomes: dict[str, Outcome]) -> list[dict[str, Any]]:
    return [each for each in said if outcomes.get(each["external_id"]) != "overfull"]
