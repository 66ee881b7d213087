"""The environment that an engine gives every stack: the files of its environment_dir."""

import stat
from pathlib import Path
from typing import Any

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.files import yaml_documents

# heat/common/config.py.
_DEFAULT_FOLDER = "/etc/heat/environment.d"
_MOST_FILES = 200
_LARGEST = 2**20


def global_environment(conf: HeatConf) -> dict[str, Any]:
    """Its `resource_registry`, as far as it lies on this machine and can be read.

    It adds names of types to what is known without it; what is not read leaves such a name as it
    is (heat/engine/environment.py, read_global_environment).
    """
    folder = Path(conf.get("environment_dir") or _DEFAULT_FOLDER)
    registry: dict[str, Any] = {}
    try:
        files = sorted(folder.iterdir())[:_MOST_FILES]
    except OSError:
        files = []
    for file in files:
        try:
            found = file.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                continue
            document = yaml_documents.parse(file.read_bytes(), file.name)
        except (OSError, UsageError):
            continue
        entries = document.get("resource_registry") if isinstance(document, dict) else None
        registry |= entries if isinstance(entries, dict) else {}
    return {"resource_registry": {str(name): value for name, value in registry.items()}}
