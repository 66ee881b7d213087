"""Scripts that an interpreter is asked."""

import sys
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.evidence.code.interpreter import Interpreter

ANY = dict[str, Any]
PRINTS = "import json, sys, os\nprint(json.dumps({%s}))\n"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scripts, beside the one that answers."""
    answers = "answer_questions.py"
    (tmp_path / answers).write_text(asked.script(answers), "utf-8")
    monkeypatch.setattr(asked, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def python() -> Interpreter:
    """Our own interpreter, as that of a release."""
    return Interpreter(Path(sys.executable), "target")
