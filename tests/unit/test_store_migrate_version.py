"""Which PostgreSQL is new enough."""

import pytest

from app.engine.errors import InvalidData
from app.io.store.migrate import check_version


@pytest.mark.parametrize("number", [150000, 150018, 180004])
def test_fifteen_and_newer_are_taken(number: int) -> None:
    check_version(number)


@pytest.mark.parametrize(("number", "found"), [(149999, "14.9999"), (140012, "14.12")])
def test_an_older_one_is_named(number: int, found: str) -> None:
    with pytest.raises(InvalidData, match=f"PostgreSQL {found}; Metronome needs 15 or newer"):
        check_version(number)
