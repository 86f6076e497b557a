"""Faults on demand: which kinds, how likely each, drawn from a seed and counted."""

import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from app.engine.errors import InvalidData


class Door(StrEnum):
    """Where something goes wrong: trading is orders, account and their stream, data are prices."""

    TRADING = "trading"
    DATA = "data"
    BESIDE = "beside"  # news, filings, the model


class Kind(StrEnum):
    """What may go wrong. Delays are wall seconds."""

    ACCEPT_THEN_DROP = "accept_then_drop"
    ERROR_504_AFTER_ACCEPT = "error_504_after_accept"
    RATE_LIMIT_429 = "rate_limit_429"
    SLOW = "slow"
    HTML_ERROR = "html_error"
    LATE_FILL = "late_fill"
    DUPLICATE_FILL = "duplicate_fill"
    OUT_OF_ORDER_FILLS = "out_of_order_fills"
    PARTIAL_FILL = "partial_fill"
    EVENTUAL_VISIBILITY = "eventual_visibility"
    STREAM_DISCONNECT = "stream_disconnect"

    NEWS_HTML = "news_html"
    NEWS_QUOTA = "news_quota"
    NEWS_REPEATED = "news_repeated"
    NEWS_FUTURE = "news_future"
    NEWS_GARBLED = "news_garbled"

    EDGAR_THRESHOLD_403 = "edgar_threshold_403"
    EDGAR_HTML_503 = "edgar_html_503"
    EDGAR_SHIFTED = "edgar_shifted"

    MODEL_SLOW = "model_slow"
    MODEL_TIMEOUT = "model_timeout"
    MODEL_REFUSAL = "model_refusal"
    MODEL_TRUNCATED = "model_truncated"
    MODEL_MALFORMED = "model_malformed"
    MODEL_OUT_OF_RANGE = "model_out_of_range"
    MODEL_RATE_LIMIT_429 = "model_rate_limit_429"
    MODEL_QUOTA_429 = "model_quota_429"
    MODEL_ERROR_500 = "model_error_500"


#: How long the kinds that wait do so, and the longest that a rule may ask for.
DEFAULT_SECONDS = {
    Kind.SLOW: 0.3,
    Kind.LATE_FILL: 0.3,
    Kind.OUT_OF_ORDER_FILLS: 0.2,
    Kind.EVENTUAL_VISIBILITY: 0.7,
    Kind.MODEL_SLOW: 0.2,
    Kind.MODEL_TIMEOUT: 3.0,
}
LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of fault and its probability; ``seconds`` for the kinds that wait."""

    kind: Kind
    probability: float
    seconds: float = 0.0


class Faults:
    """The rules in force. A draw is counted when it says yes."""

    def __init__(self, rules: list[Rule], seed: int) -> None:
        self._random = Random(seed)
        self.seed = seed
        self.counts: Counter[tuple[Kind, Door]] = Counter()
        self.set(rules)

    def set(self, rules: list[Rule], seed: int | None = None) -> None:
        """Put other rules in force; with a seed, start drawing anew."""
        self.rules = {rule.kind: rule for rule in rules}
        if seed is not None:
            self.seed, self._random = seed, Random(seed)

    def draw(self, kind: Kind, door: Door = Door.BESIDE) -> Rule | None:
        """Return the rule if the fault happens now; the door is what it is counted at."""
        rule = self.rules.get(kind)
        if rule is None or self._random.random() >= rule.probability:
            return None
        self.counts[kind, door] += 1
        return rule

    def share(self) -> float:
        """Return a number in [0.1, 0.9), for how much of an order fills."""
        return self._random.uniform(0.1, 0.9)

    def to_json(self) -> dict[str, Any]:
        """Return the rules and how often each kind has happened, in all and door by door."""
        return {
            "seed": self.seed,
            "rules": [
                {"kind": r.kind, "probability": r.probability, "seconds": r.seconds}
                for r in self.rules.values()
            ],
            "counts": {kind: sum(self.counts[kind, door] for door in Door) for kind in Kind},
            "doors": {door: self._at(door) for door in Door},
        }

    def _at(self, door: Door) -> dict[str, int]:
        return {kind: self.counts[kind, door] for kind in Kind if self.counts[kind, door]}


def parse_rules(given: str) -> tuple[list[Rule], int | None]:
    """Read ``kind@probability,…`` (``all`` for every kind) or the name of a TOML or JSON file."""
    if "@" not in given:
        return _read_file(Path(given))
    rules: list[Rule] = []
    for part in given.split(","):
        name, _, probability = part.partition("@")
        try:
            share = float(probability)
        except ValueError:
            raise InvalidData(
                f"--faults {part!r}: the probability must be a number from 0 to 1, as in all@0.05"
            ) from None
        kinds = list(Kind) if name.strip() == "all" else [name.strip()]
        rules += [read_rule({"kind": kind, "probability": share}) for kind in kinds]
    return rules, None


def read_rules(data: Any) -> tuple[list[Rule], int | None]:
    """Read ``{"seed": n, "rules": [{"kind", "probability", "seconds"?}]}``; raises InvalidData."""
    rules = data.get("rules", data.get("rule")) if isinstance(data, dict) else None
    if not isinstance(rules, list):
        raise InvalidData('faults need a list "rules" of {kind, probability, seconds}')
    seed = data.get("seed")
    if seed is not None and not isinstance(seed, int):
        raise InvalidData(f"faults: seed {seed!r} must be a whole number")
    return [read_rule(rule) for rule in rules], seed


def read_rule(data: Any) -> Rule:
    """Read one rule. Raises InvalidData naming what is wrong and what is accepted."""
    if not isinstance(data, dict):
        raise InvalidData(f"faults: {data!r} must be an object with kind and probability")
    try:
        kind = Kind(data.get("kind", ""))
    except ValueError:
        raise InvalidData(
            f"faults: unknown kind {data.get('kind')!r}; accepted: all, {', '.join(Kind)}"
        ) from None
    probability = data.get("probability", 1.0)
    if not _is_between(probability, 1.0):
        raise InvalidData(f"faults: {kind} has probability {probability!r}; accepted: 0 to 1")
    seconds = data.get("seconds", DEFAULT_SECONDS.get(kind, 0.0))
    if not _is_between(seconds, LONGEST_SECONDS):
        raise InvalidData(f"faults: {kind} has seconds {seconds!r}; accepted: 0 to 30")
    return Rule(kind, float(probability), float(seconds))


def _is_between(value: Any, largest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= largest


def _read_file(path: Path) -> tuple[list[Rule], int | None]:
    try:
        text = path.read_text()
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InvalidData(
            f"--faults {path}: {error.strerror}; give a TOML or JSON file, or kind@probability"
        ) from None
    except ValueError as error:
        raise InvalidData(f"--faults {path}: not valid TOML or JSON: {error}") from None
    return read_rules(data)
