"""
The first schema.

Until the first release this migration follows `schema.py`; from then on every change is a migration of its own.
"""

from __future__ import annotations

from alembic import op

from orchestrator.engine.stores.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
