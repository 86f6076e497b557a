"""Every setting, typed, read once at the edge."""

from app.config.errors import ConfigError, Problem
from app.config.fingerprint import fingerprint
from app.config.loading import load
from app.config.settings import Alpaca, Api, Secret, Settings

__all__ = ["Alpaca", "Api", "ConfigError", "Problem", "Secret", "Settings", "fingerprint", "load"]
