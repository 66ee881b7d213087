"""The page of a whole upgrade, told anew after each gate; no verdict rests on it."""

from pathlib import Path

from heat_upgrade_checks.evidence.gather import own_failure
from heat_upgrade_checks.report.write import refresh_index


def refresh(upgrade_folder: Path) -> str:
    """Tell the upgrade anew; nothing, or the sentence why its page is the old one or none."""
    try:
        refresh_index(upgrade_folder)
    except OSError as error:
        path = upgrade_folder / "index.html"
        return f"{path} could not be written: {error.strerror}; only this page is missing"
    except Exception as bug:
        return own_failure(f"{upgrade_folder / 'index.html'} could not be written", bug)
    return ""
