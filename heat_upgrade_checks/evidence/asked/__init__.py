"""Scripts that run in a Heat release's own interpreter (3.8 and later), never in this tool's."""

from pathlib import Path

FOLDER = Path(__file__).parent

# They come over a pipe, with no folder to be imported from.
_BRINGING = """\
import sys, types
for _name, _source in {parts!r}.items():
    sys.modules[_name] = types.ModuleType(_name)
    exec(compile(_source, _name + ".py", "exec"), sys.modules[_name].__dict__)
"""


def script(name: str, *parts: str) -> str:
    """The source of one script, to be sent to an interpreter.

    :param parts: files beside it that it imports, those before that others import.
    """
    source = _read(name)
    if not parts:
        return source
    return _BRINGING.format(parts={Path(part).stem: _read(part) for part in parts}) + source


def _read(name: str) -> str:
    return FOLDER.joinpath(name).read_text(encoding="utf-8")
