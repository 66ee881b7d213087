"""An interpreter that answers as a Heat release's would: version, schema, RPC, options, types."""

import venv
from collections.abc import Sequence
from pathlib import Path

import packaging
import sqlalchemy

from heat_upgrade_checks.heat.series_libraries import LIBRARIES

_REVISION = '''"""Revision {revision} of the demo."""

from alembic import op
import sqlalchemy as sa

revision = "{revision}"
down_revision = {previous!r}
branch_labels = None
depends_on = None


def upgrade():
    {upgrade}
'''
_UPGRADES = {
    "d2db381e3324": "op.add_column('sync_point', sa.Column('extra_data', sa.Text))",
    "88be64598c0f": "op.create_table('resource_snapshot', sa.Column('id', sa.Text))",
    "97b2a986f922": "op.add_column('snapshot', sa.Column('action', sa.Text))",
}
# What ask_schema.py imports of Heat.
_MODELS = """
import sqlalchemy

class BASE:
    metadata = sqlalchemy.MetaData()

with sqlalchemy.create_engine("sqlite://").connect() as connection:
    for statement in {statements!r}:
        connection.exec_driver_sql(statement)
    BASE.metadata.reflect(connection)
"""
# What ask_options.py, ask_paste.py, ask_policies.py and ask_credentials.py import of Heat.
_CONFIGURATION = {
    "common/config.py": """
from oslo_config import cfg

cfg.CONF.register_opts([cfg.StrOpt("deferred_auth_method", default="password")])

def list_opts():
    yield None, [cfg.HostAddressOpt("host"), cfg.StrOpt("transport_url", secret=True)]
    yield "database", [cfg.StrOpt("connection", secret=True)]
""",
    "common/context.py": 'TRUSTEE_CONF_GROUP = "trustee"\n',
    "common/crypt.py": """
from oslo_config import cfg

def list_opts():
    yield None, [cfg.StrOpt("auth_encryption_key", secret=True, default="")]
""",
    "common/policy.py": """
from oslo_config import cfg

cfg.CONF.register_opts(
    [cfg.BoolOpt("enforce_scope", default=True), cfg.BoolOpt("enforce_new_defaults", default=True)],
    group="oslo_policy",
)

class enforcer:
    policy_file, policy_path = "policy.yaml", None
    rules, file_rules, registered_rules = {}, {}, {}

    @staticmethod
    def load_rules():
        pass

def get_enforcer():
    class policies:
        pass
    policies.enforcer = enforcer
    return policies
""",
    "common/wsgi.py": "def setup_paste_factories(conf):\n    pass\n",
}
# What ask_resource_types.py imports of Heat.
_RESOURCE_TYPES = {
    "common/exception.py": "class StackValidationFailed(Exception): pass\n",
    "engine/resources/openstack/heat/none_resource.py": "class NoneResource: pass\n",
    "engine/resources/__init__.py": """
class server:
    class support_status:
        status = "SUPPORTED"

class environment:
    class registry:
        _registry = {"OS::Nova::Server": server}
        get_class_to_instantiate = _registry.__getitem__

def global_env():
    return environment
""",
}


# What asked/loading.py loads of Heat, and asked/upgrade_check.py runs.
_SERVICES = {
    "cmd/engine.py": "def main(): ...\n",
    "cmd/status.py": "def main(): return 0\n",
    "api/openstack/v1/__init__.py": "",
    "api/cfn/v1/__init__.py": "",
}
_ENTRY_POINTS = """
[console_scripts]
heat-engine = heat.cmd.engine:main
heat-status = heat.cmd.status:main

[oslo.messaging.drivers]
rabbit = heat.cmd.engine:main

[oslo.config.opts]
heat.common.config = heat.common.config:list_opts
heat.common.crypt = heat.common.crypt:list_opts
"""
_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def install(
    folder: Path,
    *,
    version: str,
    revisions: tuple[str, ...],
    worker_rpc: str,
    schema: Sequence[str] = (),
) -> Path:
    """Make a virtualenv with what the release evidence reads of Heat; return its interpreter.

    `schema` are the statements that make the tables of its models.
    """
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Requirements of Heat's; here this tool's own serve for them.
    needed = {Path(module.__file__ or "").parents[1] for module in (packaging, sqlalchemy)}
    (packages / "demo.pth").write_text("".join(f"{path}\n" for path in needed), "utf-8")
    # This tool's own oslo libraries are not those of the series.
    libraries = {
        name: "{}.{}.0".format(*series[int(version.partition(".")[0])])
        for name, series in LIBRARIES.items()
    }
    for name, installed in {"openstack-heat": version, **libraries}.items():
        metadata = packages / f"{name.replace('-', '_')}-{installed}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            _METADATA.format(name=name, version=installed), encoding="utf-8"
        )
        if name == "openstack-heat":
            (metadata / "entry_points.txt").write_text(_ENTRY_POINTS, encoding="utf-8")
    migrations = packages / "heat" / "db" / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (packages / "heat" / "__init__.py").touch()
    for previous, revision in zip((None, *revisions), revisions, strict=False):
        (migrations / "versions" / f"{revision}_demo.py").write_text(
            _REVISION.format(
                revision=revision, previous=previous, upgrade=_UPGRADES.get(revision, "pass")
            ),
            encoding="utf-8",
        )
    (migrations.parent / "models.py").write_text(_MODELS.format(statements=list(schema)), "utf-8")
    engine = packages / "heat" / "engine"
    engine.mkdir()
    for module, name, rpc in (
        ("service", "EngineService", "1.36"),
        ("worker", "WorkerService", worker_rpc),
    ):
        (engine / f"{module}.py").write_text(
            f"class {name}:\n    RPC_API_VERSION = {rpc!r}\n", encoding="utf-8"
        )
    for path, source in (_CONFIGURATION | _RESOURCE_TYPES | _SERVICES).items():
        file = packages / "heat" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    return folder / "bin" / "python"
