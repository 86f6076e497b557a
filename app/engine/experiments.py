"""Experiments: changed settings with an end, and what ends them sooner (requirement I6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

#: What a source of changed settings is called, before the experiment's name.
EXPERIMENT, ROLLBACK = "experiment:", "rollback:"

CHURN_WINDOW, LOAD_WINDOW = timedelta(hours=1), timedelta(hours=2)
#: Fewer actionable signals within an hour say nothing.
LEAST_ACTIONABLE = 5
STOP_OUT_PERCENT, FLIP_FLOP_PERCENT = 40, 25
OVERFLOW_PERCENT = 15
#: A surge: this much of a whole day's calls to the model within two hours. A session of six and a
#: half hours spends 31 % in two of them where calls come evenly.
SURGE_PERCENT = 50


class Trigger(StrEnum):
    """Why an experiment is rolled back. Stored: add freely, never rename."""

    STOP_OUTS = "stop_outs"
    FLIP_FLOPS = "flip_flops"
    MODEL_SURGE = "model_surge"
    TIER_A_OVERFLOW = "tier_a_overflow"


_CALMER = {"DIRECTION_LOCK_SECONDS": "120", "MIXER_COOLDOWN_SECONDS": "150"}
_CHEAPER = {"LLM_MIN_SIGNAL_SCORE": "0.65", "QUOTE_RESERVE_FALLBACK": "0"}
#: What each trigger puts in the place of the settings, until a person lifts it. That the
#: experiment's own changes end comes first: so CUTOFF_DELTA goes back.
SETTINGS_AFTER: Mapping[Trigger, Mapping[str, str]] = {
    Trigger.STOP_OUTS: _CALMER,
    Trigger.FLIP_FLOPS: _CALMER,
    Trigger.MODEL_SURGE: _CHEAPER,
    Trigger.TIER_A_OVERFLOW: _CHEAPER,
}


class State(StrEnum):
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    STOPPED = "STOPPED"
    ROLLED_BACK = "ROLLED_BACK"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named set of changed settings, by flat name, in force until a time unless it ends sooner.

    ``measured`` is what was seen of it last, as JSON values.
    """

    name: str
    state: State
    changes: Mapping[str, str]
    why: str
    started_by: str
    started_at: datetime
    until_at: datetime
    ended_at: datetime | None = None
    ended_why: str | None = None
    measured: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A bucket's counters at a moment: how often it has said yes and no since it was made."""

    at: datetime
    granted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What an experiment did.

    In the last hour: ``actionable`` signals (that passed their gates), ``flip_flops`` among them,
    ``exits`` (orders that sold and filled) and the ``stop_outs`` among those. In the last two:
    ``model_calls``, and of tier A's bucket what was ``granted`` and ``refused``. None of it is
    older than the experiment.
    """

    actionable: int
    flip_flops: int
    exits: int
    stop_outs: int
    model_calls: int
    granted: int
    refused: int


def fired(seen: Measured, calls_per_day: int) -> tuple[Trigger, ...]:
    """Return the triggers that fire; whole numbers are compared, so that a limit is exact.

    Stop-outs are a share of the exits, flip-flops of the actionable signals, overflow is the share
    of tier A's calls that were refused. Of nothing there is no share.
    """
    enough = seen.actionable >= LEAST_ACTIONABLE
    asked = seen.granted + seen.refused
    checks = {
        Trigger.STOP_OUTS: enough and _reaches(seen.stop_outs, seen.exits, STOP_OUT_PERCENT),
        Trigger.FLIP_FLOPS: enough
        and _reaches(seen.flip_flops, seen.actionable, FLIP_FLOP_PERCENT),
        Trigger.MODEL_SURGE: _reaches(seen.model_calls, calls_per_day, SURGE_PERCENT),
        Trigger.TIER_A_OVERFLOW: _reaches(seen.refused, asked, OVERFLOW_PERCENT),
    }
    return tuple(trigger for trigger, fires in checks.items() if fires)


def _reaches(part: int, whole: int, percent: int) -> bool:
    return part > 0 and 100 * part >= percent * whole


def settings_after(triggers: Sequence[Trigger]) -> dict[str, str]:
    """Return the settings that a rollback leaves behind, by flat name."""
    return {name: text for each in triggers for name, text in SETTINGS_AFTER[each].items()}


def spent(readings: Sequence[Reading]) -> tuple[int, int]:
    """Return what a bucket granted and refused from the first reading to the last, oldest first.

    Counters that fell began anew, because Redis was emptied: what they count since then is taken.
    """
    granted = refused = 0
    for before, after in pairwise(readings):
        anew = after.granted < before.granted or after.refused < before.refused
        granted += after.granted - (0 if anew else before.granted)
        refused += after.refused - (0 if anew else before.refused)
    return granted, refused


def kept(readings: Sequence[Reading], now: datetime) -> tuple[Reading, ...]:
    """Return the readings that two hours from ``now`` back need: those within, and one before."""
    within = [r for r in readings if now - LOAD_WINDOW < r.at <= now]
    before = [r for r in readings if r.at <= now - LOAD_WINDOW]
    return (*before[-1:], *within)
