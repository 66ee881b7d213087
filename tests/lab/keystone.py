"""A private Keystone with the accounts that Heat needs."""

import base64
import os
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.lab import venvs, wsgi
from tests.lab.credentials import Credentials
from tests.services import processes
from tests.services.mariadb import MariaDB
from tests.services.started import Server

REGION = "RegionOne"
# Stands in the cached database only; every Keystone replaces it before anybody else talks to it.
_INITIAL_PASSWORD = "initial"


class Keystone(Server):
    """Keystone under uwsgi; its operator is an administrator who may own stacks in two projects."""

    operator = "operator"
    project = "lab"
    other_project = "neighbours"

    def __init__(self, folder: Path, credentials: Credentials, mariadb: MariaDB) -> None:
        super().__init__(folder)
        self.credentials = credentials
        self._mariadb = mariadb
        self.port = processes.free_port()
        self.url = f"http://127.0.0.1:{self.port}/v3"
        self.clouds_yaml = folder / "clouds.yaml"
        self.log = folder / "keystone.log"
        self.project_ids: dict[str, str] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._orchestration = ""
        self._endpoints: list[str] = []

    def _start(self) -> None:
        python = venvs.keystone_interpreter()
        configuration = self._configure(python)
        command = wsgi.command(python, "keystone.wsgi.api", self.port)
        environment = {"OS_KEYSTONE_CONFIG_FILES": str(configuration)}
        self._run("Keystone", command, self.log, self._answers, environment)
        self._make_accounts()
        self._write_clouds_yaml()

    def set_orchestration_endpoint(self, url: str) -> None:
        """Let the catalogue lead to this Heat API."""
        for endpoint in self._endpoints:
            self._call("PATCH", f"endpoints/{endpoint}", {"endpoint": {"url": url}})
        if not self._endpoints:
            for interface in ("public", "internal", "admin"):
                address = {
                    "service_id": self._orchestration,
                    "interface": interface,
                    "region_id": REGION,
                    "url": url,
                }
                made = self._call("POST", "endpoints", {"endpoint": address})
                self._endpoints.append(made["endpoint"]["id"])

    @property
    def project_id(self) -> str:
        """The project that stacks are made in unless another is named."""
        return self.project_ids[self.project]

    def operator_token(self, project: str = project) -> str:
        """A new token of the operator in one of their projects."""
        return self._token(self.operator, self.credentials.operator, project)

    def _hang_up(self) -> None:
        self._session.close()

    def _configure(self, python: Path) -> Path:
        password = self.credentials.identity_database
        self._mariadb.add_database("keystone", "keystone", password)
        url = self._mariadb.url("keystone", "keystone", password)
        path = _write_configuration(self.folder, url)
        self._fill_database(python, path)
        return path

    def _fill_database(self, python: Path, configuration: Path) -> None:
        """Give the database tables and a first administrator: slow, so done once and copied."""
        cached = Path(f"{python.parent.parent}-database")
        dump = cached / "keystone.sql"
        with venvs.made_once(cached) as missing:
            if not missing:
                self._mariadb.load("keystone", dump)
                return
            manage = [str(python.parent / "keystone-manage"), f"--config-file={configuration}"]
            first = ["bootstrap", "--bootstrap-password", _INITIAL_PASSWORD]
            log = self.folder / "keystone-manage.log"
            processes.run("keystone-manage db_sync", [*manage, "db_sync"], log)
            processes.run("keystone-manage bootstrap", [*manage, *first], log)
            self._mariadb.dump("keystone", dump)

    def _make_accounts(self) -> None:
        self._session.headers["X-Auth-Token"] = self._token("admin", _INITIAL_PASSWORD, "admin")
        roles = {"admin": self._find("roles", "admin"), "member": self._find("roles", "member")}
        for name in ("heat_stack_owner", "heat_stack_user"):
            roles[name] = self._make("role", name=name)
        service = self._make("project", name="service", domain_id="default")
        heat = self._make_user("heat", self.credentials.service, "default")
        self._call("PUT", f"projects/{service}/users/{heat}/roles/{roles['admin']}")
        operator = self._make_user(self.operator, self.credentials.operator, "default")
        for name in (self.project, self.other_project):
            project = self._make("project", name=name, domain_id="default")
            self.project_ids[name] = project
            for role in ("admin", "member", "heat_stack_owner"):
                self._call("PUT", f"projects/{project}/users/{operator}/roles/{roles[role]}")
        domain = self._make("domain", name="heat")
        keeper = self._make_user("heat_domain_admin", self.credentials.stack_domain, domain)
        self._call("PUT", f"domains/{domain}/users/{keeper}/roles/{roles['admin']}")
        self._make("region", id=REGION)
        self._orchestration = self._make("service", name="heat", type="orchestration")
        # Heat looks for Keystone itself in the catalogue.
        identity = self._make("service", name="keystone", type="identity")
        for interface in ("public", "internal", "admin"):
            address = {
                "service_id": identity,
                "interface": interface,
                "region_id": REGION,
                "url": self.url,
            }
            self._call("POST", "endpoints", {"endpoint": address})
        admin = self._find("users", "admin")
        change = {"original_password": _INITIAL_PASSWORD, "password": self.credentials.bootstrap}
        self._call("POST", f"users/{admin}/password", {"user": change})
        # A new password revokes all tokens of that second, so another administrator goes on.
        self._session.headers["X-Auth-Token"] = self.operator_token()

    def _write_clouds_yaml(self) -> None:
        cloud = {
            "auth": {
                "auth_url": self.url,
                "username": self.operator,
                "password": self.credentials.operator,
                "project_name": self.project,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": REGION,
            "identity_api_version": 3,
        }
        text = yaml.safe_dump({"clouds": {"lab": cloud}}, sort_keys=False)
        self.clouds_yaml.write_text(text, encoding="utf-8")
        self.clouds_yaml.chmod(0o600)

    def _token(self, user: str, password: str, project: str) -> str:
        default = {"name": "Default"}
        account = {"name": user, "password": password, "domain": default}
        identity = {"methods": ["password"], "password": {"user": account}}
        scope = {"project": {"name": project, "domain": default}}
        answer = self._request(
            "POST", "auth/tokens", {"auth": {"identity": identity, "scope": scope}}
        )
        return answer.headers["X-Subject-Token"]

    def _make(self, kind: str, **values: object) -> str:
        return str(self._call("POST", f"{kind}s", {kind: values})[kind]["id"])

    def _make_user(self, name: str, password: str, domain: str) -> str:
        return self._make("user", name=name, password=password, domain_id=domain)

    def _find(self, kinds: str, name: str) -> str:
        return str(self._call("GET", f"{kinds}?name={name}")[kinds][0]["id"])

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._request(method, path, body)
        return answer.json() if answer.content else None

    def _request(self, method: str, path: str, body: object) -> requests.Response:
        answer = self._session.request(method, f"{self.url}/{path}", json=body, timeout=120)
        if not answer.ok:
            message = f"Keystone: {method} {path}: {answer.status_code} {answer.text}"
            raise processes.ServerError(f"{message}\n{processes.tail(self.log)}")
        return answer

    def _answers(self) -> bool:
        try:
            return self._session.get(self.url, timeout=5).ok
        except requests.RequestException:
            return False


def _write_configuration(folder: Path, database_url: str) -> Path:
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    for name in ("0", "1"):
        (keys / name).write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
        (keys / name).chmod(0o600)
    path = folder / "keystone.conf"
    text = f"""\
[DEFAULT]
use_stderr = true
[database]
connection = {database_url}
[fernet_tokens]
key_repository = {keys}
[fernet_receipts]
key_repository = {keys}
[credential]
key_repository = {keys}
[identity]
password_hash_rounds = 4
[token]
expiration = 86400
"""
    path.write_text(text, encoding="utf-8")
    return path
