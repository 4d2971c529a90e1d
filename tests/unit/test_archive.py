"""Archives of finished runs: what they hold, that they are refused for others, and that damage is found."""

import hashlib
import json
import logging
import os
import shutil
import zipfile
from datetime import date
from pathlib import Path

import pytest
from cvpire import layout
from cvpire.archive import writing
from cvpire.archive.contents import FILES, FOLDERS, project_files
from cvpire.archive.writing import write_archive
from cvpire.cli import app
from cvpire.errors import InputError
from cvpire.provenance import PROJECT
from cvpire.untrusted.crates import METADATA, check_crate
from rocrate.rocrate import ROCrate
from typer.testing import CliRunner

CONFIG = {"datasets": {"my town": {}}, "figures": {"4.6": {}, "4.3": {}}}
LOCK = hashlib.sha256(b"content of requirements.lock").hexdigest()


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def record(results: Path, **changes) -> None:
    """Write what `cvpire provenance` writes."""
    tables = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (results / "tables").glob("*.csv")}
    content = {
        "version": "0.1.0",
        "code": "abc",
        "lock file (SHA-256)": LOCK,
        "Python": "3.11.7",
        "packages": {"snakemake": "9.27.1"},
        "device": "processor",
        "processor": "P",
        "photos": {"datasets.my town": {"count": 2, "sha256": "f" * 64}},
        "inputs": {"datasets.my town.ground_truth": "e" * 64},
        "tables": tables,
        "configuration": CONFIG,
    }
    write(results / "provenance.json", json.dumps({**content, **changes}))
    os.utime(results / "provenance.json", (1_600_000_000, 1_600_000_000))  # 13 September 2020


@pytest.fixture
def results(tmp_path):
    """A finished run, with files that do not belong to it."""
    folder = tmp_path / "results"
    for name in ("queries.csv", "random.csv", *(f"table-4.1{suffix}" for suffix in layout.TABLE_SUFFIXES)):
        write(folder / "tables" / name, f"content of {name}")
    for number in ("4.6", "4.3", "9.9"):
        for suffix in layout.FIGURE_SUFFIXES:
            write(folder / "figures" / f"figure-{number}{suffix}", f"figure {number}{suffix}")
    write(folder / "figures" / "figure-4.3.csv", "x,y\n")
    write(folder / "run.json", json.dumps({"attacks": {"cv": {"victims": {"my town": ["net"]}, "suffix": ".jpg"}}}))
    write(folder / "configuration.json", json.dumps(CONFIG))
    for page in ("overview.html", "reproduction.html", "reproduction.md"):
        write(folder / page, "<title>page</title>")
    write(folder / "my town" / "dataset.json", "{}")
    write(folder / "my town" / "cv" / "queries" / "m50_T1" / "büro 1.jpg", "pixels")
    write(folder / "my town" / "original" / "büro 1.png", "not to be archived")
    record(folder)
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of a line a file."""
    folder = tmp_path / "project"
    for name in FILES:
        write(folder / name, f"content of {name}")
    for name in FOLDERS:
        write(folder / name / "file.txt", f"content of {name}")
    write(folder / "envs" / "requirements.lock", "content of requirements.lock")
    write(folder / "config" / ".downloads.lock.busy", "")
    write(folder / "workflow" / "__pycache__" / "module.pyc", "")
    shutil.copy2(PROJECT / "codemeta.json", folder)
    monkeypatch.setattr(writing, "code_version", lambda: "abc")
    return folder


@pytest.fixture
def archive(results, project, tmp_path):
    write_archive(tmp_path / "run.zip", results, project=project)
    return tmp_path / "run.zip"


def names(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as file:
        return set(file.namelist())


def cvpire(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# --- What it holds ----------------------------------------------------------------------------------------------------


def test_it_holds_the_run_and_what_made_it(archive):
    found = names(archive)
    assert {*FILES, *(f"{name}/file.txt" for name in FOLDERS), "envs/requirements.lock"} <= found
    assert {name for name in found if name.startswith("results/")} == {
        *(f"results/{name}.json" for name in ("run", "configuration", "provenance")),
        *(f"results/{page}" for page in ("overview.html", "reproduction.html", "reproduction.md")),
        "results/my town/dataset.json",
        *(f"results/tables/{name}.csv" for name in ("queries", "random")),
        *(f"results/tables/table-4.1{suffix}" for suffix in layout.TABLE_SUFFIXES),
        *(f"results/figures/figure-{number}{suffix}" for number in ("4.3", "4.6") for suffix in layout.FIGURE_SUFFIXES),
        "results/figures/figure-4.3.csv",
    }
    assert not [name for name in found if "/." in name or "__pycache__" in name]


def test_a_package_for_crates_reads_it(archive):
    crate = ROCrate(archive)

    workflow = crate.mainEntity
    assert set(workflow.type) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert workflow["programmingLanguage"]["name"] == "Snakemake"
    assert workflow["softwareRequirements"].id == "envs/requirements.lock"
    files = {entity.id for entity in crate.data_entities}
    assert "results/my%20town/dataset.json" in files
    assert len(files) == len(names(archive)) - 1
    (run,) = crate.root_dataset["mentions"]
    assert run.type == "CreateAction"
    assert run["instrument"] is workflow
    assert {entity.id for entity in run["object"]} == {
        "results/configuration.json",
        "#datasets.my%20town",
        "#datasets.my%20town.ground_truth",
    }
    made = {entity.id for entity in run["result"]}
    assert {"results/tables/table-4.1.csv", "results/figures/figure-4.6.png", "results/overview.html"} <= made
    assert "Snakefile" not in made
    assert {profile.id for profile in crate.root_dataset["conformsTo"]} >= {"https://w3id.org/ro/wfrun/workflow/0.5"}
    assert crate.root_dataset["author"][0]["name"] == "The cvpire contributors"


def test_every_file_has_its_checksum_size_and_type(archive):
    with zipfile.ZipFile(archive) as file:
        graph = {entity["@id"]: entity for entity in json.loads(file.read(METADATA))["@graph"]}
        page = graph["results/overview.html"]
        assert page["sha256"] == hashlib.sha256(file.read("results/overview.html")).hexdigest()
        assert page["contentSize"] == "19"
        assert page["encodingFormat"] == "text/html"
    assert check_crate(archive) == (len(names(archive)) - 1, [])


def test_queries_and_report_are_added_where_asked_for(results, project, tmp_path):
    write(results / "report.zip", "report")
    write_archive(tmp_path / "run.zip", results, with_queries=True, with_report=True, project=project)

    found = names(tmp_path / "run.zip")
    assert "results/my town/cv/queries/m50_T1/büro 1.jpg" in found
    assert "results/report.zip" in found
    assert "results/my town/original/büro 1.png" not in found
    assert check_crate(tmp_path / "run.zip")[1] == []


@pytest.mark.parametrize(("place", "name"), [("project/config/file.txt", "config/file.txt"), ("my.yaml", None)])
def test_the_configuration_as_it_was_written_is_the_runs_input(results, project, tmp_path, place, name):
    file = write(tmp_path / place, "seed: 0")
    write_archive(tmp_path / "run.zip", results, given=file, project=project)

    name = name or "configuration/my.yaml"
    assert name in names(tmp_path / "run.zip")
    (run,) = ROCrate(tmp_path / "run.zip").root_dataset["mentions"]
    assert name in {entity.id for entity in run["object"]}


def test_equal_runs_give_equal_bytes(archive, results, project, tmp_path):
    moved = tmp_path / "elsewhere" / "results"
    shutil.copytree(results, moved)
    for path in moved.rglob("*.csv"):
        os.utime(path, (1, 1))
    write_archive(tmp_path / "other.zip", moved, project=project)
    assert (tmp_path / "other.zip").read_bytes() == archive.read_bytes()
    with zipfile.ZipFile(archive) as file:
        listed = file.namelist()
        assert listed == [*sorted(listed[:-1]), METADATA]
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(("day", "said"), [(None, "2020-09-13"), (date(2021, 5, 4), "2021-05-04")])
def test_its_date_is_that_of_the_run_or_the_one_that_is_given(results, project, tmp_path, day, said):
    write_archive(tmp_path / "run.zip", results, day=day, project=project)
    assert ROCrate(tmp_path / "run.zip").root_dataset["datePublished"] == said


def test_a_project_that_has_changed_since_is_named(results, project, tmp_path, monkeypatch, caplog):
    with caplog.at_level(logging.WARNING):
        write_archive(tmp_path / "run.zip", results, project=project)
        assert caplog.messages == []
        monkeypatch.setattr(writing, "code_version", lambda: "def")
        write_archive(tmp_path / "run.zip", results, project=project)
    assert caplog.messages == ["code: the run was made with abc, and the archive holds def"]


def test_this_project_has_what_is_archived():
    found = project_files(PROJECT)
    assert {"Snakefile", "rules/common.smk", "workflow/Snakefile", "workflow/cvpire/layout.py"} <= found.keys()


# --- Runs that are not finished ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing",
    [
        "provenance.json",
        "run.json",
        "overview.html",
        "reproduction.md",
        "tables/table-4.1.md",
        "figures/figure-4.6.pdf",
        "tables/random.csv",
    ],
)
def test_a_run_that_is_not_finished_is_refused(results, project, tmp_path, missing):
    (results / missing).unlink()
    with pytest.raises(InputError, match="not a finished run") as caught:
        write_archive(tmp_path / "run.zip", results, project=project)
    assert f"missing {results / missing};" in str(caught.value)
    assert not (tmp_path / "run.zip").exists()


def test_of_many_missing_files_one_is_named(results, project, tmp_path):
    shutil.rmtree(results / "figures")
    with pytest.raises(InputError, match=r"missing .*figure-4.6.svg and 5 more;"):
        write_archive(tmp_path / "run.zip", results, project=project)


def test_tables_and_configuration_of_another_run_are_refused(results, project, tmp_path):
    write(results / "tables" / "table-4.1.csv", "edited")
    with pytest.raises(InputError, match=r"table-4.1.csv: changed since results/provenance.json was written"):
        write_archive(tmp_path / "run.zip", results, project=project)
    record(results, configuration={**CONFIG, "seed": 1})
    with pytest.raises(
        InputError, match=r"configuration.json: not the configuration that results/provenance.json names"
    ):
        write_archive(tmp_path / "run.zip", results, project=project)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tables": []}', "[" * 10**5])
def test_what_is_no_record_is_named(results, project, tmp_path, content):
    write(results / "provenance.json", content)
    with pytest.raises(InputError, match=r"provenance.json: not a record of `cvpire provenance`"):
        write_archive(tmp_path / "run.zip", results, project=project)


def test_queries_that_are_not_there_are_named(results, project, tmp_path):
    shutil.rmtree(results / "my town" / "cv")
    with pytest.raises(InputError, match="has no saved queries; leave out --queries"):
        write_archive(tmp_path / "run.zip", results, with_queries=True, project=project)


# --- Checking one -----------------------------------------------------------------------------------------------------


def changed(archive: Path, change: dict[str, bytes | None], *, extra: tuple[str, ...] = ()) -> Path:
    """Write an archive anew: None leaves a file out."""
    other = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (content := change.get(name, old.read(name))) is not None:
                new.writestr(name, content)
        for name in extra:
            new.writestr(name, "extra")
    return other


def test_what_is_missing_changed_or_added_is_named(archive):
    other = changed(
        archive,
        {"Snakefile": None, "LICENSE": b"content of LICENCE", "results/overview.html": b"<title>page</title>!"},
        extra=("../evil.sh",),
    )
    faults = check_crate(other)[1]
    assert sorted(faults) == [
        "../evil.sh: not in the metadata",
        "LICENSE: changed",
        "Snakefile: missing",
        "results/overview.html: changed",
    ]
    assert not (archive.parent.parent / "evil.sh").exists()


def test_no_more_is_read_than_was_recorded(archive):
    """A member that unpacks to more than its size is a change, and is left there."""
    assert check_crate(changed(archive, {"LICENSE": bytes(2**24)}))[1] == ["LICENSE: changed"]


def test_a_damaged_file_is_named(archive):
    data = bytearray(archive.read_bytes())
    place = data.index(b"Snakefile", data.index(b"README.md")) + len("Snakefile") + 3
    data[place] ^= 255
    archive.write_bytes(data)
    (fault,) = check_crate(archive)[1]
    assert fault.startswith("Snakefile: ")


@pytest.mark.parametrize(
    "metadata",
    [None, b"", b"[]", b"{}", b'{"@graph": [1]}', b'{"@graph": [{"@id": "a", "@type": "File"}]}', b"[" * 10**5],
)
def test_what_is_no_archive_is_named(archive, metadata):
    with pytest.raises(InputError, match=r"changed.zip: not an archive of `cvpire archive`"):
        check_crate(changed(archive, {METADATA: metadata}))


@pytest.mark.parametrize("content", [b"", b"PK", b"a text"])
def test_a_file_that_is_no_zip_is_named(tmp_path, content):
    (tmp_path / "run.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"run.zip: not an archive"):
        check_crate(tmp_path / "run.zip")


# --- The command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_and_checks(results, tmp_path):
    done = cvpire("archive", results, tmp_path / "run.zip", "--date", "2021-05-04")
    assert done.exit_code == 0, done.output
    done = cvpire("archive", "--check", tmp_path / "run.zip")
    assert done.exit_code == 0
    assert done.stdout.endswith("files, all as recorded\n")

    done = cvpire("archive", "--check", changed(tmp_path / "run.zip", {"Snakefile": None}))
    assert (done.exit_code, done.stdout) == (1, "Snakefile: missing\n")


def test_the_command_replaces_its_own_archives_only(results, tmp_path):
    with zipfile.ZipFile(tmp_path / "holiday.zip", "w") as file:
        file.writestr("photo.jpg", "x")
    done = cvpire("archive", results, tmp_path / "holiday.zip")
    assert isinstance(done.exception, InputError)
    assert "is there and is not an archive of `cvpire archive`" in str(done.exception)


@pytest.mark.parametrize("arguments", [[], ["results"], ["results", "a.zip", "--check", "b.zip"]])
def test_what_is_wanted_must_be_clear(arguments):
    done = cvpire("archive", *arguments)
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == "archive: expected RESULTS OUT.zip, or --check OUT.zip"
