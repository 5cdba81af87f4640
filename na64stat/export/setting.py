"""What was asked besides scenario, run, regions and method, in words: results that differ in it must not look alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from na64stat.yields.survival import DepthAverage

CRITERIA: Final = {"cl_s": "CL_s", "cl_sb": "CL_sb, not CL_s", "interval": "Feldman-Cousins interval"}
_NOT_STATED: Final = "not stated"


def criterion_of(result: Any) -> str:
    """What has to fall to 1 - cl: "cl_s", "cl_sb", or "interval"."""
    return str(_asked(result).get("criterion", "cl_s"))


def variant(result: Any) -> str:
    """What a scenario's options and the depth average add to the name of a table, such as "axion-muon, loop decay"."""
    parts = [_option(name, value) for name, value in _asked(result).get("options", {}).items()]
    if _average(result) is DepthAverage.CONTINUOUS:
        parts.append("any depth")
    return "".join(f", {part}" for part in parts)


def setting_text(result: Any) -> str:
    """Sentences on all of it."""
    asked = _asked(result)
    parts = [f"Option of the model: {_option(name, value)}" for name, value in asked.get("options", {}).items()]
    background = asked.get("background")
    if isinstance(background, Mapping):
        background = ", ".join(f"{name}: {setting}" for name, setting in background.items())
    if background:
        parts.append(f"Background setting: {background}")
    if "depth_average" in asked:
        text = {DepthAverage.LAYERS: "sum over target layers", DepthAverage.CONTINUOUS: "continuous"}[_average(result)]
        parts.append(f"Production depth: {text}")
    if asked.get("systematics") is False:
        parts.append("Without systematic uncertainties")
    if asked.get("correlated"):
        parts.append(f"Correlated between runs: {', '.join(asked['correlated'])}")
    if criterion_of(result) != "cl_s":
        parts.append(f"Criterion: {CRITERIA.get(criterion_of(result), _NOT_STATED)}")
    return " ".join(f"{part}." for part in parts)


def _asked(result: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(result, "provenance", {})
    return found


def _average(result: Any) -> DepthAverage:
    return DepthAverage(_asked(result).get("depth_average", DepthAverage.LAYERS.value))


def _option(name: str, value: object) -> str:
    words = name.replace("_", " ")
    return words if value is True else f"{words} = {value}"
