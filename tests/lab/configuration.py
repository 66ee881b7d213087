"""The heat.conf of one release in the lab."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab import venvs
from tests.lab.credentials import Credentials
from tests.lab.keystone import REGION

# Heat 25 has no API server of its own any more and knows no option of one.
FIRST_WITHOUT_API_SERVER = 25
# Short enough for tests: an engine that died counts as down after twice this.
REPORT_INTERVAL = 5
RPC_TIMEOUT = 15


@dataclass(frozen=True)
class Surroundings:
    """What all services of the lab's Heat share."""

    database_url: str
    identity_url: str
    credentials: Credentials


def write(
    folder: Path,
    release: int,
    host: str,
    transport_url: str,
    surroundings: Surroundings,
    options: Mapping[str, str],
) -> Path:
    """Write heat.conf and the release's api-paste.ini; options of groups are `group__option`."""
    folder.mkdir(parents=True, exist_ok=True)
    paste = folder / "api-paste.ini"
    shipped = venvs.interpreter(release).parent.parent / "etc" / "heat" / "api-paste.ini"
    shutil.copyfile(shipped, paste)
    groups = _groups(host, transport_url, surroundings)
    groups["paste_deploy"] = {"api_paste_config": str(paste)}
    for name, value in options.items():
        group, separator, option = name.rpartition("__")
        groups.setdefault(group if separator else "DEFAULT", {})[option] = value
    lines = []
    for group, values in groups.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in values.items()), ""]
    path = folder / "heat.conf"
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o640)
    return path


def _groups(host: str, transport_url: str, surroundings: Surroundings) -> dict[str, dict[str, str]]:
    credentials = surroundings.credentials
    account = {
        "auth_type": "password",
        "auth_url": surroundings.identity_url,
        "username": "heat",
        "password": credentials.service,
        "user_domain_name": "Default",
    }
    return {
        "DEFAULT": {
            "transport_url": transport_url,
            "host": host,
            "auth_encryption_key": credentials.encryption_key,
            "num_engine_workers": "1",
            "periodic_interval": str(REPORT_INTERVAL),
            "rpc_response_timeout": str(RPC_TIMEOUT),
            "region_name_for_services": REGION,
            "stack_user_domain_name": "heat",
            "stack_domain_admin": "heat_domain_admin",
            "stack_domain_admin_password": credentials.stack_domain,
        },
        "database": {"connection": surroundings.database_url},
        "clients_keystone": {"auth_uri": surroundings.identity_url},
        "keystone_authtoken": {
            **account,
            "www_authenticate_uri": surroundings.identity_url,
            "project_name": "service",
            "project_domain_name": "Default",
        },
        "trustee": account,
    }
