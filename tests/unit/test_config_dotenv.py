"""The .env file: comments, quotes, line ends, and lines that are wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config import dotenv


def values(text: str) -> dict[str, str]:
    entries, problems = dotenv.parse(text)
    assert problems == []
    return {name: entry.value for name, entry in entries.items()}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("MIXER_THRESHOLD=0.12  # comment", "0.12"),
        ("MIXER_THRESHOLD=0.12\t# comment", "0.12"),
        ("MIXER_THRESHOLD = 0.12", "0.12"),
        ("export MIXER_THRESHOLD=0.12", "0.12"),
        ("MIXER_THRESHOLD='0.12' # comment", "0.12"),
        ('MIXER_THRESHOLD="0.12"# comment', "0.12"),
        ("MIXER_THRESHOLD=", ""),
        ("MIXER_THRESHOLD= # only a comment", ""),
        ("MIXER_THRESHOLD=a#b", "a#b"),
        ("MIXER_THRESHOLD='a # b'", "a # b"),
        ('MIXER_THRESHOLD="a # b" # c', "a # b"),
        ('MIXER_THRESHOLD="it\'s"', "it's"),
        (r'MIXER_THRESHOLD="a\"b\\c\nd"', 'a"b\\c\nd'),
        (r"MIXER_THRESHOLD='a\nb'", r"a\nb"),
        ("MIXER_THRESHOLD=$HOME/x", "$HOME/x"),
        ("MIXER_THRESHOLD=a=b", "a=b"),
        ("MIXER_THRESHOLD=a b", "a b"),
        ("   MIXER_THRESHOLD=x   ", "x"),
    ],
)
def test_a_value(line: str, value: str) -> None:
    assert values(line) == {"MIXER_THRESHOLD": value}


def test_lines_are_counted_whatever_ends_them() -> None:
    entries, problems = dotenv.parse("# head\r\nA=1\r\n\r\nB=2\nC=3")
    assert problems == []
    assert {n: (e.value, e.line) for n, e in entries.items()} == {
        "A": ("1", 2),
        "B": ("2", 4),
        "C": ("3", 5),
    }


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfA=1\r\n")
    entries, problems = dotenv.read(path)
    assert problems == []
    assert entries["A"].value == "1"


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    assert dotenv.read(tmp_path / ".env") == ({}, [])


def test_a_name_set_twice_is_refused_with_both_lines() -> None:
    _, problems = dotenv.parse("A=1\nB=2\n\nA=3")
    assert [str(p) for p in problems] == [
        "A: set twice in .env, lines 1 and 4; accepted: one line for each name. Remove one of them"
    ]


@pytest.mark.parametrize(
    "line", ["hunter2", "=hunter2", "A-B=hunter2", "A='hunter2", 'A="hunter2" x', "1A=hunter2"]
)
def test_a_line_that_is_none_is_named_by_its_number_and_never_shown(line: str) -> None:
    entries, (problem,) = dotenv.parse(f"# head\n{line}")
    assert entries == {}
    assert str(problem).startswith(".env line 2: not understood")
    assert "hunter2" not in str(problem)


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff")
    _, (problem,) = dotenv.read(path)
    assert "byte 2 is not UTF-8" in str(problem)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    _, (problem,) = dotenv.read(tmp_path)
    assert "accepted: a readable file" in str(problem)


@given(st.text(st.characters(exclude_characters="'\r\n", exclude_categories=["Cs"])))
def test_single_quotes_keep_anything_on_a_line(value: str) -> None:
    assert values(f"A='{value}' # c") == {"A": value}


@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    dotenv.parse(text)
