"""reco_core.datasets.archives: fetching, verification and safe unpacking, from a server on this machine."""

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from trust import fault

from reco_core import datasets
from reco_core.cli.main import main
from reco_core.datasets import archives as module
from reco_core.datasets.archives import Source, fetch, unpack
from reco_core.errors import InputError

INNER = "archive-master/Tiny"


def archive_bytes(files=None) -> bytes:
    files = files or {f"{INNER}/train/a.png": b"a" * 5000, f"{INNER}/trainannot/a.png": b"m" * 50, "other/x": b"x"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """Serves `content`; breaks off after `limit` bytes."""

    content, limit, requests = b"", None, 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        if self.path == "/missing":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.limit])

    def log_message(self, *arguments): ...


@pytest.fixture
def server():
    server = Server(("127.0.0.1", 0), Handler)
    server.content = archive_bytes()
    server.url = f"http://127.0.0.1:{server.server_port}/tiny.zip"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def tiny_source(monkeypatch, server):
    source = Source(server.url, INNER, {"train": 1, "trainannot": 1})
    monkeypatch.setitem(module.SOURCES, "camvid", source)
    return source


def test_download_unpacks_the_inner_folder_alone_and_tells_progress(tiny_source, tmp_path, capsys):
    folder = datasets.download("camvid", tmp_path / "data" / "camvid", progress=True)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["a.png", "a.png"]
    assert "100%" in capsys.readouterr().err
    assert [path.name for path in folder.parent.iterdir()] == ["camvid"], "neither archive nor parts are left"


def test_a_second_download_asks_for_nothing_and_is_silent(tiny_source, tmp_path, server, capsys):
    datasets.download("camvid", tmp_path / "camvid")
    datasets.download("camvid", tmp_path / "camvid")
    assert server.requests == 1 and capsys.readouterr().err == ""


@fault("A command that is broken off", "download that breaks off", "the server closes after 300 bytes",
       "One line says so, and no data set is there; with the archive deleted, the same command fetches it anew.",
       faults=1, resumed=1)  # fmt: skip
def test_a_broken_transfer_is_no_data_set(tiny_source, tmp_path, server):
    server.limit = 300
    with pytest.raises(InputError, match=r"camvid\.zip: damaged .* delete it and download again"):
        datasets.download("camvid", tmp_path / "camvid")
    assert [path.name for path in tmp_path.iterdir()] == ["camvid.zip"]
    (tmp_path / "camvid.zip").unlink()
    server.limit = None
    assert datasets.download("camvid", tmp_path / "camvid").is_dir()


def test_an_archive_that_is_there_is_not_fetched(tiny_source, tmp_path, server):
    (tmp_path / "camvid.zip").write_bytes(server.content)
    assert datasets.download("camvid", tmp_path / "camvid").is_dir() and server.requests == 0


def test_a_refusal_names_address_and_answer(tmp_path, server):
    with pytest.raises(InputError, match=r"/missing: .*404"):
        fetch(server.url.replace("tiny.zip", "missing"), tmp_path / "f.zip")
    assert list(tmp_path.iterdir()) == []


@fault("A command that is broken off", "no network", "an address at which nobody answers",
       "One line names the address and says to run the command again; exit code 2; nothing is left.",
       faults=1)  # fmt: skip
def test_no_network_is_said_in_one_line(tiny_source, tmp_path, server, capsys, monkeypatch):
    nobody = Source("http://127.0.0.1:9/x.zip", INNER, {})
    monkeypatch.setitem(module.SOURCES, "camvid", nobody)
    with pytest.raises(SystemExit) as end:
        main(["data", "download", "camvid", "--root", str(tmp_path / "camvid")])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert end.value.code == 2 and "127.0.0.1:9" in error and "check the network" in error
    assert not (tmp_path / "camvid").exists()


@pytest.mark.parametrize("name", [f"{INNER}/../../evil.txt", "/etc/evil.txt", "C:/evil.txt", f"{INNER}\\..\\evil.txt"])
def test_an_archive_that_leaves_its_folder_is_refused(tmp_path, name):
    path = tmp_path / "bad.zip"
    path.write_bytes(archive_bytes({f"{INNER}/train/a.png": b"a", name: b"evil"}))
    with pytest.raises(InputError, match="leads out of the folder"):
        unpack(path, INNER, tmp_path / "inner" / "target")
    assert not list(tmp_path.rglob("*evil*")) and not list((tmp_path / "inner").iterdir())


def test_a_link_in_an_archive_is_refused(tmp_path):
    path, link = tmp_path / "bad.zip", zipfile.ZipInfo(f"{INNER}/train/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="link"):
        unpack(path, INNER, tmp_path / "target")


def test_a_damaged_archive_leaves_nothing(tmp_path):
    path, content = tmp_path / "bad.zip", bytearray(archive_bytes())
    content[100:110] = b"??????????"
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="damaged"):
        unpack(path, INNER, tmp_path / "target")
    assert sorted(tmp_path.iterdir()) == [path]


def test_an_archive_too_large_or_without_the_folder(tmp_path, monkeypatch):
    path = tmp_path / "big.zip"
    path.write_bytes(archive_bytes())
    with pytest.raises(InputError, match="has no folder 'elsewhere'"):
        unpack(path, "elsewhere", tmp_path / "target")
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="would unpack to more than"):
        unpack(path, INNER, tmp_path / "target")


def test_missing_files_are_counted(tiny_source, tmp_path):
    folder = datasets.download("camvid", tmp_path / "camvid")
    (folder / "trainannot" / "a.png").unlink()
    with pytest.raises(InputError, match="trainannot: 0 files instead of 1"):
        datasets.download("camvid", folder)


def test_what_cannot_be_downloaded(tmp_path):
    with pytest.raises(InputError, match="'toyscapes' cannot be downloaded; what can: camvid"):
        datasets.download("toyscapes", tmp_path / "t")


def test_without_a_root_it_goes_where_load_looks(tiny_source, tmp_path, monkeypatch):
    monkeypatch.setenv("RECO_DATA", str(tmp_path))
    assert datasets.download("camvid") == tmp_path / "camvid"
