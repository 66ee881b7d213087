"""Output that nobody needs to read: what counts are the exit code and the reports."""

import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any


class _Unheard(FileIO):
    """Takes what cannot be written, since its reader has left, its disk is full or it is closed."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def onto(descriptor: int) -> TextIOWrapper:
    """Text onto an open file, which stays open; writing it never fails."""
    try:
        raw = _Unheard(descriptor, "w", closefd=False)
    except OSError:
        # It takes the place of the closed one, before a file of ours is taken for it.
        raw = _Unheard(os.devnull, "w")
    return TextIOWrapper(
        BufferedWriter(raw), encoding="utf-8", errors="replace", line_buffering=True
    )


def complain(sentence: str) -> None:
    """Say what is amiss beside what was asked for, in one line that names this tool."""
    sys.stderr.write(f"heat-upgrade-check: {sentence}\n")
