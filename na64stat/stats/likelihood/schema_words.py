"""Violations of a JSON schema by a workspace or patch set, in words: the place, the value, and what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

_TYPES: Final = {
    "number": "a number",
    "integer": "a whole number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_LONGEST: Final = 60


def in_words(document: Any, error: Any) -> str:
    """Place, value and expectation of a `jsonschema.ValidationError` in a document."""
    while error.parent is not None:  # up to the alternatives themselves
        error = error.parent
    path = list(error.absolute_path)
    if error.validator in ("anyOf", "oneOf") and error.context:
        meant = _alternative(error)
        if meant is None:
            return _place(document, path) + _no_alternative(error)
        return f"{_place(document, meant.absolute_path)}{_asked(meant)} (in a {error.instance['type']})"
    return _place(document, path) + _asked(error)


def _alternative(error: Any) -> Any:
    """Error of the alternative whose `type` is that of the value."""
    branches: dict[Any, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    if not isinstance(error.instance, Mapping) or "type" not in error.instance:
        return None
    # In a branch of another type, the type is the error.
    return next((errors[0] for errors in branches.values() if not any("type" in e.relative_path for e in errors)), None)


def _no_alternative(error: Any) -> str:
    kinds = [e.validator_value for e in error.context if list(e.relative_path) == ["type"] and e.validator == "const"]
    if isinstance(error.instance, Mapping) and "type" in error.instance and kinds:
        return f"the type {shown(error.instance['type'])} is unknown; expected one of {', '.join(map(str, kinds))}"
    if isinstance(error.instance, Mapping) and "type" not in error.instance:
        return f"{shown(error.instance)} has no 'type'"
    words = {_asked(inner).rpartition("; ")[2].removesuffix("expected ") for inner in error.context}
    return f"{shown(error.instance)}; expected {' or '.join(sorted(words))}"


def _asked(error: Any) -> str:
    """Value, and what was expected."""
    value, rule, instance = shown(error.instance), error.validator_value, error.instance
    if error.validator == "type":
        kinds = [rule] if isinstance(rule, str) else rule
        return f"{value}; expected {' or '.join(_TYPES.get(kind, kind) for kind in kinds)}"
    if error.validator == "required":
        missing = ", ".join(repr(name) for name in rule if name not in instance)
        return f"no {missing}; {_listed(rule)} are needed" if len(rule) > 1 else f"no {missing}, which is needed"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", ()))
        odd = ", ".join(shown(name) for name in instance if name not in known)
        return f"{odd} is unknown; expected {_listed(known)}"
    if error.validator in ("minItems", "minProperties"):
        return f"{value}; expected at least {rule} {'entry' if rule == 1 else 'entries'}"
    if error.validator == "const":
        return f"{value}; expected {shown(rule)}"
    if error.validator == "enum":
        return f"{value}; expected one of {_listed(rule)}"
    if error.validator == "pattern":
        return f"{value}; expected a text that matches {rule}"
    return f"{value} is not what pyhf's schema allows there ({error.validator})"


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names))


def shown(value: Any) -> str:
    """A value in short, as in the file."""
    try:
        text = json.dumps(value) if not isinstance(value, str) else repr(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _place(document: Any, path: Iterable[str | int]) -> str:
    """Position of a path in a document, with the names of channels, samples and so on instead of their numbers."""
    words: list[str] = []
    value: Any = document
    for key in path:
        value = value[key]
        named = isinstance(key, int) and isinstance(value, Mapping) and "name" in value
        words.append(shown(value["name"]) if named else f"[{key}]" if isinstance(key, int) else f", {key}")
    text = " ".join(words).replace(" ,", ",").strip(", ")
    return f"{text}: " if text else ""
