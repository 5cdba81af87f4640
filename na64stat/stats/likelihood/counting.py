"""A region of a counting model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CountingChannel:
    """Signal, background and count of one region.

    Attributes
    ----------
    name
        Name of the channel.
    signal, background
        Expected events; for the signal at mu = 1.
    signal_effects, background_effects
        Factors at -1 and +1 standard deviation by name of the parameter; the same name is the same parameter in all channels.
    observed
        Observed count; None for a projection.
    """

    name: str
    signal: float
    background: float
    signal_effects: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    background_effects: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    observed: float | None = None
