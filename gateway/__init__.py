"""smsgw: a GSM modem SMS gateway that never loses a text and never sends one twice."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("smsgw")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
