"""The table of the benchmark, from its record."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_NAMES = {
    "pyhf": "pyhf toys",
    "ours": "na64stat",
    "ours, 1 worker": "na64stat, 1 worker",
    "jax": "JAX (evermore and a Newton fit)",
}

_RESULTS = {
    "pyhf_asymptotic_cl_s": "CL_s, pyhf asymptotic",
    "pyhf_asymptotic_limit_scan": "90% limit with band, pyhf asymptotic, 41 points",
    "pyhf_asymptotic_limit_root": "90% limit with band, pyhf asymptotic, root finding",
    "exact_cl_s": "CL_s, na64stat exact",
    "exact_limit": "90% limit with band, na64stat exact",
    "asymptotic_cl_s": "CL_s, na64stat asymptotic",
    "asymptotic_limit": "90% limit with band, na64stat asymptotic",
}


def show(record: dict[str, Any], console: Console) -> None:
    """Print what was measured."""
    for case in record["cases"].values():
        console.print(_toys(case))
        if case["jax_error"]:
            console.print(f"JAX was not measured: {case['jax_error']}", markup=False)
        console.print(_single(case))
        for line in _agreement(case["test_statistic"]):
            console.print(line, markup=False)
        first = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in case["first_call_s"].items())
        console.print(f"First calls, compilation included, not in the rates: {first}\n", markup=False)


def _toys(case: dict[str, Any]) -> Table:
    table = Table(title=f"{case['title']}: toys at mu = {case['mu']:g} (medians; wanted: {case['target']} times pyhf)")
    for name in ("", "toys/s", "times pyhf", "CL_s", "from pyhf", "from ours"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for name, found in case["toys"].items():
        table.add_row(
            _NAMES[name] + (f" ({found['failed']} failed)" if found["failed"] else ""),
            f"{found['toys_per_s']:,.0f}",
            f"{found['ratio_to_pyhf']:,.4g}",
            "none passed" if found["cl_s"] is None else f"{found['cl_s']:.5f} +- {found['cl_s_error']:.5f}",
            *(_distance(found[f"standard_errors_from_{side}"]) for side in ("pyhf", "ours")),
        )
    return table


def _distance(standard_errors: float | None) -> str:
    return "" if standard_errors is None else f"{standard_errors:.1f} s.e."


def _single(case: dict[str, Any]) -> Table:
    table = Table(title="one result (medians)")
    for name in ("", "ms", "value"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for name, found in case["single_results"].items():
        value = "none" if found["value"] is None else f"{found['value']:.4f}"
        table.add_row(_RESULTS[name], f"{1e3 * found['seconds']:.3g}", value)
    return table


def _agreement(found: dict[str, Any]) -> list[str]:
    number = found["data_sets"]
    first = (
        f"q-tilde of {number} data sets. pyhf's likelihood at our fits gives our q-tilde to "
        f"{found['likelihood_difference']:.1e}; {found['our_failed_fits']} of our fits failed."
    )
    lines = [first]
    for optimizer in ("minuit", "scipy"):
        one = found[optimizer]
        lines.append(
            f"  pyhf with {optimizer}: largest difference {one['largest_difference']:.1e} (median "
            f"{one['median_difference']:.1e}), {one['above_1e-6']} above 1e-6, {one['failed']} fits failed; "
            f"where the minima agree at most {one['largest_difference_where_the_minima_agree']:.1e}."
        )
        lines.append(
            f"    Minimum of -2 ln L: pyhf's free fit is higher than ours in {one['pyhf_free_fit_worse']} (fixed: "
            f"{one['pyhf_fixed_fit_worse']}), by up to {one['pyhf_higher_by']:.1e}; ours is higher by at most "
            f"{one['ours_higher_by']:.1e}."
        )
    if "jax" in found:
        lines.append(
            f"  JAX against ours: largest difference {found['jax']['largest_difference']:.1e}, "
            f"{found['jax']['failed']} fits failed."
        )
    return lines
