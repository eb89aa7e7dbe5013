"""Units that any process does: which one, how often it died of it, and what it brought or asks for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = ("worker", "deaths", "piece", "who")


def upgrade() -> None:
    for column in (
        sa.Column("worker", sa.String, nullable=False, server_default=""),
        sa.Column("deaths", sa.Integer, nullable=False, server_default="0"),
        sa.Column("piece", sa.Text, nullable=False, server_default=""),
        sa.Column("who", sa.String, nullable=False, server_default=""),
    ):
        op.add_column("units", column)


def downgrade() -> None:
    """Let what the program before has no state for be done again."""
    op.execute("UPDATE units SET state = 'WAITING' WHERE state IN ('BROUGHT', 'HELD')")
    op.execute(
        "INSERT INTO unit_counts (run_id, kind, state, units) SELECT run_id, kind, 'WAITING', sum(units) "
        "FROM unit_counts WHERE state IN ('BROUGHT', 'HELD') GROUP BY run_id, kind "
        "ON CONFLICT (run_id, kind, state) DO UPDATE SET units = unit_counts.units + excluded.units"
    )
    op.execute("DELETE FROM unit_counts WHERE state IN ('BROUGHT', 'HELD')")
    for column in _COLUMNS:
        op.drop_column("units", column)
