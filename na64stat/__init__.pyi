"""The public names of na64stat: each is imported when it is used first."""

from . import export as export

# Scenarios
from .scenarios.axion_muon import AxionMuon as AxionMuon
from .scenarios.axion_photon import AxionPhoton as AxionPhoton
from .scenarios.base import Scenario as Scenario
from .scenarios.dark_sector import DarkSector as DarkSector
from .scenarios.muon_pseudoscalar import MuonPseudoscalar as MuonPseudoscalar
from .scenarios.muon_scalar import MuonScalar as MuonScalar
from .scenarios.production import Production as Production
from .scenarios.tabulated import Tabulated as Tabulated
from .scenarios.zprime import ZPrime as ZPrime

# Runs and predictions
from .experiment.efficiency import Efficiency as Efficiency
from .experiment.load import load_run as load_run
from .experiment.load import packaged_runs as packaged_runs
from .experiment.run import BackgroundScaling as BackgroundScaling
from .experiment.run import Run as Run
from .plane import Binning as Binning
from .plane import Region as Region
from .template import Template as Template
from .template import Yield as Yield
from .yields.predict import expected_events as expected_events
from .yields.predict import predict as predict
from .yields.survival import DepthAverage as DepthAverage

# Questions, and their answers
from .contour.overlap import Overlap as Overlap
from .contour.overlap import overlap as overlap
from .contour.region import ExclusionRegion as ExclusionRegion
from .records.limits import ScenarioLimits as ScenarioLimits
from .records.map import Exclusion as Exclusion
from .records.map import Scan as Scan
from .records.projection import MotNeeded as MotNeeded
from .records.projection import Projection as Projection
from .records.sensitivity import Sensitivity as Sensitivity
from .study.each_channel import channels_alone as channels_alone
from .study.limits import limits as limits
from .study.maps.exclusion import exclusion as exclusion
from .study.maps.scan import scan as scan
from .study.projection.mot_needed import mot_needed as mot_needed
from .study.projection.projection import project as project
from .study.question import Question as Question
from .study.sensitivity.sensitivity import EfficiencyRule as EfficiencyRule
from .study.sensitivity.sensitivity import Headline as Headline
from .study.sensitivity.sensitivity import sensitivity as sensitivity
from .study.sensitivity.variation import Variation as Variation

# Models and methods
from .stats.asymptotic import Asymptotic as Asymptotic
from .stats.combine import combine as combine
from .stats.compare import Comparison as Comparison
from .stats.compare import compare as compare
from .stats.exact.exact import Exact as Exact
from .stats.exact.feldman_cousins import FeldmanCousins as FeldmanCousins
from .stats.fits.best_fit import BestFit as BestFit
from .stats.fits.best_fit import best_fit as best_fit
from .stats.fits.goodness import GoodnessOfFit as GoodnessOfFit
from .stats.fits.goodness import goodness_of_fit as goodness_of_fit
from .stats.fits.impacts import Impacts as Impacts
from .stats.fits.impacts import impacts as impacts
from .stats.fits.profile import ProfileScan as ProfileScan
from .stats.fits.profile import profile as profile
from .stats.likelihood.interpolation import Interpolation as Interpolation
from .stats.likelihood.model import Model as Model
from .stats.likelihood.statistic import Criterion as Criterion
from .stats.likelihood.statistic import Statistic as Statistic
from .stats.method import Method as Method
from .stats.likelihood.workspace import build_workspace as build_workspace
from .stats.limits import cl_s as cl_s
from .stats.limits import upper_limit as upper_limit
from .stats.results import ClsResult as ClsResult
from .stats.results import Limit as Limit
from .stats.significance import Significance as Significance
from .stats.significance import significance as significance
from .stats.toys.toys import Toys as Toys

# Posteriors
from .records.credible import ComparedLimits as ComparedLimits
from .records.credible import CredibleLimit as CredibleLimit
from .records.credible import CrediblePlane as CrediblePlane
from .stats.bayes.curve import PosteriorCurve as PosteriorCurve
from .stats.bayes.priors import Flat as Flat
from .stats.bayes.priors import Jeffreys as Jeffreys
from .stats.bayes.priors import LogFlat as LogFlat
from .stats.bayes.priors import Prior as Prior
from .stats.bayes.sampler import Sampler as Sampler
from .stats.bayes.user_prior import UserPrior as UserPrior
from .study.bayes.credible import compare_priors as compare_priors
from .study.bayes.credible import credible_limit as credible_limit
from .study.bayes.credible import credible_plane as credible_plane
from .study.bayes.sample import sample as sample
from .study.bayes.samples import Samples as Samples

# Files, work, errors
from .errors import ComputationError as ComputationError
from .errors import InputError as InputError
from .errors import LowCountWarning as LowCountWarning
from .errors import Na64StatError as Na64StatError
from .errors import ValidityWarning as ValidityWarning
from .figures.figure_of import figure_of as figure_of
from .study.load import load as load
from .tasks.dask import dask_executor as dask_executor
