"""A retailer's reader: the role that what its marketers ask for runs under. The second barrier, behind the compiler.

It may read the tables here in its own schema and nothing else: no users, no sessions, no keys, no other schema, and of
the public schema no table at all. It cannot log in; the installation's own database user takes it on for a query.
"""

from __future__ import annotations

from django.db import connection, transaction

TABLES = (
    "campaigns_customer", "campaigns_facts", "campaigns_event", "campaigns_consent", "campaigns_suppression",
    "campaigns_device",
    "campaigns_segment", "campaigns_attributedefinition", "campaigns_product", "campaigns_campaign",
    "campaigns_campaignversion", "campaigns_run", "campaigns_member", "campaigns_arrival", "delivery_message",
    "delivery_batch",
)  # fmt: skip
_MAY_CREATE = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
_EXISTS = "SELECT count(*) > 0 FROM pg_roles WHERE rolname = %s"


@transaction.atomic
def make_reader(schema: str) -> bool:
    """The reader of a retailer's schema, which has its name, with what it may read; done again, nothing changes.

    False where the database user may not create roles: queries then run as that user, and doctor says so.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('readers'))")  # two at once would collide in the catalog
        if not _asked(_EXISTS, schema):
            if not _asked(_MAY_CREATE):
                return False
            cursor.execute(f'CREATE ROLE "{schema}" NOLOGIN NOINHERIT')
            cursor.execute(f'GRANT "{schema}" TO CURRENT_USER')
        cursor.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{schema}"')
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename = ANY(%s)", [schema, list(TABLES)]
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'GRANT SELECT ON "{schema}".{table} TO "{schema}"')
    return True


@transaction.atomic
def drop_reader(schema: str) -> None:
    with connection.cursor() as cursor:
        if _asked(_EXISTS, schema):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('readers'))")
            cursor.execute(f'DROP OWNED BY "{schema}"')
            cursor.execute(f'DROP ROLE "{schema}"')


def without_reader() -> list[str]:
    """The schemas of retailers whose reader is missing, or cannot be taken on by the database user."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.schema_name FROM public.tenants_retailer r"
            " LEFT JOIN pg_roles role ON role.rolname = r.schema_name"
            " WHERE r.status <> 'provisioning' AND (role.oid IS NULL OR NOT pg_has_role(role.oid, 'MEMBER'))"
            " ORDER BY r.schema_name"
        )
        return [row[0] for row in cursor.fetchall()]


def _asked(question: str, *params: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, params)
        return bool(cursor.fetchone()[0])
