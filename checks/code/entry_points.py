from pathlib import PurePath

from heat_upgrade_checks.evidence.code.service_files import Reference, ServiceFiles
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.programs import WSGI_APPLICATIONS


@check("code.entry-points", phases=["installed"], guide="cold 2-4, rolling 1")
def check_entry_points_exist(service_files: ServiceFiles, gate: Judgement) -> None:
    """What starts the target's services refers to commands and modules that it has."""
    gate.looked_at(service_files.extent)
    for sentence in service_files.incomplete:
        gate.cannot_tell(sentence)
    if not service_files.references and not service_files.incomplete:
        gate.cannot_tell(
            f"nothing in {', '.join(service_files.files)} refers to Heat; correct "
            "target.service_files in the plan"
        )
    for reference in service_files.references:
        _refers(reference, gate)


def _refers(reference: Reference, gate: Judgement) -> None:
    where = f"{reference.file}:{reference.line}" if reference.line else reference.file
    if reference.release == "current":
        gate.warn(
            reference.value,
            f"still runs the current release's code, in {where}",
            hint="Point it at the target release before its services are started.",
        )
    elif reference.exists is None:
        gate.warn(
            reference.value,
            f"holds a variable, so that it is not known what it runs, in {where}",
            hint="Make sure that it runs the target release.",
        )
    elif not reference.exists:
        gate.block(
            reference.value,
            f"does not exist in the target release, in {where}",
            hint=_instead(reference),
        )
    elif not reference.release:
        gate.warn(
            reference.value,
            f"lies outside both releases' environments, in {where}",
            hint="Make sure that it runs the target release.",
        )


def _instead(reference: Reference) -> str:
    wsgi = WSGI_APPLICATIONS.get(PurePath(reference.value).name)
    if wsgi and reference.kind == "command":
        return f"Let a WSGI server such as uwsgi run {wsgi}; 2025.2 removed the eventlet servers."
    if reference.value.startswith(("heat.httpd", "heat.cmd.api", "heat.cmd.all")):
        return "Use heat.wsgi.api:application or heat.wsgi.cfn:application."
    return "Refer to what the target release has, or install what is missing."
