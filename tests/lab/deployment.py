"""One lab: the servers that Heat needs, and Heat services of any release on them."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from tests.lab import configuration, stacks, venvs
from tests.lab.credentials import Credentials
from tests.lab.heat import Api, Engine, Service
from tests.lab.keystone import Keystone
from tests.lab.stacks import Endpoint, Stacks
from tests.services import processes
from tests.services.mariadb import MariaDB
from tests.services.rabbitmq import RabbitMQ
from tests.services.started import Started

# What is connected is listed with statistics that a gate waits for: by default some 8 s.
_BROKER = (
    "disk_free_limit.absolute = 50MB",
    "management.sample_retention_policies.global.minute = 1",
    "management.sample_retention_policies.basic.minute = 1",
    "management.sample_retention_policies.detailed.10 = 1",
)
BROKER_USER = "heat"
EVERYTHING = (".*", ".*", ".*")


class Lab(Started):
    """MariaDB with a database `heat`, RabbitMQ with vhosts, Keystone, and Heat services."""

    def __init__(self, folder: Path, *vhosts: str, charset: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.vhosts = vhosts or ("heat-n", "heat-n1")
        self.credentials = Credentials()
        self.mariadb = MariaDB(folder / "mariadb")
        self.rabbitmq = RabbitMQ(folder / "rabbitmq", *_BROKER, statistics_interval=1)
        self.keystone = Keystone(folder / "keystone", self.credentials, self.mariadb)
        self.services: list[Service] = []
        self._charset = charset
        self._numbers = count(1)
        self._api: Endpoint | None = None

    def _start(self) -> None:
        """Start the servers, all at once."""
        starts: list[Callable[[], None]] = [
            self._start_broker,
            self._start_database_and_keystone,
        ]
        with ThreadPoolExecutor(len(starts)) as pool:
            for started in [pool.submit(start) for start in starts]:
                started.result()

    def end(self) -> None:
        """End everything that was started; nothing is kept but the files."""
        for service in self.services:
            service.kill()
        for server in (self.keystone, self.rabbitmq, self.mariadb):
            server.end()

    @property
    def pids(self) -> list[int]:
        """Every living process of the lab."""
        servers = self.mariadb.pids + self.rabbitmq.pids + self.keystone.pids
        return servers + [pid for service in self.services for pid in service.pids]

    @property
    def secrets(self) -> list[str]:
        """Every password and key: none of them may appear in what the tool writes."""
        return [*self.credentials.all, self.rabbitmq.administrator_password]

    @property
    def database_url(self) -> str:
        """The database as heat.conf names it."""
        return self.mariadb.url("heat", "heat", self.credentials.database)

    def transport_url(self, vhost: str) -> str:
        """A vhost as heat.conf names it."""
        return self.rabbitmq.url(vhost, BROKER_USER, self.credentials.broker)

    def add_vhost(self, name: str) -> None:
        """Create a vhost that Heat may use, with an account that sees all as kolla-ansible's."""
        self.rabbitmq.add_vhost(name)
        permissions = {name: EVERYTHING}
        self.rabbitmq.add_user(BROKER_USER, self.credentials.broker, "administrator", permissions)

    def configuration(
        self, release: int, vhost: str, host: str = "control1", **options: str
    ) -> Path:
        """The heat.conf of a release; an option in a group is given as `group__option`."""
        surroundings = configuration.Surroundings(
            self.database_url, self.keystone.url, self.credentials
        )
        folder = self.folder / f"heat-{release}-{vhost}-{host}".replace("/", "_")
        url = self.transport_url(vhost)
        return configuration.write(folder, release, host, url, surroundings, options)

    def manage(self, release: int, *words: str) -> str:
        """Run heat-manage of a release; what it printed."""
        path = self.configuration(release, self.vhosts[0], "manage")
        log = path.parent / f"heat-manage-{next(self._numbers)}.log"
        program = venvs.interpreter(release).parent / "heat-manage"
        processes.run("heat-manage", [program, "--config-file", path, *words], log)
        return log.read_text(encoding="utf-8", errors="replace")

    def reset(self, release: int, stack: str) -> None:
        """heat-manage reset_stack_status, with the answer that it asks for."""
        path = self.configuration(release, self.vhosts[0], "manage")
        program = venvs.interpreter(release).parent / "heat-manage"
        subprocess.run(
            [program, "--config-file", path, "reset_stack_status", stack],
            input=b"y\n",
            check=True,
            capture_output=True,
        )

    def db_sync(self, release: int) -> None:
        """Bring the database to the newest schema of a release."""
        self.manage(release, "db_sync")

    def engine(
        self, release: int, vhost: str, host: str = "control1", workers: int = 1, **options: str
    ) -> Engine:
        """Start an engine; it is up when its `wait_up()` says so."""
        options = {"num_engine_workers": str(workers), **options}
        path = self.configuration(release, vhost, host, **options)
        engine = Engine(
            release,
            vhost,
            host,
            path,
            log=path.parent / f"heat-engine-{next(self._numbers)}.log",
            workers=workers,
            mariadb=self.mariadb,
            rabbitmq=self.rabbitmq,
        )
        self.services.append(engine)
        return engine

    def api(
        self,
        release: int,
        vhost: str,
        host: str = "api",
        address: str = "127.0.0.1",
        port: int | None = None,
        **options: str,
    ) -> Api:
        """Start an API and wait until it answers; the first one is entered in the catalogue."""
        port = port or processes.free_port()
        if release < configuration.FIRST_WITHOUT_API_SERVER:
            own = {"bind_host": address, "bind_port": str(port), "workers": "1"}
            options = {**{f"heat_api__{name}": value for name, value in own.items()}, **options}
        path = self.configuration(release, vhost, host, **options)
        log = path.parent / f"heat-api-{next(self._numbers)}.log"
        api = Api(release, vhost, host, path, log=log, address=address, port=port)
        self.services.append(api)
        api.wait_up()
        if self._api is None:
            self.publish(api)
        return api

    def publish(self, api: Endpoint) -> None:
        """Enter an API, or what stands before several, in the catalogue instead of the last."""
        self.keystone.set_orchestration_endpoint(api.url)
        self._api = api

    def stacks(self, api: Endpoint | None = None, project: str = Keystone.project) -> Stacks:
        """A project's stacks as seen through this API, or through the one in the catalogue."""
        chosen = api or self._api
        if chosen is None:
            raise processes.ServerError("no heat-api was started")
        return Stacks(self.keystone, chosen, project)

    def create_stack(
        self,
        name: str,
        seconds: float = 0,
        steps: int = 1,
        api: Endpoint | None = None,
        **more: Any,
    ) -> str:
        """Begin to create a stack whose steps, one after the other, take that many seconds each."""
        return self.stacks(api).create(name, stacks.template(seconds, steps, **more))

    def wait_stack(
        self, name: str, status: str, seconds: float = 120, api: Endpoint | None = None
    ) -> None:
        """Wait until a stack has a status such as CREATE_COMPLETE."""
        self.stacks(api).wait(name, status, seconds)

    def delete_stack(self, name: str, seconds: float = 120, api: Endpoint | None = None) -> None:
        """Delete a stack and wait until it is gone."""
        through = self.stacks(api)
        stack = str(through.show(name)["id"])
        through.delete(name)
        through.wait(stack, "DELETE_COMPLETE", seconds)

    def dump(self, path: Path) -> Path:
        """Back the database up, as an operator would."""
        self.mariadb.dump("heat", path)
        return path

    def _start_database_and_keystone(self) -> None:
        self.mariadb.start()
        self.mariadb.add_database("heat", "heat", self.credentials.database, self._charset)
        # What lets Heat's own account see who holds its tables.
        for host in ("localhost", "127.0.0.1"):
            self.mariadb.execute(f"GRANT PROCESS ON *.* TO heat@'{host}'")
        self.mariadb.execute("INSTALL SONAME 'metadata_lock_info'")
        self.keystone.start()

    def _start_broker(self) -> None:
        self.rabbitmq.start()
        for vhost in self.vhosts:
            self.add_vhost(vhost)
