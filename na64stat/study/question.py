"""The question that a study answers: a scenario in regions of runs, by a method, at a confidence level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from na64stat.arguments import check, names
from na64stat.errors import InputError, RegionError
from na64stat.experiment.run import Run, check_run, runs_of
from na64stat.records.answer import Header
from na64stat.scenarios.base import Scenario, ScenarioFactory, check_factory, check_scenario
from na64stat.stats.exact.exact import method_of
from na64stat.stats.limits import check_cl
from na64stat.stats.method import Method
from na64stat.study.provenance import provenance_of
from na64stat.study.signal_test import SignalTest
from na64stat.yields.survival import DepthAverage, check_average


@dataclass(frozen=True, eq=False)
class Question:
    """A question about a scenario. Every study takes one in place of a scenario and a run.

    Attributes
    ----------
    scenario
        A scenario class, anything that makes one from `mass` and `coupling`, or a scenario.
    run
        Where; several runs are combined.
    regions
        Region, or several, combined in every run; default the scenario's.
    method
        Statistical method, default `Exact()`. It has no part in posteriors.
    cl
        Confidence level, or posterior probability.
    systematics
        Whether uncertainties take part.
    correlated
        Uncertainty ("efficiency", "mot"), or both, that is one parameter in all runs; the cross section always is.
    average
        Depth average of the decay.

    Raises
    ------
    InputError
        If an entry cannot be.

    Examples
    --------
    >>> import na64stat as na
    >>> question = na.Question(na.AxionMuon, na.load_run("2022"), regions=["invisible"], cl=0.95)
    >>> na.limits(question, masses=[0.1]).cl
    0.95
    """

    scenario: Scenario | ScenarioFactory
    run: Run | Sequence[Run]
    _: KW_ONLY
    regions: Sequence[str] | None = None
    method: Method | None = None
    cl: float = 0.90
    systematics: bool = True
    correlated: Sequence[str] = ()
    average: DepthAverage = DepthAverage.LAYERS

    def __post_init__(self) -> None:
        if not isinstance(self.scenario, Scenario):
            check_factory(self.scenario)
        runs_of(self.run)
        if self.regions is not None:
            names("regions", self.regions, RegionError)
        method_of(self.method)
        check_cl(self.cl)
        check("systematics", self.systematics, bool, "expected True or False")
        names("correlated", self.correlated)
        check_average(self.average)

    @classmethod
    def of(
        cls,
        scenario: Scenario | ScenarioFactory | Question,
        run: Run | Sequence[Run] | None,
        *,
        regions: Sequence[str] | None = None,
        method: Method | None = None,
        cl: float | None = None,
        systematics: bool | None = None,
        correlated: Sequence[str] | None = None,
        average: DepthAverage | None = None,
    ) -> Question:
        """The question that the arguments of a study put: one as it is, or one made of a scenario, a run and keywords.

        Parameters
        ----------
        scenario, run
            As above, or a question, and no run.
        regions, method, cl, systematics, correlated, average
            As above; None stands for what was not given.

        Raises
        ------
        InputError
            If a question stands beside a run or a keyword, or an entry cannot be.
        """
        keywords: dict[str, Any] = {
            "regions": regions,
            "method": method,
            "cl": cl,
            "systematics": systematics,
            "correlated": correlated,
            "average": average,
        }
        given = {name: value for name, value in keywords.items() if value is not None}
        if isinstance(scenario, Question):
            if run is not None or given:
                named = ", ".join(["run"] * (run is not None) + list(given))
                raise InputError(f"{named}: stands in the question; change it with dataclasses.replace(question, ...)")
            return scenario
        return cls(scenario, run, **given)  # type: ignore[arg-type]  # no run is refused by name

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs."""
        return runs_of(self.run)

    @property
    def single_run(self) -> Run:
        """The run, where a study knows one only.

        Raises
        ------
        InputError
            If there are several.
        """
        check_run(self.run)
        return self.runs[0]

    @property
    def statistical_method(self) -> Method:
        """The method, `Exact()` where none was named."""
        return method_of(self.method)

    @property
    def factory(self) -> ScenarioFactory:
        """Maker of the scenario from a mass and a coupling.

        Raises
        ------
        ScenarioError
            If the question has a scenario that is made.
        """
        check_factory(self.scenario)
        return self.scenario  # type: ignore[return-value]

    @property
    def point(self) -> Scenario:
        """The scenario with its mass and coupling, where a study is about one.

        Raises
        ------
        ScenarioError
            If the question has a class.
        """
        check_scenario(self.scenario)
        return self.scenario  # type: ignore[return-value]

    def probe(self, mass: float, coupling: float = 1.0) -> Scenario:
        """The scenario at a mass and a coupling.

        Parameters
        ----------
        mass, coupling
            In GeV, and in the scenario's unit.
        """
        return self.factory(mass=float(mass), coupling=coupling)

    def with_run(self, run: Run) -> Question:
        """The question about another run.

        Parameters
        ----------
        run
            That run.
        """
        return replace(self, run=run)

    def test(self, probe: Scenario) -> SignalTest:
        """The statistical test of signals of a scenario, at whatever mass, in the regions that are asked for.

        Parameters
        ----------
        probe
            The scenario at any mass and coupling.

        Raises
        ------
        RegionError
            If a run lacks a region, or the combination is refused.
        """
        check_scenario(probe)
        chosen = names("regions", probe.default_regions if self.regions is None else self.regions, RegionError)
        correlated = names("correlated", self.correlated)
        return SignalTest(self.run, chosen, self.statistical_method, self.cl, self.systematics, correlated)

    def header(self, probe: Scenario, test: SignalTest) -> Header:
        """The question as the record of its answer has it.

        Parameters
        ----------
        probe, test
            The scenario at any mass and coupling, and its test.
        """
        return Header(
            scenario=probe.name,
            coupling_unit=probe.coupling_unit,
            run=test.run_name,
            regions=test.regions,
            cl=self.cl,
            method=test.method.name,
            provenance=provenance_of(probe, test, self.average),
        )
