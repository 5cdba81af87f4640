"""A region with one count: what a counting model is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CountingChannel:
    """Signal, background and count of one region.

    Attributes
    ----------
    name
        Of the channel.
    signal, background
        Expected events; the signal's at mu = 1.
    signal_effects, background_effects
        Factors at -1 and at +1 standard deviation, by the name of the parameter; one name is one parameter in all channels.
    observed
        Count, None for a projection.
    """

    name: str
    signal: float
    background: float
    signal_effects: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    background_effects: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    observed: float | None = None
