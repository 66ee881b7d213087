"""Release notes fetched as pip would, and the path between real installations."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.notes import fetching as release_note_fetching
from tests.lab import venvs
from tests.lab.noted import asked, judged, sign, write_plan

# --- fetching


def _with_pip() -> dict[str, str]:
    """The environment in which this Python has pip, which not every one has."""
    builder = venvs._environment("builder", "pip\npbr\nsetuptools<80\nwheel\n")
    (packages,) = builder.parent.parent.glob("lib/python*/site-packages")
    return {"PYTHONPATH": str(packages)}


def test_notes_are_fetched_as_pip_would(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, 24, 25)
    document = yaml.safe_load(plan.read_text("utf-8"))
    del document["notes"]
    plan.write_text(yaml.safe_dump(document), "utf-8")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    isolated = {"PIP_CONFIG_FILE": "/dev/null", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    before = sorted(tmp_path.iterdir())
    failed = asked(plan, "notes", "--fetch", **_with_pip(), **isolated, **nowhere)
    assert failed.code == 64
    assert failed.out.startswith("fetching the sdists of openstack-heat 24.1.2 and 25.0.2 into ")
    assert failed.err.count("\n") == 1
    assert "the index that pip is configured for cannot be reached" in failed.err
    assert sorted(tmp_path.iterdir()) == before, "nothing half written"

    fetched = asked(plan, "notes", "--fetch", **_with_pip())
    assert fetched.code == 0, fetched.err
    assert fetched.out.count("(to be acknowledged)") == 5
    for release in (24, 25):
        path = tmp_path / "heat-upgrade-notes" / f"openstack_heat-{venvs.version(release)}.tar.gz"
        assert path.read_bytes() == venvs.sdist(release).read_bytes()
    lines = yaml.safe_load("notes:" + fetched.out.partition("\nnotes:")[2])
    assert lines == {
        "notes": {
            "current": "heat-upgrade-notes/openstack_heat-24.1.2.tar.gz",
            "target": "heat-upgrade-notes/openstack_heat-25.0.2.tar.gz",
        }
    }
    plan.write_text(yaml.safe_dump(document | lines), "utf-8")
    sign(plan)
    # What is there is not fetched again, and the plan has the lines.
    again = asked(plan, "notes", "--fetch", **_with_pip(), **isolated, **nowhere)
    assert again.code == 0
    assert "5 acknowledged, 0 to fill in" in again.out.splitlines()[-1]


def test_no_code_of_an_sdist_runs_and_its_digest_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    files = {
        "setup.py": f"open({str(ran)!r}, 'w')".encode(),
        "releasenotes/notes/a.yaml": b"upgrade: [A]\n",
    }
    sdist = tmp_path / "openstack_heat-25.0.2.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"openstack_heat-25.0.2/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    page = tmp_path / "index.html"
    for name, value in {
        **_with_pip(),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": page.as_uri(),
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "fetched"

    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    for given, version, words in (
        ("0" * 64, "25.0.2", "another digest than the index gives"),
        (digest, "25.0.1", "there is no sdist of openstack-heat for each of 25.0.1"),
    ):
        page.write_text(f'<a href="{sdist.name}#sha256={given}">{sdist.name}</a>', "utf-8")
        with pytest.raises(UsageError, match=words):
            release_note_fetching.fetch(folder, [version])
        assert not folder.exists()
    (fetched,) = release_note_fetching.fetch(folder, ["25.0.2"])
    assert fetched.read_bytes() == sdist.read_bytes()
    assert not ran.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "fetched",
        "index.html",
        sdist.name,
    ]


# --- release.path


@pytest.mark.parametrize(
    ("current", "target", "code", "said"),
    [
        (24, 25, 0, None),
        (25, 24, 2, "the target is older than the current release"),
        (24, 26, 1, "skips a series; Heat's guide supports one series at a time"),
    ],
)
def test_the_path_between_real_installations(
    tmp_path: Path, current: int, target: int, code: int, said: str | None
) -> None:
    plan = write_plan(
        tmp_path,
        24,
        25,
        current={"python": str(venvs.interpreter(current))},
        target={"python": str(venvs.interpreter(target))},
        allow_skip_level=True,
    )
    outcome = judged(plan, "release.path")
    assert outcome.code == code, outcome.out
    summaries = [each["summary"] for each in outcome.check("release.path")["findings"]]
    assert summaries == ([said] if said else [])
