"""Files that appear whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

# For the owner to write and its group to read; nothing of a cloud is for all.
MODE = 0o640


def put(path: Path, content: bytes, mode: int = MODE) -> None:
    """Write the file under a temporary name beside it, then let it take its place.

    :raises OSError: it cannot be written; what was there before still is, and nothing beside it.
    """
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            # Else a machine that loses its power can be left with the new name and no content.
            os.fsync(file.fileno())
            Path(file.name).rename(path)
        except BaseException:
            Path(file.name).unlink()
            raise
