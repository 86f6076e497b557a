"""What the switch needs of the settings: where the database is, and nothing else."""

from pathlib import Path

import pytest

from app.config import ConfigError
from app.config.reach import Reach, reach

URL = "postgresql://u:s3cret@host/name"
DEFAULT = Path(".metronome")


def env_file(folder: Path, text: bytes) -> Path:
    path = folder / ".env"
    path.write_bytes(text)
    return path


@pytest.mark.parametrize(
    ("environ", "text", "found"),
    [
        ({}, b"", Reach(None, None, DEFAULT)),
        ({"DATABASE_URL": URL}, b"DATABASE_URL=x\n", Reach(URL, None, DEFAULT)),
        ({"DATABASE_URL": " "}, f"DATABASE_URL={URL}\n".encode(), Reach(URL, None, DEFAULT)),
        ({}, b"REDIS_URL=redis://h:1\n", Reach(None, "redis://h:1", DEFAULT)),
        ({"REDIS_URL": "h"}, b"METRONOME_STATE=/here\n", Reach(None, None, Path("/here"))),
        ({}, b"METRONOME_STATE=/a # \xff\nAPI_TOKEN='x\n?\n", Reach(None, None, Path("/a"))),
        ({"DATABASE_URL": URL, "METRONOME_STATE": "/a"}, b"\xff", Reach(URL, None, Path("/a"))),
    ],
)
def test_what_leads_to_the_database_is_read_whatever_else_is_wrong(
    tmp_path: Path, environ: dict[str, str], text: bytes, found: Reach
) -> None:
    assert reach(environ, env_file(tmp_path, text)) == found


@pytest.mark.parametrize(
    ("environ", "text", "said"),
    [
        ({"DATABASE_URL": "mysql://s3cret"}, b"", "DATABASE_URL: ****; accepted: postgresql://"),
        ({}, b"DATABASE_URL='s3cret\n", ".env line 1: not understood"),
        ({}, b"METRONOME_STATE=/a\nMETRONOME_STATE=/b\n", "METRONOME_STATE: set twice"),
        ({}, "DATABASE_URL=x".encode("utf-16"), "byte 0 is not UTF-8"),
    ],
)
def test_another_database_is_never_taken_for_it(
    tmp_path: Path, environ: dict[str, str], text: bytes, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        reach(environ, env_file(tmp_path, text))
    (problem,) = caught.value.problems
    assert said in str(problem)
    assert "s3cret" not in str(problem)


def test_a_file_that_cannot_be_read_may_name_the_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a readable file"):
        reach({}, tmp_path)
    assert reach({"DATABASE_URL": URL, "METRONOME_STATE": "/a"}, tmp_path).database_url == URL
