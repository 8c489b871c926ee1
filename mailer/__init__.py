"""Communiqué: a self-hosted manager for newsletters of offices that report on meetings."""

__version__ = "0.1.0"
