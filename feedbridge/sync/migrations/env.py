"""What Alembic runs: the steps over the connection that migrate() opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from feedbridge.sync.tables import metadata, version


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, version_table=version.name
    )
    context.run_migrations()


if not __name__.startswith("feedbridge."):  # Alembic loads this file by its path; anyone else only looks at it
    run()
