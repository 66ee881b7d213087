"""Sphinx's configuration; the sources are the whole checkout, so that links are those of files."""

project = "heat-upgrade-checks"
extensions = ["myst_parser"]
html_theme = "alabaster"
root_doc = "docs/index"
include_patterns = ["docs/**", "checks/**/*.md"]
