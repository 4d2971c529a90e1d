"""What a run was made from, and whether two runs are the same."""

import hashlib
import json
import re
import shutil
import subprocess
import tomllib

import pandas as pd
import pytest
from cvpire import provenance as module
from cvpire.checksums import checksum
from cvpire.cli import app
from cvpire.errors import InputError
from cvpire.provenance import facts, photos_checksum
from typer.testing import CliRunner

CONFIG = {
    "seed": 7,
    "device": "cpu",
    "datasets": {"tiny": {"kind": "folder", "folder": "photos", "ground_truth": "truth.json"}},
    "figures": {"4.1": {"seed": 3}},
}
TABLE = pd.DataFrame({"method": ["Original", "CV-PIRE"], "mAP": [100.0, 5.07], "mSSIM": [1.0, 0.951]})


def run(folder, photo=b"photo", config=CONFIG, table=TABLE):
    """A finished run in a folder of its own, with its record."""
    (folder / "results" / "tables").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(photo)
    (folder / "truth.json").write_text("{}")
    (folder / "configuration.json").write_text(json.dumps(config))
    listing = {"notes": [], "queries": {}, "database": ["a"], "photos": {"a": str(folder / "a.jpg")}}
    (folder / "dataset.json").write_text(json.dumps(listing))
    table.to_csv(folder / "results" / "tables" / "table-4.1.csv", index=False)
    done = cvpire(
        *("provenance", folder / "results" / "provenance.json", folder / "configuration.json"),
        *(folder / "results" / "tables" / "table-4.1.csv", "--dataset", f"tiny={folder / 'dataset.json'}"),
        *("--input", f"datasets.tiny.ground_truth={folder / 'truth.json'}"),
    )
    assert done.exit_code == 0, done.output
    return folder / "results"


def cvpire(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def compared(one, other):
    """Exit status, differences and verdict."""
    done = cvpire("compare", one, other)
    *differences, verdict = done.output.splitlines()
    return done.exit_code, differences, verdict


@pytest.fixture
def first(tmp_path):
    return run(tmp_path / "first")


def test_deleted_results_are_no_other_code(tmp_path, monkeypatch):
    def git(*arguments):
        about = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *about, *arguments], check=True, capture_output=True)

    (tmp_path / "results").mkdir()
    for file in ("results/README.md", "code.py"):
        (tmp_path / file).write_text("as it was")
    git("init")
    git("add", "-A")
    git("commit", "-m", "first")
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    version = module.code_version()
    assert re.fullmatch("[0-9a-f]{7,}", version)
    shutil.rmtree(tmp_path / "results")
    assert module.code_version() == version
    (tmp_path / "code.py").write_text("otherwise")
    assert module.code_version() == f"{version}-dirty"


def test_a_record_names_everything_that_results_depend_on(first):
    record = json.loads((first / "provenance.json").read_text())

    assert record["configuration"] == CONFIG
    assert record["version"] == tomllib.loads((module.PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert record["seeds"] == {"seed": 7, "figures.4.1.seed": 3}
    assert record["device"] == "processor", "which the configuration asks for"
    assert record["threads of a network"] == 1
    assert re.fullmatch("[0-9a-f]{64}", record["lock file (SHA-256)"])
    assert record["packages"]["torch"].startswith("2.")
    assert "?" not in record["packages"].values()
    photo = hashlib.sha256(b"photo").hexdigest()
    assert record["photos"]["datasets.tiny"] == {
        "count": 1,
        "sha256": hashlib.sha256(f"{photo} a\n".encode()).hexdigest(),
    }
    assert record["inputs"]["datasets.tiny.ground_truth"] == hashlib.sha256(b"{}").hexdigest()
    assert (
        record["tables"]["table-4.1.csv"] == hashlib.sha256((first / "tables/table-4.1.csv").read_bytes()).hexdigest()
    )
    assert str(first.parent) not in json.dumps(record)


def test_the_page_names_the_same_facts(first):
    record = json.loads((first / "provenance.json").read_text())
    shown = facts(record)

    assert next(iter(shown)) == "version"
    assert shown["version"] == record["version"]
    assert shown["code"] == record["code"]
    assert f"torch {record['packages']['torch']}" in shown["packages"]
    assert record["photos"]["datasets.tiny"]["sha256"] in shown["photos"]
    assert all(isinstance(value, str) for value in shown.values())


def test_a_record_of_the_first_days_names_no_version(first):
    record = json.loads((first / "provenance.json").read_text())
    del record["version"]

    assert facts(record)["version"] == "?"


@pytest.mark.parametrize(("threads", "said"), [(4, "4"), (0, "as many as torch chose")])
def test_threads_that_change_results_are_recorded_and_compared(first, tmp_path, threads, said):
    second = run(tmp_path / "second", config={**CONFIG, "threads": threads})

    assert facts(json.loads((second / "provenance.json").read_text()))["threads of a network"] == said
    assert facts(json.loads((first / "provenance.json").read_text()))["threads of a network"] == "1"
    assert compared(first, second)[:2] == (1, [f"configuration.threads: nothing, {threads}"])


def test_photos_are_told_by_name_and_content_and_not_by_place(tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        for name in "ab":
            (tmp_path / folder / name).write_bytes(name.encode())
    one, other = ({name: tmp_path / folder / name for name in "ab"} for folder in ("one", "other"))

    assert photos_checksum(one) == photos_checksum(dict(reversed(other.items())))
    assert photos_checksum(one) != photos_checksum({"a": one["b"], "b": one["a"]})
    assert photos_checksum(one) != photos_checksum({"a": one["a"]})


def test_equal_runs_are_equal_wherever_they_lie(first, tmp_path):
    second = run(tmp_path / "second")

    equal = (0, [], "The runs should be equal; their tables are equal.")
    assert compared(first, second) == equal
    assert compared(first / "provenance.json", second) == equal


def test_where_inputs_lie_makes_no_difference(first, tmp_path):
    elsewhere = {**CONFIG, "datasets": {"tiny": {**CONFIG["datasets"]["tiny"], "folder": "/somewhere/else"}}}
    assert compared(first, run(tmp_path / "second", config=elsewhere))[0] == 0


def test_a_changed_option_is_named(first, tmp_path):
    second = run(tmp_path / "second", config={**CONFIG, "seed": 8, "victims": ["x"]})

    status, differences, verdict = compared(first, second)
    assert status == 1
    assert differences == ["configuration.seed: 7, 8", "configuration.victims: nothing, ['x']"]
    assert verdict == "The runs need not be equal (2 differences in what they are from); their tables are equal."


def test_a_changed_photo_is_named(first, tmp_path):
    status, differences, _ = compared(first, run(tmp_path / "second", photo=b"another photo"))

    assert status == 1
    assert len(differences) == 1
    assert differences[0].startswith("photos.datasets.tiny.sha256: ")


@pytest.mark.parametrize(
    ("changed", "name"), [("a.jpg", "datasets.tiny"), ("truth.json", "datasets.tiny.ground_truth")]
)
def test_what_changes_while_a_run_works_is_not_recorded(first, changed, name):
    folder, record = first.parent, first / "provenance.json"
    planned = {
        "datasets.tiny": photos_checksum({"a": folder / "a.jpg"})["sha256"],
        "datasets.tiny.ground_truth": checksum(folder / "truth.json"),
    }
    given = (first / "provenance.json", folder / "configuration.json", first / "tables" / "table-4.1.csv")
    given += ("--dataset", f"tiny={folder / 'dataset.json'}")
    given += ("--input", f"datasets.tiny.ground_truth={folder / 'truth.json'}")
    given += tuple(word for item in planned.items() for word in ("--planned", "=".join(item)))
    assert cvpire("provenance", *given).exit_code == 0
    before = record.read_text()
    (folder / changed).write_text("[]")
    done = cvpire("provenance", *given)
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith(f"{name}: changed while the run was working")
    assert record.read_text() == before


def test_another_version_of_a_package_is_named(first, tmp_path, monkeypatch):
    known = module.version
    monkeypatch.setattr(module, "version", lambda package: "0.1" if package == "torch" else known(package))
    status, differences, _ = compared(first, run(tmp_path / "second"))

    assert status == 1
    assert differences == [f"packages.torch: {known('torch')}, 0.1"]


def test_a_table_that_differs_is_named_with_the_largest_difference(first, tmp_path):
    other = TABLE.assign(mAP=[99.5, 5.0], method=["Original", "Ours"])
    status, differences, verdict = compared(first, run(tmp_path / "second", table=other))

    assert status == 1
    assert differences == ["tables: table-4.1.csv: differs in method (text), mAP by at most 0.5"]
    assert verdict == "The runs should be equal; 1 of 1 tables are not."


def test_names_that_look_like_nothing_are_told_apart(tmp_path):
    names = (("NA", "null"), ("NA", "nan"))
    one, other = (run(tmp_path / "".join(pair), table=TABLE.assign(method=pair)) for pair in names)
    assert compared(one, other)[1] == ["tables: table-4.1.csv: differs in method (text)"]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (TABLE[:1], "2 rows, 1 row"),
        (TABLE.rename(columns={"mAP": "map"}), "other columns"),
        (TABLE.assign(mAP=[100, None]), "differs in mAP (empty cells)"),
        (TABLE.assign(mSSIM=["1.00", "0.951"]), "differs in how numbers are written"),
    ],
)
def test_tables_that_cannot_be_subtracted(first, tmp_path, table, text):
    assert compared(first, run(tmp_path / "second", table=table))[1] == [f"tables: table-4.1.csv: {text}"]


def test_a_table_that_was_changed_after_the_run_is_named(first, tmp_path):
    second = tmp_path / "second"
    shutil.copytree(first, second)
    (second / "tables" / "table-4.1.csv").write_text(TABLE.replace(5.07, 4.07).to_csv(index=False))

    assert compared(first, second)[:2] == (
        1,
        [
            f"{second / 'tables' / 'table-4.1.csv'}: changed since provenance.json was written",
            "tables: table-4.1.csv: differs in mAP by at most 1",
        ],
    )
    (second / "tables" / "table-4.1.csv").unlink()
    assert compared(first, second)[1] == [f"tables: table-4.1.csv: missing from {second}"]


@pytest.mark.parametrize("content", [None, "", "[]", "{", "[" * 10**5])
def test_a_configuration_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "configuration.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=re.escape(f"{file}: ")):
        module.write_provenance(tmp_path / "provenance.json", file, [], {}, {}, {})
    assert not (tmp_path / "provenance.json").exists()


@pytest.mark.parametrize("missing", [{"datasets": {"a": "gone"}}, {"inputs": {"a": "gone"}}, {"tables": ["gone"]}])
def test_an_input_that_is_missing_is_named(tmp_path, missing):
    (tmp_path / "configuration.json").write_text("{}")
    given = {"tables": [], "datasets": {}, "distractors": {}, "inputs": {}} | {
        key: {name: tmp_path / file for name, file in value.items()} if isinstance(value, dict) else [tmp_path / "gone"]
        for key, value in missing.items()
    }
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'gone'}: ")):
        module.write_provenance(tmp_path / "provenance.json", tmp_path / "configuration.json", **given)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"tables": {}}', "[" * 10**5])
def test_what_is_no_record_is_named(first, tmp_path, content):
    if content is not None:
        (tmp_path / "provenance.json").write_text(content)
    done = cvpire("compare", first, tmp_path)

    assert done.exit_code == 1
    assert str(tmp_path / "provenance.json") in str(done.exception)
