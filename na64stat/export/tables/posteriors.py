"""HEPData tables of posteriors: summaries of chains, credible limits, priors beside CL_s."""

from __future__ import annotations

import math
from typing import Final

from na64stat.export.tables.keywords import named_table, target_of
from na64stat.export.tables.results import hepdata_unit, tables
from na64stat.export.tables.table import MISSING, Cell, Table, Uncertainty, Variable, cells, rounded
from na64stat.records.credible import ComparedLimits, CredibleLimit
from na64stat.study.bayes.samples import Samples

_CL: Final = 0.90


@tables.register
def _samples(result: Samples) -> tuple[Table, ...]:
    rows = result.summary(_CL)
    priors = "; ".join(str(item.get("text", item)) for item in result.question["priors"])
    medians = [_with_errors(row["q50"], row["q16"], row["q84"], "68% credible interval") for row in rows.values()]
    limits = [_with_errors(row["limit"], None, None, "Monte Carlo", row["limit_error"]) for row in rows.values()]
    asked = result.question
    where = "" if asked["run"] is None else f", run {asked['run']}"
    at = "" if asked["mass_gev"] is None else f" at {asked['mass_gev']:g} GeV"
    counts = ", ".join(f"{count:g} in {region}" for region, count in asked["counts"].items())
    unit = "" if asked["coupling_unit"] == "1" else f" The coupling is in {asked['coupling_unit']}."
    text = (
        f"Posterior of {asked['scenario']}{at}{where} by Markov chains: median with the central 68% interval, {_CL:.0%} upper "
        f"limit with its Monte Carlo error. Priors: {priors}. {unit} Observed: {counts}. "
        f"Convergence: {result.diagnostics.verdict} {' '.join(result.notes)}"
    )
    columns = [
        Variable("Posterior median", tuple(medians)),
        Variable(f"Upper limit, {_CL:.0%} credibility", tuple(limits)),
    ]
    parameter = Variable("Parameter", tuple(Cell(name) for name in rows))
    return (
        named_table(
            ", ".join(part for part in (asked["scenario"], asked["run"], "posterior") if part),
            asked["scenario"],
            text,
            (parameter,),
            columns,
            target=target_of(asked["run"], asked),
        ),
    )


@tables.register
def _credible(result: CredibleLimit) -> tuple[Table, ...]:
    text = (
        f"Upper limit from the posterior of the {result.parameter}, by quadrature, and the intervals of the highest density with "
        f"the same probability. Prior: {result.prior}."
    )
    intervals = result.highest_density
    unit = hepdata_unit(result.unit)
    parts = Variable("Part of the highest-density region", tuple(Cell(number + 1) for number in range(len(intervals))))
    columns = [
        Variable("Lower end", cells(low for low, _ in intervals), unit),
        Variable("Upper end", cells(high for _, high in intervals), unit),
        Variable(f"Upper limit, {100 * result.cl:.6g}% credibility", cells([result.limit] * len(intervals)), unit),
    ]
    return (named_table(f"credible limit, {result.parameter}", "", text, (parts,), columns),)


@tables.register
def _compared(result: ComparedLimits) -> tuple[Table, ...]:
    """Limits of priors and methods side by side."""
    counts = ", ".join(f"{count:g} in {region}" for region, count in result.counts.items())
    at = "" if result.mass is None else f" at {result.mass:g} GeV"
    where = "" if result.run is None else f", run {result.run}"
    text = (
        f"Upper limits at {100 * result.cl:.6g}% on {result.scenario}{at}{where}, from priors by quadrature and other methods, "
        f"as signal events in all and as the coupling. Observed: {counts}. {' '.join(result.notes)}"
    )
    remarks = [f"{row.label}: {row.note}." for row in result.rows if row.note]
    columns = [
        Variable("Upper limit, signal events", cells(row.events for row in result.rows)),
        Variable(
            "Upper limit, coupling", cells(row.coupling for row in result.rows), hepdata_unit(result.coupling_unit)
        ),
    ]
    method = Variable("Prior or method", tuple(Cell(row.label) for row in result.rows))
    name = ", ".join(part for part in (result.scenario, result.run, "credible limits") if part)
    target = target_of(result.run, result.provenance)
    return (named_table(name, result.scenario, " ".join([text, *remarks]), (method,), columns, target=target),)


def _with_errors(value: float, low: float | None, high: float | None, label: str, size: float | None = None) -> Cell:
    if not math.isfinite(value):
        return Cell(MISSING)
    centre = rounded(value)
    if low is not None and high is not None:
        minus, plus = rounded(value - low, 3), rounded(high - value, 3)
        errors = (Uncertainty(-minus, plus, label),) if minus or plus else ()
        return Cell(centre, errors=errors)
    known = size is not None and math.isfinite(size) and size > 0
    return Cell(centre, errors=(Uncertainty.of(rounded(float(size or 0), 2), label),) if known else ())
