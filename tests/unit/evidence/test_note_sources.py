"""Release notes are read from every kind of source."""

import os
import subprocess
import tarfile
from pathlib import Path
from random import Random

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.notes.note_files import read_notes, read_tag, version_of
from tests.driver import call
from tests.unit.evidence.noted import NEW, OLD, sdist, tree, upgrade


def git(checkout: Path, *words: str) -> None:
    identity = {"AUTHOR": "A", "COMMITTER": "C"}
    names = {f"GIT_{role}_NAME": name for role, name in identity.items()}
    mails = {f"GIT_{role}_EMAIL": "who@example.org" for role in identity}
    environment = {**os.environ, **names, **mails}
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(checkout), *words]
    subprocess.run(command, env=environment, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of Heat with the tags 25.0.2 and 26.0.2."""
    path = tmp_path / "heat"
    for version, notes in {"25.0.2": OLD, "26.0.2": NEW}.items():
        tree(path / "releasenotes/notes", notes)
        git(path, "init")
        git(path, "add", ".")
        git(path, "commit", "-m", version)
        git(path, "tag", "-a", "-m", version, version)
    return path


# --- sources --------------------------------------------------------------------------------------


def test_notes_come_out_of_an_sdist_a_folder_and_a_source_tree(tmp_path: Path) -> None:
    assert read_notes(sdist(tmp_path / "heat.tar.gz", NEW)) == NEW
    folder = tree(tmp_path / "source/releasenotes/notes", NEW)
    (folder / ".placeholder").touch()
    assert read_notes(folder) == NEW
    assert read_notes(tmp_path / "source") == NEW


def test_a_note_that_is_a_link_or_there_twice_is_not_overlooked(tmp_path: Path) -> None:
    path = tmp_path / "heat.tar.gz"
    inside = "openstack_heat-26.0.2/releasenotes/notes/"
    for kind, said in (
        (tarfile.SYMTYPE, "a.yaml is no file"),
        (tarfile.REGTYPE, "a.yaml is twice"),
    ):
        with tarfile.open(path, "w:gz") as archive:
            for name, of_kind in (("b.yaml", tarfile.REGTYPE), ("a.yaml", kind), ("a.yaml", kind)):
                member = tarfile.TarInfo(inside + name)
                member.type, member.linkname = of_kind, "b.yaml"
                archive.addfile(member)
        with pytest.raises(Unobserved, match=f"release note {said} in {path}"):
            read_notes(path)


def test_a_note_that_is_a_link_in_git_is_not_overlooked(checkout: Path) -> None:
    (checkout / "releasenotes/notes/link-dd.yaml").symlink_to("faster-cc.yaml")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "link")
    git(checkout, "tag", "-f", "26.0.2")
    with pytest.raises(Unobserved, match=r"release note link-dd\.yaml is no file in the git"):
        read_tag(checkout, "26.0.2")


def test_a_source_tells_its_version(tmp_path: Path) -> None:
    about = b"Metadata-Version: 2.1\nName: openstack-heat\nVersion: 25.0.2\n\nVersion: 1\n"
    assert version_of(sdist(tmp_path / "heat.tar.gz", NEW, about=about)) == "25.0.2"
    notes = tree(tmp_path / "source/releasenotes/notes", NEW)
    assert version_of(notes) is version_of(tmp_path / "source") is None
    (tmp_path / "source" / "PKG-INFO").write_bytes(about)
    assert version_of(notes) == version_of(tmp_path / "source") == "25.0.2"
    for topmost, version in (
        ("openstack_heat-26.0.2", "26.0.2"),
        ("heat-26.0.0.0rc1", "26.0.0.0rc1"),
        ("heat-stable-2026.1", None),
        ("heat-8f9bd3e5", None),
        ("heat", None),
    ):
        assert version_of(sdist(tmp_path / "x.tar.gz", NEW, topmost=topmost)) == version


def test_notes_come_out_of_a_tag_whatever_is_checked_out(checkout: Path) -> None:
    (checkout / "releasenotes/notes/faster-cc.yaml").write_text("changed")
    assert read_tag(checkout, "25.0.2") == OLD
    assert read_tag(checkout, "26.0.2") == NEW


def test_git_is_not_led_astray_by_its_environment(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    assert read_tag(checkout, "26.0.2") == NEW


@pytest.mark.parametrize("version", ["--help", "26.0.2:x", "", "a b", "../x", "26.0.2\n"])
def test_what_is_no_version_never_reaches_git(version: str, checkout: Path) -> None:
    with pytest.raises(Unobserved, match="is no version"):
        read_tag(checkout, version)


def test_a_missing_tag_or_checkout_is_unobserved(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match=r"has no tag 27\.0\.0: run `git fetch --tags`"):
        read_tag(checkout, "27.0.0")
    (tmp_path / "plain").mkdir()
    for path in (tmp_path / "plain", tmp_path / "missing"):
        with pytest.raises(Unobserved, match="is no git checkout"):
            read_tag(path, "26.0.2")


def test_a_checkout_that_lacks_the_notes_is_unobserved(checkout: Path, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    git(checkout, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--bare", "--filter=blob:none", checkout.as_uri(), str(partial))
    with pytest.raises(Unobserved, match="name a full clone or an sdist"):
        read_tag(partial, "26.0.2")


def test_a_missing_git_is_unobserved(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unobserved, match="install git"):
        read_tag(checkout, "26.0.2")


def test_a_source_without_notes_proves_nothing(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "rm", "-r", "releasenotes")
    git(checkout, "commit", "-m", "none")
    git(checkout, "tag", "27.0.0")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_tag(checkout, "27.0.0")
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_notes(tmp_path / "empty")
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_notes(sdist(tmp_path / "heat.tar.gz", NEW, folder="docs"))


def test_a_broken_sdist_is_unobserved(tmp_path: Path) -> None:
    path = sdist(
        tmp_path / "heat.tar.gz", {f"{i}.yaml": Random(i).randbytes(999) for i in range(60)}
    )
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-9], b"", b"no archive" * 99):
        path.write_bytes(content)
        with pytest.raises(Unobserved, match=r"heat\.tar\.gz cannot be read"):
            read_notes(path)
    with pytest.raises(Unobserved, match="No such file"):
        read_notes(tmp_path / "missing.tar.gz")


def test_links_in_an_sdist_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "heat.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("heat-1/releasenotes/notes/x.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(Unobserved, match=r"release note x\.yaml is no file in "):
        read_notes(path)


def test_a_huge_note_is_refused(checkout: Path, tmp_path: Path) -> None:
    huge = {"huge.yaml": b"#" * (256 * 1024 + 1)}
    with pytest.raises(Unobserved, match=r"huge\.yaml has 262145 bytes"):
        read_notes(sdist(tmp_path / "heat.tar.gz", huge))
    with pytest.raises(Unobserved, match=r"huge\.yaml has 262145 bytes"):
        read_notes(tree(tmp_path / "notes", huge))
    tree(checkout / "releasenotes/notes", huge)
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "huge")
    git(checkout, "tag", "27.0.0")
    with pytest.raises(Unobserved, match=r"huge\.yaml has 262145 bytes"):
        read_tag(checkout, "27.0.0")


# --- fetching -------------------------------------------------------------------------------------


def test_without_pip_nothing_is_fetched_and_nothing_written(tmp_path: Path) -> None:
    plan = upgrade(tmp_path, {})
    path = tmp_path / "path"
    path.mkdir()
    (path / "pip.py").write_text("raise ModuleNotFoundError('no pip', name='pip')")
    before = sorted(tmp_path.iterdir())
    environment = {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ("notes", "--fetch", "--plan", plan)
    outcome = call(*words, cwd=tmp_path, environment=environment)
    assert outcome.code == 64
    assert outcome.err.count("\n") == 1
    assert "has no pip to fetch with; install pip there, or get both sdists by hand" in outcome.err
    assert sorted(tmp_path.iterdir()) == before
