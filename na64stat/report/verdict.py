"""True if a number of ours agrees with what a paper states."""

from __future__ import annotations

import math
from typing import Final

NOT_STATED: Final = "not stated"
AGREED: Final = "agreed"


def verdict(ours: float | None, stated: str, why: str = "") -> str:
    """The verdict "agreed" if ours rounds to the stated digits, else "differs" with the ratio and the reason.

    Parameters
    ----------
    ours
        None where there is none.
    stated
        The number as the paper writes it: "7.8" means 7.75 to 7.85.
    why
        The reason, if they differ.
    """
    reason = f": {why}" if why else ", not understood"
    if ours is None or not math.isfinite(ours):
        return f"differs{reason}; ours has none"
    mantissa, _, exponent = stated.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    half_a_digit = 0.5 * 10.0**-decimals
    if abs(ours - float(stated)) <= half_a_digit * (1 + 1e-9):
        return AGREED
    return f"differs, {ours / float(stated):.3g} times{reason}"


def judged(agrees: bool, difference: str) -> str:
    """The verdict on a statement in words."""
    return AGREED if agrees else f"differs: {difference}"
