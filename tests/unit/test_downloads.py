"""Downloads, against a server on localhost."""

import hashlib
import json
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from cvpire import downloads
from cvpire.config import DownloadOptions
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.downloads import fetch, load_downloads
from cvpire.errors import InputError
from timm.models import get_pretrained_cfg

from .download_server import serve

DATA, OTHER = Random(0).randbytes(700_000), Random(1).randbytes(800_000)
SHA256, OTHER_SHA256 = (hashlib.sha256(data).hexdigest() for data in (DATA, OTHER))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No pauses between tries, and no proxy between the test and its server."""
    monkeypatch.setattr(downloads, "BACKOFF", 0)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "a.tgz").write_bytes(DATA)
    with serve(folder) as server:
        yield server


@pytest.fixture
def output(tmp_path):
    return tmp_path / "here" / "a.tgz"


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "config" / "downloads.lock"


@pytest.fixture
def get(server, output, lock):
    """Fetch a.tgz from addresses, or from files of the server."""

    def get(*addresses, sha256=SHA256, name="a.tgz"):
        urls = [address if ":" in address else server.url(address) for address in addresses or ["a.tgz"]]
        fetch(name, DownloadOptions(urls=urls, sha256=sha256, megabytes=0.7), output, lock)

    return get


@pytest.fixture
def broken_off(output):
    """Leave the first half of a file, as an earlier call does that was killed."""

    def broken_off(data, validator=""):
        output.parent.mkdir()
        output.with_name("a.tgz.part").write_bytes(data[: len(data) // 2])
        output.with_name("a.tgz.part.validator").write_text(validator)
        return f"bytes={len(data) // 2}-"

    return broken_off


def listing(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".busy"))


def asked(server):
    return [request.range for request in server.requests]


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/a.tgz"


# --- Success ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [64, 8, 0])
def test_a_file_arrives_once(get, server, output, digits, capsys):
    get(sha256=SHA256[:digits] or None)

    assert output.read_bytes() == DATA
    assert listing(output.parent) == ["a.tgz"]
    get(sha256=SHA256[:digits] or None)
    assert len(server.requests) == 1, "what is there is not fetched again"
    assert not capsys.readouterr().err, "progress is for terminals"


def test_a_local_file_is_an_address(get, server, output):
    get((server.folder / "a.tgz").as_uri())

    assert output.read_bytes() == DATA
    assert not server.requests


def test_an_archive_that_the_server_calls_an_encoding_stays_an_archive(get, server, output):
    server.behave("a.tgz", headers={"Content-Encoding": "gzip"})
    get()

    assert output.read_bytes() == DATA
    assert server.requests[0].accept_encoding == "identity"


def test_of_two_jobs_that_want_one_file_one_fetches_it(get, server, output):
    server.behave("a.tgz", delay=0.3)
    with ThreadPoolExecutor(2) as jobs:
        list(jobs.map(lambda _: get(), range(2)))

    assert output.read_bytes() == DATA
    assert len(server.requests) == 1


# --- Failure ----------------------------------------------------------------------------------------------------------

FAULTS = {
    "404": "404 Not Found",
    "503": "503 Service Unavailable",
    "web page": "a web page instead of the file",
    "other file": f"SHA-256 is {OTHER_SHA256}, expected {SHA256}",
    "slow": "timed out",
    "no server": "Connection refused",
    "no host": "",  # the resolver's words
    "ftp": "expected an address that starts with http://, https:// or file://",
    "no local file": "No such file or directory",
}


@pytest.fixture(params=FAULTS)
def bad(request, server, monkeypatch):
    """An address that fails, and why."""
    (server.folder / "bad.tgz").write_bytes(OTHER if request.param == "other file" else DATA)
    url = server.url("bad.tgz")
    match request.param:
        case "404" | "503":
            server.behave("bad.tgz", status=int(request.param))
        case "web page":
            server.behave("bad.tgz", headers={"Content-Type": "text/html; charset=utf-8"})
        case "slow":
            monkeypatch.setattr(downloads, "TIMEOUT", (0.2, 0.2))
            monkeypatch.setattr(downloads, "TRIES", 1)
            server.behave("bad.tgz", delay=0.5)
        case "no server":
            url = closed_port()
        case "no host":
            url = "http://no.such.host.invalid/a.tgz"
        case "ftp":
            url = "ftp://127.0.0.1/a.tgz"
        case "no local file":
            url = "file:///no/such/folder/a.tgz"
    return url, FAULTS[request.param]


def test_the_next_address_is_tried(get, bad, output):
    get(bad[0], "a.tgz")

    assert output.read_bytes() == DATA
    assert listing(output.parent) == ["a.tgz"]


def test_without_a_good_address_the_message_says_what_to_do(get, bad, output):
    url, fault = bad
    with pytest.raises(InputError, match=re.escape(f"a.tgz: {url}: {fault}")) as error:
        get(url)

    assert str(error.value).endswith(f"put the file at {output}")
    assert not listing(output.parent)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(get, server, output):
    server.behave("a.tgz", status=503, times=2)
    get()

    assert output.read_bytes() == DATA
    assert [request.status for request in server.requests] == [503, 503, 200]


def test_a_full_disk_is_named_and_what_was_fetched_stays(get, output):
    output.parent.mkdir()
    output.with_name("a.tgz.part").symlink_to("/dev/full")
    with pytest.raises(
        InputError, match=r"No space left on device.*make room for 1 MB.*kept.*put the file at"
    ) as error:
        get()

    assert str(error.value).endswith(f"put the file at {output}")
    assert "a.tgz.part" in listing(output.parent)


def test_a_folder_that_cannot_be_written_is_named(get, output):
    output.parent.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=f"a.tgz: cannot write to {output.parent} .*put the file at"):
        get()


# --- Resume -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_transfer_that_breaks_off_goes_on_where_it_was(get, server, output, sha256):
    server.behave("a.tgz", cut_after=300_000, times=2)
    get(sha256=sha256)

    assert output.read_bytes() == DATA
    first, second, third = server.requests
    assert (first.range, first.status, second.status, third.status) == (None, 200, 206, 206)
    starts = [int(request.range[len("bytes=") : -1]) for request in (second, third)]
    assert 200_000 < starts[0] <= 300_000 < starts[1]
    assert third.sent == len(DATA) - starts[1], "only the rest was asked for"


def test_the_next_call_goes_on_where_the_last_one_failed(get, server, output):
    server.behave("a.tgz", cut_after=300_000, ranges=False)
    with pytest.raises(InputError, match="IncompleteRead"):
        get()
    assert len(server.requests) == 1 + downloads.TRIES, "it is tried again while it brings more than before"

    kept = output.with_name("a.tgz.part").stat().st_size
    assert kept > 200_000
    server.behave("a.tgz")
    get()
    assert output.read_bytes() == DATA
    assert asked(server)[-1] == f"bytes={kept}-"
    assert listing(output.parent) == ["a.tgz"]


def test_a_mirror_goes_on_where_the_first_address_failed(get, server, output):
    (server.folder / "mirror.tgz").write_bytes(DATA)
    server.behave("a.tgz", cut_after=300_000, ranges=False)
    server.behave("mirror.tgz", etag=False, last_modified=False)
    get("a.tgz", "mirror.tgz")

    assert output.read_bytes() == DATA
    assert server.requests[-1].status == 206


def test_a_server_without_ranges_sends_everything_again(get, server, output):
    server.behave("a.tgz", cut_after=300_000, times=2, ranges=False)
    get(sha256=None)

    assert output.read_bytes() == DATA
    assert [request.status for request in server.requests] == [200, 200, 200]


@pytest.mark.parametrize("validators", [{}, {"etag": False}, {"headers": {"ETag": 'W/"weak"'}, "etag": False}])
def test_a_file_that_has_changed_on_the_server_is_fetched_anew(get, server, output, validators):
    server.behave("a.tgz", cut_after=300_000, ranges=False, **validators)
    with pytest.raises(InputError):
        get(sha256=None)
    (server.folder / "a.tgz").write_bytes(OTHER)
    os.utime(server.folder / "a.tgz", (1e9, 1e9))
    server.behave("a.tgz", **validators)
    get(sha256=None)

    assert output.read_bytes() == OTHER
    last = server.requests[-1]
    assert last.range and last.status == 200
    assert last.if_range and not last.if_range.startswith("W/"), "a weak ETag does not tell files apart"


def test_without_validator_and_checksum_nothing_is_resumed(get, server, output, broken_off):
    broken_off(OTHER)
    get(sha256=None)

    assert output.read_bytes() == DATA
    assert asked(server) == [None]


def test_a_part_of_another_file_is_found_out_by_the_checksum(get, server, output, broken_off):
    rest = broken_off(DATA[::-1])
    get()

    assert output.read_bytes() == DATA
    assert asked(server) == [rest, None]


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_part_that_is_longer_than_the_file_is_dropped(get, server, output, broken_off, sha256):
    broken_off(DATA * 3, validator=f'"{SHA256[:16]}"')
    get(sha256=sha256)

    assert output.read_bytes() == DATA
    assert [request.status for request in server.requests] == [416, 200]


def test_a_server_that_sends_another_range_is_asked_for_everything(get, server, output, broken_off):
    rest = broken_off(DATA)
    server.behave("a.tgz", headers={"Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"})
    get()

    assert output.read_bytes() == DATA
    assert asked(server) == [rest, None]


def test_a_part_that_is_whole_only_gets_its_name(get, server, output, broken_off):
    broken_off(DATA * 2)
    get()

    assert output.read_bytes() == DATA
    assert [request.status for request in server.requests] == [416]


# --- The lock file ----------------------------------------------------------------------------------------------------


def test_the_first_use_is_recorded(get, server, output, lock):
    get(sha256=None, name="b.tgz")
    output.unlink()
    get(sha256=SHA256[:8], name="a.tgz")
    output.unlink()
    get(sha256=SHA256, name="known.tgz")

    content = json.loads(lock.read_text())
    assert "first download" in content["about"]
    entry = {"recorded": date.today().isoformat(), "source": server.url("a.tgz"), "sha256": SHA256}
    assert list(content["files"].items()) == [("a.tgz", entry), ("b.tgz", entry)]
    assert lock.read_text().startswith('{\n "about"'), "one value a line"


@pytest.mark.parametrize("known", [None, OTHER_SHA256[:8]])
def test_a_later_download_that_differs_is_an_error(get, server, output, lock, known):
    get(sha256=None)
    output.unlink()
    (server.folder / "a.tgz").write_bytes(OTHER)
    with pytest.raises(
        InputError, match=rf"SHA-256 is {OTHER_SHA256}, but {SHA256} was recorded at first use, on 2.*delete its entry"
    ) as error:
        get(sha256=known)
    assert str(lock) in str(error.value)
    assert str(error.value).endswith(f"put the file at {output}")
    assert not listing(output.parent)

    content = json.loads(lock.read_text())
    content["files"].pop("a.tgz")
    lock.write_text(json.dumps(content))
    get(sha256=known)
    assert output.read_bytes() == OTHER


def test_what_is_recorded_makes_a_part_trustworthy(get, server, output, broken_off):
    get(sha256=None)
    output.rename(output.with_name("other"))
    output.parent.rename(output.parent.with_name("elsewhere"))
    server.behave("a.tgz", etag=False, last_modified=False)
    rest = broken_off(DATA)
    get(sha256=None)

    assert output.read_bytes() == DATA
    assert asked(server) == [None, rest]


def test_a_file_placed_by_hand_is_recorded_too(get, server, output, lock):
    output.parent.mkdir()
    output.write_bytes(OTHER)
    get(sha256=None)

    assert output.read_bytes() == OTHER
    assert not server.requests
    assert json.loads(lock.read_text())["files"]["a.tgz"]["source"] == f"the file found at {output}"


def test_a_wrong_file_placed_by_hand_is_named_and_stays(get, server, output):
    output.parent.mkdir()
    output.write_bytes(OTHER)
    with pytest.raises(InputError, match=f"{output}: SHA-256 is {OTHER_SHA256}, expected {SHA256}; delete the file"):
        get()

    assert output.read_bytes() == OTHER
    assert not server.requests


def test_jobs_record_side_by_side(server, tmp_path, lock):
    names = [f"{number}.tgz" for number in range(8)]

    def job(name):
        options = DownloadOptions(urls=[server.url("a.tgz")], megabytes=1)
        fetch(name, options, tmp_path / "here" / name, lock)

    with ThreadPoolExecutor(8) as jobs:
        list(jobs.map(job, names))
    assert list(json.loads(lock.read_text())["files"]) == names


def test_a_folder_of_the_lock_that_cannot_be_written_is_named(get, server, output, lock):
    lock.parent.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=rf"{lock}: cannot record .*`sha256: {SHA256}`.*put the file at"):
        get(sha256=None)
    assert not output.exists()

    lock.parent.unlink()
    get(sha256=None)
    assert output.read_bytes() == DATA
    assert [request.status for request in server.requests] == [200, 416], "nothing is fetched twice"


@pytest.mark.parametrize("text", ["{", "[]", '{"about": "", "files": {"a.tgz": {"sha256": 1}}}'])
def test_a_damaged_lock_file_is_named(get, output, lock, text):
    lock.parent.mkdir()
    lock.write_text(text)
    fault = rf"(?s){lock}: cannot be read .*; restore or delete it.*put the"
    with pytest.raises(InputError, match=fault):
        get(sha256=None)

    assert lock.read_text() == text
    assert not output.exists()


# --- config/downloads.yaml --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.tgz: {urls: [http://a], megabytes: 1", "not valid YAML"),
        ("- a.tgz", "expected file names with urls and megabytes, found list"),
        ("a.tgz: {urls: [http://a], megabytes: 1, md5: 0}", "a.tgz.md5: unknown key"),
        ("a.tgz: {urls: [], megabytes: 1}", "a.tgz.urls: .*at least 1 entry"),
        ("a.tgz: {urls: [http://a]}", "a.tgz.megabytes: is missing"),
        ("a.tgz: {urls: [http://a], megabytes: 1, sha256: abcdefgh}", "a.tgz.sha256: .*abcdefgh"),
        ("a.tgz: {urls: [http://a], megabytes: 1, sha256: abcdef}", "a.tgz.sha256: .*abcdef"),
        (f"a.tgz: {{urls: [http://a], megabytes: 1, sha256: {'a' * 65}}}", "a.tgz.sha256: .*aaa"),
        ("a.tgz: {urls: [http://a], megabytes: 0}", "a.tgz.megabytes: .*greater than 0"),
        ("../a.tgz: {urls: [http://a], megabytes: 1}", r"\.\./a.tgz"),
    ],
)
def test_a_bad_file_of_addresses_is_named(tmp_path, text, message):
    path = tmp_path / "downloads.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=f"{path}: {message}"):
        load_downloads(path)


@pytest.mark.parametrize("digits", [7, 64])
def test_a_checksum_may_be_the_beginning_of_one(tmp_path, digits):
    path = tmp_path / "downloads.yaml"
    path.write_text(f'a.tgz: {{urls: [http://a], megabytes: 1, sha256: "{SHA256[:digits]}"}}')

    assert load_downloads(path) == {"a.tgz": DownloadOptions(urls=["http://a"], megabytes=1, sha256=SHA256[:digits])}


def test_a_missing_file_of_addresses_is_named(tmp_path):
    with pytest.raises(InputError, match=r"downloads.yaml: cannot read .*No such file"):
        load_downloads(tmp_path / "downloads.yaml")


@pytest.fixture(scope="module")
def published():
    return load_downloads(Path(__file__).parents[2] / "config" / "downloads.yaml")


def test_published_checksums_agree_with_the_names(published):
    networks = {name: download for name, download in published.items() if re.search(r"-[0-9a-f]{7,8}\.pth$", name)}
    assert len(networks) == 14
    for name, download in networks.items():
        assert download.sha256 == re.search(r"-([0-9a-f]{7,8})\.pth$", name)[1]
        assert all(url.endswith(f"/{name}") for url in download.urls)


def test_networks_whose_checksums_nobody_publishes_come_by_https_and_are_recorded(published):
    names = [
        name for name in published if name.endswith((".ckpt", ".torch", ".safetensors", "places.pth", "place.pth"))
    ]

    assert len(names) == 10
    for name in names:
        assert published[name].sha256 is None
        assert all(url.startswith("https://") for url in published[name].urls)


def test_weights_of_timm_are_where_timm_says(published):
    names = [name.removesuffix(".safetensors") for name in published if name.endswith(".safetensors")]

    assert len(names) == 3
    for name in names:
        hub = get_pretrained_cfg(name, allow_unregistered=False).hf_hub_id
        assert published[f"{name}.safetensors"].urls == [f"https://huggingface.co/{hub}/resolve/main/model.safetensors"]


def test_every_file_of_the_benchmarks_has_addresses(published):
    wanted = {name for known in BENCHMARKS.values() for name in (*known.archives, known.ground_truth)}

    assert wanted <= published.keys()
    assert all(url.endswith(f"/{name}") for name in wanted for url in published[name].urls)


def test_imagenet_weights_are_those_of_torchvision(published):
    models = Path(find_spec("torchvision").origin).parent / "models"
    source = "".join((models / f"{module}.py").read_text() for module in ("alexnet", "resnet", "vgg"))
    urls = [url for download in published.values() for url in download.urls if "download.pytorch.org" in url]

    assert len(urls) == 6
    assert all(f'url="{url}"' in source for url in urls)
