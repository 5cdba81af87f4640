"""Description of a JSON file that was taken for something else."""

from __future__ import annotations

from na64stat.errors import shown


def content_of(record: object) -> str:
    """Description of the content of a JSON file, for a message.

    Parameters
    ----------
    record
        What was read of it.
    """
    if not isinstance(record, dict):
        return "no JSON object"
    if isinstance(record.get("channels"), list):
        return "a pyhf workspace"
    kind = record.get("kind")
    if "schema" not in record:
        return "no record of na64stat" if kind is None else f"holds {shown(kind)}"
    return "an answer of na64stat (--json)" if kind is None else f"holds {shown(kind)}, a record of na64stat"
