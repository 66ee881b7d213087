"""Options in the environment of a service, as the files that its unit names set them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# What oslo_config/sources/_environment.py makes of a group and an option.
_NAME = re.compile(r"OS_(?P<group>[A-Z0-9_]+?)__(?P<option>[A-Z0-9_]+)")


class Variable(NamedTuple):
    """A variable that sets an option; `value` is as it stands there, quotation marks included."""

    name: str
    group: str
    option: str
    value: str
    line: int


def variables(path: Path) -> Iterator[Variable]:
    """Those of one file, in its order; what sets no option is passed over.

    :raises OSError: it cannot be read.
    :raises UnicodeDecodeError: it is not UTF-8 text.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        match = _NAME.fullmatch(name.strip())
        if match and equals:
            group = match["group"].lower()
            group = "DEFAULT" if group == "default" else group
            yield Variable(match[0], group, match["option"].lower(), value, number)
