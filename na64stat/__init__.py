"""From the published inputs of the NA64 muon experiment to limits on new physics.

Nothing is imported until it is used: `import na64stat` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from na64stat import export as export
    from na64stat.contour.overlap import overlap as overlap
    from na64stat.errors import (
        ComputationError as ComputationError,
    )
    from na64stat.errors import (
        InputError as InputError,
    )
    from na64stat.errors import (
        LowCountWarning as LowCountWarning,
    )
    from na64stat.errors import (
        Na64StatError as Na64StatError,
    )
    from na64stat.errors import (
        ValidityWarning as ValidityWarning,
    )
    from na64stat.experiment.load import load_run as load_run
    from na64stat.experiment.load import packaged_runs as packaged_runs
    from na64stat.experiment.run import BackgroundScaling as BackgroundScaling
    from na64stat.experiment.run import Run as Run
    from na64stat.plane import Binning as Binning
    from na64stat.plane import Region as Region
    from na64stat.records.limits import load_limits as load_limits
    from na64stat.records.map import load_exclusion as load_exclusion
    from na64stat.records.map import load_scan as load_scan
    from na64stat.records.projection import load_projection as load_projection
    from na64stat.records.sensitivity import load_sensitivity as load_sensitivity
    from na64stat.scenarios.axion_muon import AxionMuon as AxionMuon
    from na64stat.scenarios.axion_photon import AxionPhoton as AxionPhoton
    from na64stat.scenarios.base import Scenario as Scenario
    from na64stat.scenarios.dark_sector import DarkSector as DarkSector
    from na64stat.scenarios.muon_pseudoscalar import MuonPseudoscalar as MuonPseudoscalar
    from na64stat.scenarios.muon_scalar import MuonScalar as MuonScalar
    from na64stat.scenarios.production import Production as Production
    from na64stat.scenarios.tabulated import Tabulated as Tabulated
    from na64stat.scenarios.zprime import ZPrime as ZPrime
    from na64stat.stats.asymptotic import Asymptotic as Asymptotic
    from na64stat.stats.bayes.curve import Curve as Curve
    from na64stat.stats.bayes.priors import Flat as Flat
    from na64stat.stats.bayes.priors import Jeffreys as Jeffreys
    from na64stat.stats.bayes.priors import LogFlat as LogFlat
    from na64stat.stats.bayes.priors import Prior as Prior
    from na64stat.stats.bayes.sampler import Sampler as Sampler
    from na64stat.stats.bayes.user_prior import UserPrior as UserPrior
    from na64stat.stats.combine import combine as combine
    from na64stat.stats.compare import compare as compare
    from na64stat.stats.exact.exact import Exact as Exact
    from na64stat.stats.exact.feldman_cousins import FeldmanCousins as FeldmanCousins
    from na64stat.stats.fits.best_fit import best_fit as best_fit
    from na64stat.stats.fits.goodness import goodness_of_fit as goodness_of_fit
    from na64stat.stats.fits.impacts import impacts as impacts
    from na64stat.stats.fits.profile import profile as profile
    from na64stat.stats.likelihood.interpolation import Interpolation as Interpolation
    from na64stat.stats.likelihood.model import Model as Model
    from na64stat.stats.likelihood.statistic import Criterion as Criterion
    from na64stat.stats.likelihood.statistic import Statistic as Statistic
    from na64stat.stats.likelihood.workspace import build_workspace as build_workspace
    from na64stat.stats.limits import cl_s as cl_s
    from na64stat.stats.limits import upper_limit as upper_limit
    from na64stat.stats.significance import significance as significance
    from na64stat.stats.toys.toys import Toys as Toys
    from na64stat.study.bayes.credible import compare_priors as compare_priors
    from na64stat.study.bayes.credible import credible_limit as credible_limit
    from na64stat.study.bayes.credible import credible_plane as credible_plane
    from na64stat.study.bayes.sample import sample as sample
    from na64stat.study.bayes.samples import Samples as Samples
    from na64stat.study.bayes.samples import load_samples as load_samples
    from na64stat.study.each_channel import channels_alone as channels_alone
    from na64stat.study.limits import limits as limits
    from na64stat.study.load import load as load
    from na64stat.study.maps.exclusion import exclusion as exclusion
    from na64stat.study.maps.scan import scan as scan
    from na64stat.study.projection.mot_needed import mot_needed as mot_needed
    from na64stat.study.projection.projection import project as project
    from na64stat.study.question import Question as Question
    from na64stat.study.sensitivity.sensitivity import sensitivity as sensitivity
    from na64stat.tasks.dask import dask_executor as dask_executor
    from na64stat.template import Template as Template
    from na64stat.yields.predict import expected_events as expected_events
    from na64stat.yields.predict import predict as predict
    from na64stat.yields.survival import DepthAverage as DepthAverage

_HOMES = {
    "Asymptotic": "stats.asymptotic",
    "AxionMuon": "scenarios.axion_muon",
    "AxionPhoton": "scenarios.axion_photon",
    "BackgroundScaling": "experiment.run",
    "Binning": "plane",
    "ComputationError": "errors",
    "Criterion": "stats.likelihood.statistic",
    "Curve": "stats.bayes.curve",
    "DarkSector": "scenarios.dark_sector",
    "DepthAverage": "yields.survival",
    "Exact": "stats.exact.exact",
    "FeldmanCousins": "stats.exact.feldman_cousins",
    "Flat": "stats.bayes.priors",
    "InputError": "errors",
    "Interpolation": "stats.likelihood.interpolation",
    "Jeffreys": "stats.bayes.priors",
    "LogFlat": "stats.bayes.priors",
    "LowCountWarning": "errors",
    "Model": "stats.likelihood.model",
    "MuonPseudoscalar": "scenarios.muon_pseudoscalar",
    "MuonScalar": "scenarios.muon_scalar",
    "Na64StatError": "errors",
    "Prior": "stats.bayes.priors",
    "Production": "scenarios.production",
    "Question": "study.question",
    "Region": "plane",
    "Run": "experiment.run",
    "Sampler": "stats.bayes.sampler",
    "Samples": "study.bayes.samples",
    "Scenario": "scenarios.base",
    "Statistic": "stats.likelihood.statistic",
    "Tabulated": "scenarios.tabulated",
    "Template": "template",
    "Toys": "stats.toys.toys",
    "UserPrior": "stats.bayes.user_prior",
    "ValidityWarning": "errors",
    "ZPrime": "scenarios.zprime",
    "best_fit": "stats.fits.best_fit",
    "build_workspace": "stats.likelihood.workspace",
    "channels_alone": "study.each_channel",
    "cl_s": "stats.limits",
    "combine": "stats.combine",
    "compare": "stats.compare",
    "compare_priors": "study.bayes.credible",
    "credible_limit": "study.bayes.credible",
    "credible_plane": "study.bayes.credible",
    "dask_executor": "tasks.dask",
    "exclusion": "study.maps.exclusion",
    "expected_events": "yields.predict",
    "goodness_of_fit": "stats.fits.goodness",
    "impacts": "stats.fits.impacts",
    "limits": "study.limits",
    "load": "study.load",
    "load_exclusion": "records.map",
    "load_limits": "records.limits",
    "load_projection": "records.projection",
    "load_run": "experiment.load",
    "load_samples": "study.bayes.samples",
    "load_scan": "records.map",
    "load_sensitivity": "records.sensitivity",
    "mot_needed": "study.projection.mot_needed",
    "overlap": "contour.overlap",
    "packaged_runs": "experiment.load",
    "predict": "yields.predict",
    "profile": "stats.fits.profile",
    "project": "study.projection.projection",
    "sample": "study.bayes.sample",
    "scan": "study.maps.scan",
    "sensitivity": "study.sensitivity.sensitivity",
    "significance": "stats.significance",
    "upper_limit": "stats.limits",
}

__all__ = sorted([*_HOMES, "export"])


def __getattr__(name: str) -> Any:
    if name == "export":
        return importlib.import_module("na64stat.export")
    if name not in _HOMES:
        raise AttributeError(f"module 'na64stat' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"na64stat.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
