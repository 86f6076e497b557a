"""The commit of a working copy, read from git's files as git writes them."""

import subprocess
from pathlib import Path

import pytest

from app.io.commit import changed_in, commit_of

HASH = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


def write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_a_branch_with_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / ".git/HEAD", "ref: refs/heads/main\n")
    write(tmp_path / ".git/packed-refs", f"# pack-refs\n{OTHER} refs/heads/main\n")
    write(tmp_path / ".git/refs/heads/main", f"{HASH}\n")
    assert commit_of(tmp_path) == HASH


def test_a_branch_that_is_packed(tmp_path: Path) -> None:
    write(tmp_path / ".git/HEAD", "ref: refs/heads/main\n")
    packed = f"# pack-refs\n{OTHER} refs/heads/xmain\n{HASH} refs/heads/main\n^{OTHER}\n"
    write(tmp_path / ".git/packed-refs", packed)
    assert commit_of(tmp_path) == HASH


def test_no_branch(tmp_path: Path) -> None:
    write(tmp_path / ".git/HEAD", f"{HASH}\n")
    assert commit_of(tmp_path) == HASH


def test_a_second_working_copy(tmp_path: Path) -> None:
    own = tmp_path / "main/.git/worktrees/second"
    write(own / "HEAD", "ref: refs/heads/topic\n")
    write(own / "commondir", "../..\n")
    write(tmp_path / "main/.git/refs/heads/topic", f"{HASH}\n")
    write(tmp_path / "second/.git", f"gitdir: {own}\n")
    assert commit_of(tmp_path / "second") == HASH


@pytest.mark.parametrize("head", ["", "ref: refs/heads/unborn", "not a hash", "\x00" * 40])
def test_what_says_nothing_is_not_known(tmp_path: Path, head: str) -> None:
    assert commit_of(tmp_path) is None
    write(tmp_path / ".git/HEAD", head)
    assert commit_of(tmp_path) is None


def test_what_is_not_as_committed_is_named(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    assert changed_in(tmp_path / "nowhere") is None
    git("init", "-q")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-qm", "a")
    assert changed_in(tmp_path) == []
    (tmp_path / "a.py").write_text("2")
    (tmp_path / "b.py").write_text("1")
    assert changed_in(tmp_path) == [" M a.py", "?? b.py"]
