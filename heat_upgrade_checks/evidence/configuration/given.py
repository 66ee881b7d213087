"""One release's configuration as its services are given it, and where each option stands in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg

from heat_upgrade_checks.evidence.configuration.environment_files import variables
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class Place:
    """Where an option is set; where it is set several times, the last one, which wins."""

    group: str
    name: str
    file: str
    line: int


class GivenConfiguration:
    """What a script needs to configure a release's code as its services are.

    :raises Unobserved: the plan names none, or it cannot be read.
    """

    def __init__(self, site: Site, side: SideName) -> None:
        plan = site.plan.side(side)
        self.conf: HeatConf = site.conf(side)
        self._arguments = [f"--config-file={path}" for path in plan.config]
        self._arguments += [f"--config-dir={path}" for path in plan.config_dirs]
        self._environment_files = plan.environment_files
        given = {str(path) for path in self._environment_files}
        self._files = [Path(file) for file in self.conf.files if file not in given]

    def question(self, **more: Any) -> dict[str, Any]:
        """The argument of a script, secrets included: only for the pipe to an interpreter."""
        variables = {
            variable: self.conf.get_all(place.name, place.group)[-1]
            for variable, place in self._variables()
        }
        return {"arguments": self._arguments, "environment": variables, **more}

    def places(self) -> tuple[Place, ...]:
        """Every option that is set, in the order of the files."""
        found: dict[tuple[str, str], Place] = {}
        for path in self._files:
            parser = _PlaceParser(str(path))
            parser.parse()
            found |= {(place.group, place.name): place for place in parser.places}
        found |= {(place.group, place.name): place for _, place in self._variables()}
        return tuple(found.values())

    def _variables(self) -> Iterator[tuple[str, Place]]:
        for path in self._environment_files:
            for name, group, option, _, line in variables(path):
                yield name, Place(group, option, str(path), line)


class _PlaceParser(cfg.ConfigParser):
    """oslo.config's parser, which knows the lines but does not keep them."""

    def __init__(self, file: str) -> None:
        super().__init__(file, {})
        self.places: list[Place] = []
        self._line = 0

    def _split_key_value(self, line: str) -> Any:
        # A value may go on in further lines; the option stands in its first one.
        self._line = self.lineno
        return super()._split_key_value(line)

    def assignment(self, key: str, value: Any) -> None:
        super().assignment(key, value)
        self.places.append(Place(self.section or "DEFAULT", key, self.filename, self._line))
