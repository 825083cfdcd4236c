import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hybridspan.errors import TemporaryFailure
from hybridspan_lab.parts.artifacts import Artifact
from hybridspan_lab.parts.downloads import fetch_all
from hybridspan_lab.parts.progress import silent

BODY = bytes(range(256)) * 1000
ARTIFACT = Artifact("org.example", "thing", "1.0", hashlib.sha256(BODY).hexdigest(), len(BODY))


class Repository(BaseHTTPRequestHandler):
    requests: list[tuple[str, str | None]]
    body = BODY

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.requests.append((self.path, wanted))
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.body) - begin))
        self.end_headers()
        self.wfile.write(self.body[begin:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def repository(monkeypatch):
    handler = type("Handler", (Repository,), {"requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("HYBRIDSPAN_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}/m2/")
        yield handler
        server.shutdown()
        thread.join()


def test_an_artifact_is_fetched_from_its_place(repository, tmp_path):
    fetch_all([ARTIFACT], tmp_path, "part", silent)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == BODY
    assert repository.requests == [("/m2/org/example/thing/1.0/thing-1.0.jar", None)]


def test_a_whole_file_is_not_fetched_again(repository, tmp_path):
    (tmp_path / "thing-1.0.jar").write_bytes(BODY)
    fetch_all([ARTIFACT], tmp_path, "part", silent)
    assert repository.requests == []


def test_an_interrupted_download_goes_on_where_it_stopped(repository, tmp_path):
    (tmp_path / "thing-1.0.part").write_bytes(BODY[:1000])
    fetch_all([ARTIFACT], tmp_path, "part", silent)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == BODY
    assert [wanted for _, wanted in repository.requests] == ["bytes=1000-"]


def test_bytes_that_are_not_the_pinned_ones_are_refused(repository, tmp_path):
    repository.body = BODY[::-1]
    with pytest.raises(TemporaryFailure) as failure:
        fetch_all([ARTIFACT], tmp_path, "part", silent)
    assert failure.value.code == "HS-LAB-001"
    assert not (tmp_path / "thing-1.0.jar").exists()


def test_progress_ends_at_the_whole(repository, tmp_path):
    heard = []
    fetch_all([ARTIFACT], tmp_path, "part", lambda part, done, total: heard.append((part, done, total)))
    assert heard[-1] == ("part", len(BODY), len(BODY))
