"""Counters: how often each rate limit has said yes and no so far."""

from app.engine.errors import Transient
from app.engine.experiments import Reading
from app.pipeline.services import Services


def counters(to: Services) -> dict[str, Reading] | None:
    """Read every bucket's counters; None where Redis is away."""
    at = to.clock.now()
    try:
        return {
            level.name: Reading(at, level.granted, level.refused) for level in to.buckets.levels()
        }
    except Transient:
        return None
