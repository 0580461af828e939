"""The types that use cases take and give back, for whoever shows them."""

from onbox.app.fit import FitResult
from onbox.app.images import Diagnosis
from onbox.app.judging import Verification
from onbox.app.preflight import PreflightResult
from onbox.app.regrade import RegradeResult
from onbox.app.see import SeeResult
from onbox.app.speed import SpeedResult
from onbox.app.trials import TrialResult
from onbox.app.watching import WatchFrame, WatchSpec
from onbox.bench.tasks import Answer as TaskAnswer
from onbox.box import Box
from onbox.evidence.records import PreflightCase
from onbox.fetch.verified_folder import FetchedFolder
from onbox.fit import Fit, Scenario
from onbox.image.fetch import ImageProgress as ImageProgress
from onbox.image.verify import VerifiedImage
from onbox.judge.imports.trust import ImportTrust
from onbox.judge.speed.selftest import ShapeResult
from onbox.launch.started_engines import StopResult, UpEngine
from onbox.recipes import Recipe
from onbox.schema.checks import Check
from onbox.trial.spec import TrialSpec
from onbox.watch.classify import Assessment
from onbox.weights import Facts

__all__ = [
    "Assessment",
    "Box",
    "Check",
    "Diagnosis",
    "Facts",
    "FetchedFolder",
    "Fit",
    "FitResult",
    "ImageProgress",
    "ImportTrust",
    "PreflightCase",
    "PreflightResult",
    "Recipe",
    "RegradeResult",
    "Scenario",
    "SeeResult",
    "ShapeResult",
    "SpeedResult",
    "StopResult",
    "TaskAnswer",
    "TrialResult",
    "TrialSpec",
    "UpEngine",
    "Verification",
    "VerifiedImage",
    "WatchFrame",
    "WatchSpec",
]
