"""Files that appear whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

_MODE = 0o640


def put(path: Path, content: bytes) -> None:
    """Write the file under a temporary name beside it, then let it take its place."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            Path(file.name).rename(path)
        except BaseException:
            Path(file.name).unlink()
            raise
