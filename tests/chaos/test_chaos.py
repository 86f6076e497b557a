"""A short chaos over real processes: no order twice, none lost, and nothing left behind."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.local.account import server_account
from app.local.folder import state_folder
from proof.chaos.assault import WEIGHTS
from proof.chaos.figures import OTHERS_S, Figures, wrongs
from proof.chaos.run import run
from proof.chaos.victims import Victim
from proof.chaos.world import Wish

#: Half a minute in which all kinds are struck alike: what a long run has by chance.
SHORT = Wish(minutes=0.5, seed=5, quiet_s=15.0)
#: Three times the longest aim: other tests use the machine at the same time.
RECOVERED_WITHIN_S = 3 * OTHERS_S


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="metronome-chaos-test-") as place:
        # PostgreSQL's own account has to walk through when the tests run as root.
        Path(place).chmod(0o711)
        made = Path(place) / "state"
        yield made
        state_folder(made, server_account()).remove()


@pytest.fixture(scope="module")
def figures(state: Path) -> Figures:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("proof.chaos.assault.WEIGHTS", dict.fromkeys(WEIGHTS, 1))
        return run(state, SHORT, lambda text: None, lambda event: None)


def test_every_kind_was_struck(figures: Figures) -> None:
    struck = {*figures.kills, *figures.stops}
    assert len(struck) >= len(Victim) - 1, f"only {sorted(struck)}"
    assert sum(figures.kills.values()) >= 8
    assert figures.broker_faults
    assert figures.proxy_faults


def test_nothing_was_done_twice_and_nothing_lost(figures: Figures) -> None:
    assert {what: n for what, n in wrongs(figures.account).items() if n} == {}
    assert figures.account.orders > 0
    assert figures.account.fills > 0


def test_connections_stayed_within_their_bound(figures: Figures) -> None:
    seen = figures.connections
    assert 0 < seen["all processes"] <= seen["all processes, bound"]
    assert 0 < seen["one process"] <= seen["one process, bound"]


def test_work_goes_on_after_every_blow(figures: Figures) -> None:
    assert figures.recoveries
    assert figures.children_back
    measured = (*figures.recoveries, *figures.children_back)
    assert [recovery for recovery in measured if recovery.seconds > RECOVERED_WITHIN_S] == []


def test_nothing_of_it_runs_any_more(figures: Figures, state: Path) -> None:
    ours = [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if process.pid != os.getpid()
        and (process.info["environ"] or {}).get("METRONOME_STATE") == str(state.resolve())
    ]
    assert ours == []
