"""The types that use cases take and give back, for whoever shows them."""

from onbox.app.fit import FitResult
from onbox.app.judging import Verification
from onbox.app.preflight import PreflightResult
from onbox.app.regrade import RegradeResult
from onbox.app.speed import SpeedResult
from onbox.app.trials import TrialResult
from onbox.app.watching import WatchFrame, WatchSpec
from onbox.box import Box
from onbox.box.checks import Check as BoxCheck
from onbox.fetch.fetched import Fetched
from onbox.fit import Fit, Scenario
from onbox.judge.foreign import Imported
from onbox.judge.selftest import ShapeResult
from onbox.standup.running import Gone, Running
from onbox.trial.spec import TrialSpec
from onbox.weights import Facts

__all__ = [
    "Box",
    "BoxCheck",
    "Facts",
    "Fetched",
    "Fit",
    "FitResult",
    "Gone",
    "Imported",
    "PreflightResult",
    "RegradeResult",
    "Running",
    "Scenario",
    "ShapeResult",
    "SpeedResult",
    "TrialResult",
    "TrialSpec",
    "Verification",
    "WatchFrame",
    "WatchSpec",
]
