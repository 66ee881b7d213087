"""Run by this tool's interpreter: downloads sdists from where its pip finds packages.

`pip download` would run code of the sdist to make its metadata, and needs pbr for that. Here pip's
own command sets up index, proxy, certificates and credentials as it always does, then only the
search and the transfer are used. Arguments: a folder, then versions. The exit code tells the rest.
"""

import hashlib
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import MethodType
from typing import Any

PROJECT = "openstack-heat"

NO_PIP = 10
OTHER_PIP = 11
NOT_FOUND = 12
UNREACHABLE = 13
DAMAGED = 14

_LARGEST = 64 * 1024 * 1024
_PIECE = 64 * 1024


class _Unreached(logging.Handler):
    """Learns whether an index gave no answer, of which pip only tells its log."""

    seen = False

    def emit(self, record: logging.LogRecord) -> None:
        """An index that does not have the project answers 404, which is an answer."""
        if str(record.msg).startswith("Could not fetch URL") and "404" not in str(record.args):
            self.seen = True


def main(folder: Path, versions: Sequence[str]) -> int:
    """Put `openstack_heat-VERSION.tar.gz` of each version into the folder."""
    try:
        command = import_module("pip._internal.commands").create_command("download")
        specifiers = import_module("pip._vendor.packaging.specifiers")
    except ModuleNotFoundError as error:
        return OTHER_PIP if error.name != "pip" else NO_PIP

    def run(command: Any, options: Any, _arguments: Sequence[str]) -> int:
        log = logging.getLogger("pip._internal.index.collector")
        unreached = _Unreached()
        log.addHandler(unreached)
        log.setLevel(logging.DEBUG)
        try:
            session = command.get_default_session(options)
            finder = command._build_package_finder(options, session, ignore_requires_python=True)
            for version in versions:
                wanted = specifiers.SpecifierSet(f"=={version}")
                best = finder.find_best_candidate(PROJECT, wanted).best_candidate
                if best is None or not best.link.filename.endswith(".tar.gz"):
                    return UNREACHABLE if unreached.seen else NOT_FOUND
                if not _transferred(
                    session, best.link, folder / f"openstack_heat-{version}.tar.gz"
                ):
                    return DAMAGED
        except (AttributeError, TypeError):
            return OTHER_PIP
        except OSError:  # requests' errors are of this kind
            return UNREACHABLE
        return 0

    command.run = MethodType(run, command)
    code: int = command.main(["--no-deps", "--no-input", "--no-binary", ":all:"])
    return code


def _transferred(session: Any, link: Any, path: Path) -> bool:
    """Whether the whole file came, with the digest that the index gives where it gives one."""
    expected = link.hash_name and hashlib.new(link.hash_name)
    # As pip does: a server must not compress what is compressed already.
    answer = session.get(
        link.url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True
    )
    answer.raise_for_status()
    size = 0
    with path.open("wb") as file:
        for piece in answer.iter_content(_PIECE):
            size += len(piece)
            if size > _LARGEST:
                return False
            file.write(piece)
            if expected:
                expected.update(piece)
    return not expected or expected.hexdigest() == link.hash


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
