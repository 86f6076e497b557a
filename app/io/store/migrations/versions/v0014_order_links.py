"""The broker's orders that are one order of ours, and when a request was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table; every order that the broker knows by now is a chain of one."""
    op.add_column("orders", sa.Column("sent_at", sa.DateTime(timezone=True)))
    op.create_table(
        "order_links",
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("broker_id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("replaces", sa.Text()),
        sa.Column("replaced_by", sa.Text()),
        sa.Column("quantity", sa.Numeric()),
        sa.Column("filled_quantity", sa.Numeric(), nullable=False),
        sa.Column("average_price", sa.Numeric()),
        sa.Column("limit_price", sa.Numeric()),
        sa.Column("stop_price", sa.Numeric()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('NEW', 'SUBMITTING', 'UNKNOWN', 'SUBMITTED', 'PARTIAL', 'FILLED', "
            "'CANCELLED', 'REJECTED', 'EXPIRED')",
            name=op.f("ck_order_links_state"),
        ),
        sa.PrimaryKeyConstraint("broker", "broker_id", name=op.f("pk_order_links")),
        sa.UniqueConstraint("client_id", "place", name=op.f("uq_order_links_client_id_place")),
        comment="one row a broker order of ours; place counts the replacements before it",
    )
    op.execute(
        "INSERT INTO order_links (broker, broker_id, book, client_id, place, quantity,"
        " filled_quantity, average_price, limit_price, stop_price, state)"
        " SELECT broker, broker_id, book, client_id, 0, quantity, filled_quantity, average_price,"
        " limit_price, stop_price, state FROM orders WHERE broker_id IS NOT NULL"
    )
