"""An interpreter that answers as a Heat release's would: version, schema, RPC, resource types."""

import venv
from pathlib import Path

import packaging

_REVISION = '''"""Revision {revision} of the demo."""

revision = "{revision}"
down_revision = {previous!r}
branch_labels = None
depends_on = None
'''
# What ask_resource_types.py imports of Heat.
_RESOURCE_TYPES = {
    "common/config.py": "",
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


def install(folder: Path, *, version: str, revisions: tuple[str, ...], worker_rpc: str) -> Path:
    """Make a virtualenv with what the release evidence reads of Heat; return its interpreter."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A requirement of Heat's; here this tool's own serves for it.
    (packages / "demo.pth").write_text(f"{Path(packaging.__file__).parents[1]}\n", "utf-8")
    metadata = packages / f"openstack_heat-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: openstack-heat\nVersion: {version}\n", encoding="utf-8"
    )
    migrations = packages / "heat" / "db" / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (packages / "heat" / "__init__.py").touch()
    for previous, revision in zip((None, *revisions), revisions, strict=False):
        (migrations / "versions" / f"{revision}_demo.py").write_text(
            _REVISION.format(revision=revision, previous=previous), encoding="utf-8"
        )
    engine = packages / "heat" / "engine"
    engine.mkdir()
    for module, name, rpc in (
        ("service", "EngineService", "1.36"),
        ("worker", "WorkerService", worker_rpc),
    ):
        (engine / f"{module}.py").write_text(
            f"class {name}:\n    RPC_API_VERSION = {rpc!r}\n", encoding="utf-8"
        )
    for path, source in _RESOURCE_TYPES.items():
        file = packages / "heat" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    return folder / "bin" / "python"
