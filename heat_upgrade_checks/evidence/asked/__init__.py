"""Scripts that run in a Heat release's own interpreter (3.8 and later), never in this tool's."""

from pathlib import Path

FOLDER = Path(__file__).parent


def script(name: str) -> str:
    """The source of one script, to be sent to an interpreter."""
    return FOLDER.joinpath(name).read_text(encoding="utf-8")
