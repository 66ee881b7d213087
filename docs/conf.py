"""Sphinx's configuration."""

project = "heat-upgrade-checks"
extensions = ["myst_parser"]
html_theme = "alabaster"
exclude_patterns = ["_build"]
