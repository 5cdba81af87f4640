"""A probability estimated from toys, with its Monte Carlo error."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class TailProbability:
    """Probability of toys at least as extreme as the data: the share of such toys, with its standard error.

    Without such a toy `bound` is True, the value is the upper bound at 95% confidence, 1 - 0.05^(1/toys), and the error is 0.
    """

    value: float
    error: float
    bound: bool
    toys: int

    @classmethod
    def of(cls, extreme: int, toys: int) -> TailProbability:
        """Estimate from the number of extreme toys."""
        if extreme == 0:
            return cls(-math.expm1(math.log(0.05) / toys), 0.0, True, toys)
        share = extreme / toys
        # If every toy is extreme, the error for one that is not.
        spread = max(share * (1 - share), 1 / toys * (1 - 1 / toys))
        return cls(share, math.sqrt(spread / toys), False, toys)
