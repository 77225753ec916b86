"""Run a program against its tests and say where it went wrong."""

__version__ = "0.1.0"
