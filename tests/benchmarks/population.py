"""A retailer's customers and two years of what they did, made by Postgres itself: a million takes a minute or two.

Everything follows from a seed and a person's or an event's number, by hashing. Cities and categories are Zipf's, the
busiest hundredth of the people does a tenth of everything, a tenth does nothing, and events are stored in the order
in which they happened, so that one person's lie scattered over the table as they do in life.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns import facts
from campaigns.models import AttributeDefinition

CITIES = tuple(
    first + last
    for last in ("ford", "ham", "ton", "bury", "field", "mouth", "by", "wick", "port", "dale")
    for first in (
        "Ash", "Brad", "Cal", "Dun", "East", "Fair", "Green", "Hart", "Ips", "Kings",
        "Lang", "Mar", "New", "Oak", "Pem", "Roch", "Stan", "Thorn", "Wal", "York",
    )
)  # fmt: skip
CATEGORIES = (
    "grocery",
    "wine",
    "fashion",
    "garden",
    "toys",
    "sports",
    "books",
    "beauty",
    "pets",
    "music",
    "tools",
    "art",
)
DECLARED = {"tier": ("text", "text_1"), "points": ("number", "number_1"), "birthday": ("date", "text_2")}
SHARED, SUPPRESSED, UNTOPICAL = 0.01, 0.02, 0.03
DAYS = 730
_FILLED = ("campaigns_customer", "campaigns_event")


@dataclass(frozen=True)
class Population:
    """So many customers and events, and the moment they lead up to."""

    customers: int
    events: int
    seed: int
    until: datetime

    def chance(self, of: str, purpose: int) -> str:
        """A number in [0, 1) for each value of an integer expression, as SQL."""
        mixed = f"hashint8extended({of}, {self.seed * 1000 + purpose})"
        return f"(({mixed} & 9007199254740991) / 9007199254740992.0::double precision)"


def fill(people: Population) -> None:
    """Into the tables of the retailer that is acting, which must be empty. Its facts are true afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
        with indexed_later(*_FILLED):
            cursor.execute(
                f"""INSERT INTO campaigns_customer (external_id, email, phone, first_name, last_name, city, country,
                        timezone, locale, consent_email, consent_sms, consent_push, attributes)
                    {customers(people, "'c' || lpad(i::text, 9, '0')", f"generate_series(1, {people.customers})")}"""
            )
            cursor.execute("SELECT min(id) - 1 FROM campaigns_customer")
            before = cursor.fetchone()[0]
            ago = f"{DAYS} * power(1 - i / {people.events + 1}.0::float8, 1.15)"
            cursor.execute(
                f"""INSERT INTO campaigns_event
                        (event_id, customer_id, name, occurred_at, value, currency, properties, category)
                    SELECT event_id, {before} + person, name, occurred_at, value, currency, properties,
                           coalesce(properties ->> 'category', '')
                    FROM ({events(people, "'e' || lpad(i::text, 10, '0')", ago, people.events)}) made""",
                {"until": people.until},
            )
        _suppress(people)
        _declare(people.until)
        cursor.execute("ANALYZE campaigns_customer, campaigns_event, campaigns_suppression")
        facts.recompute()
        cursor.execute("VACUUM ANALYZE campaigns_customer, campaigns_event, campaigns_facts, campaigns_suppression")
        cursor.execute("VACUUM ANALYZE campaigns_consent")
        cursor.execute("RESET maintenance_work_mem; RESET work_mem")


def customers(people: Population, external_id: str, numbers: str) -> str:
    """A query of the columns of a customer, numbered `i` by a set such as generate_series(1, 10)."""
    chance = people.chance
    of_another = f"(1 + {chance('i', 3)} * {people.customers})::bigint"
    box = f"'p' || CASE WHEN {chance('i', 2)} < {SHARED} THEN {of_another} ELSE i END || '@example.com'"
    address = f"CASE WHEN {chance('i', 1)} < 0.02 THEN '' ELSE {box} END"
    return f"""
        SELECT {external_id} AS external_id, {address} AS email,
            CASE WHEN {chance("i", 4)} < 0.6 THEN '+447' || lpad(i::text, 9, '0') ELSE '' END AS phone,
            ({_array(_FIRST)})[1 + floor({chance("i", 5)} * {len(_FIRST)})::integer] AS first_name,
            ({_array(_LAST)})[1 + floor({chance("i", 6)} * {len(_LAST)})::integer] AS last_name,
            CASE WHEN {chance("i", 7)} < 0.03 THEN '' ELSE ({_array(CITIES)})[{_zipf(chance("i", 8), len(CITIES))}] END
                AS city,
            country, ({_array(zone for _, zone, _ in _COUNTRIES)})[at] AS timezone,
            ({_array(locale for _, _, locale in _COUNTRIES)})[at] AS locale,
            {chance("i", 9)} < 0.85 AS consent_email, {chance("i", 10)} < 0.3 AS consent_sms,
            {chance("i", 11)} < 0.2 AS consent_push,
            jsonb_strip_nulls(jsonb_build_object(
                'tier', CASE WHEN {chance("i", 12)} < 0.1 THEN 'gold' WHEN {chance("i", 12)} < 0.35 THEN 'silver'
                             WHEN {chance("i", 12)} < 0.9 THEN 'bronze' END,
                'points', CASE WHEN {chance("i", 13)} < 0.9 THEN floor(-400 * ln(1 - {chance("i", 14)})) END,
                'birthday', CASE WHEN {chance("i", 15)} < 0.7
                                 THEN (date '1940-01-01' + floor({chance("i", 16)} * 24000)::integer)::text END,
                'favourite', CASE WHEN {chance("i", 17)} < 0.5
                                  THEN ({_array(CATEGORIES)})[{_zipf(chance("i", 18), len(CATEGORIES))}] END
            )) AS attributes
        FROM (
            SELECT i, at, ({_array(country for country, _, _ in _COUNTRIES)})[at] AS country
            FROM (SELECT i, {_zipf(chance("i", 19), len(_COUNTRIES))} AS at FROM {numbers} i) placed
        ) person ORDER BY i
    """


def events(people: Population, event_id: str, ago: str, number: int, first: int = 1) -> str:
    """A query of `number` events; `person` is a customer's number. `ago` is how many days ago, as SQL over `i`."""
    chance = people.chance
    # The square makes some people busy; the multiplication scatters them; a tenth is left out.
    busy = f"floor({chance('i', 31)} ^ 2 * {max(1, people.customers * 9 // 10)})::bigint"
    return f"""
        SELECT i, {event_id} AS event_id, 1 + mod({busy} * 1299709, {people.customers}) AS person, name,
            %(until)s::timestamptz - {ago} * interval '1 day' AS occurred_at,
            CASE WHEN name = 'order' THEN round((8 - 55 * ln(1 - {chance("i", 32)}))::numeric, 2) END AS value,
            CASE WHEN name = 'order' THEN 'EUR' ELSE '' END AS currency,
            CASE WHEN name IN ('order', 'cart', 'view') THEN jsonb_build_object(
                'category', ({_array(CATEGORIES)})[{_zipf(chance("i", 33), len(CATEGORIES))}],
                'sku', 'sku-' || floor({chance("i", 34)} * 5000), 'quantity', 1 + floor({chance("i", 35)} * 4))
            ELSE jsonb_build_object('campaign', 'campaign-' || floor({chance("i", 36)} * 50)) END AS properties
        FROM (
            SELECT i, CASE WHEN kind < 0.2 THEN 'order' WHEN kind < 0.3 THEN 'cart' WHEN kind < 0.75 THEN 'view'
                           WHEN kind < 0.93 THEN 'email_opened' ELSE 'email_clicked' END AS name
            FROM (SELECT i, {chance("i", 30)} AS kind
                  FROM generate_series({first}::bigint, {first + number - 1}::bigint) i) drawn
        ) happening
    """


def _suppress(people: Population) -> None:
    """Addresses nobody may write to, and people who want none of one topic."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO campaigns_suppression (channel, address, address_hash, reason)
                SELECT DISTINCT 'email', email, sha256(convert_to(email, 'UTF8')), 'unsubscribed'
                FROM campaigns_customer WHERE email <> '' AND {people.chance("id", 50)} < {SUPPRESSED}"""
        )
        cursor.execute(
            f"""INSERT INTO campaigns_consent (customer_id, channel, topic, is_granted, said_at)
                SELECT id, 'email', 'promotions', false, %s
                FROM campaigns_customer WHERE consent_email AND {people.chance("id", 51)} < {UNTOPICAL}""",
            [people.until],
        )


def _declare(now: datetime) -> None:
    for name, (kind, slot) in DECLARED.items():
        AttributeDefinition.objects.create(name=name, type=kind, slot=slot, ready_at=now)


@contextmanager
def indexed_later(*tables: str) -> Iterator[None]:
    """Without foreign keys and plain indexes meanwhile: made in one go they take a fraction of the time."""
    again = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                """SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
                          format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
                                 conrelid::regclass, conname, pg_get_constraintdef(oid))
                     FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'
                   UNION ALL
                   SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
                     FROM pg_index WHERE indrelid = %s::regclass AND NOT EXISTS (
                       SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))""",
                [table, table],
            )
            for drop, create in cursor.fetchall():
                cursor.execute(drop)
                again.append(create)
    yield
    with connection.cursor() as cursor:
        for create in again:
            cursor.execute(create)


def _zipf(chance: str, number: int) -> str:
    """1 .. number, each about as often as one over itself."""
    return f"least({number}, floor(exp({chance} * ln({number + 1}::double precision))))::integer"


def _array(words: Iterable[str]) -> str:
    """Our own words only: none holds a quote."""
    return "ARRAY[" + ", ".join(f"'{word}'" for word in words) + "]"


_FIRST = (
    "Ana",
    "Ben",
    "Chloe",
    "Dev",
    "Ewa",
    "Finn",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kofi",
    "Lena",
    "Mia",
    "Noor",
    "Olu",
)
_LAST = (
    "Adams",
    "Baker",
    "Costa",
    "Dubois",
    "Evans",
    "Fischer",
    "Garcia",
    "Hughes",
    "Ivanov",
    "Jensen",
    "Khan",
    "Lopez",
)
_COUNTRIES = (
    ("GB", "Europe/London", "en-GB"), ("DE", "Europe/Berlin", "de-DE"), ("FR", "Europe/Paris", "fr-FR"),
    ("IE", "Europe/Dublin", "en-IE"), ("ES", "Europe/Madrid", "es-ES"), ("US", "America/New_York", "en-US"),
)  # fmt: skip
