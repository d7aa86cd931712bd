"""The database's shape: made where it is missing, compared where it exists."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tenants import context
from tenants.models import Retailer


def migrate() -> bool:
    """Bring the platform's and every retailer's schema up to date. False when nothing had to be done."""
    context.leave()
    if not pending():
        return False
    call_command("migrate_schemas", interactive=False, verbosity=0)
    context.leave()
    return True


def pending() -> list[str]:
    """Migrations that the platform or a retailer lacks, as `schema: app.name`."""
    missing = _unapplied("platform")
    if not missing:
        for retailer in Retailer.objects.exclude(status=Retailer.Status.PROVISIONING):
            with context.in_retailer(retailer):
                missing += _unapplied(retailer.slug)
    return missing


def differences() -> list[str]:
    """How retailers' schemas differ from one another: each line a schema and a column it has too much or too little."""
    schemas = dict(Retailer.objects.exclude(status=Retailer.Status.PROVISIONING).values_list("schema_name", "slug"))
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [list(schemas)])
        shapes: dict[str, set[str]] = {schema: set(columns) for schema, columns in cursor.fetchall()}
    if not shapes:
        return []
    usual = max(shapes.values(), key=lambda shape: sum(shape == other for other in shapes.values()))
    return [
        f"{schemas[schema]} {'has' if column in shape else 'lacks'} {column}"
        for schema, shape in shapes.items()
        for column in sorted(shape ^ usual)
    ]


def _unapplied(name: str) -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{name}: {migration.app_label}.{migration.name}" for migration, _ in plan]


_COLUMNS = """
SELECT table_schema, array_agg(concat_ws(' ', table_name || '.' || column_name, data_type, is_nullable, column_default))
FROM (
    SELECT table_schema, table_name, column_name, data_type, is_nullable,
        replace(column_default, table_schema || '.', '') AS column_default
    FROM information_schema.columns WHERE table_schema = ANY(%s)
) columns GROUP BY 1
"""
