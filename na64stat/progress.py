"""How long work tells that it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Track = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps what is to come, whose length is known, for a progress bar; `iter` shows none."""
