import datetime as dt
import hashlib
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hybridspan.errors import TemporaryFailure
from hybridspan_lab.apigee.issuing import issue
from hybridspan_lab.parts.artifacts import Artifact
from hybridspan_lab.parts.downloads import CONNECTIONS, fetch_all
from hybridspan_lab.parts.progress import silent

NOW = dt.datetime.now(dt.UTC)
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


class Quiet(ThreadingHTTPServer):
    """Counts who comes; says nothing of clients that go away."""

    connections = 0

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        pass


@contextmanager
def serving(scheme, handler, context=None):
    with Quiet(("127.0.0.1", 0), handler) as server:
        if context:
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server, f"{scheme}://127.0.0.1:{server.server_port}/m2/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def repository(monkeypatch):
    handler = type("Handler", (Repository,), {"requests": []})
    with serving("http", handler) as (_, url):
        monkeypatch.setenv("HYBRIDSPAN_MAVEN_REPOSITORY", url)
        yield handler


@pytest.fixture
def behind_a_proxy_that_opens_tls(monkeypatch, tmp_path):
    """The server, and the file with the authority that it alone is known to."""
    authority = issue({"commonName": "proxy-ca", "isCA": True}, None, NOW)
    pair = issue({"commonName": "repository", "ipAddresses": ["127.0.0.1"]}, authority, NOW)
    for name, content in (
        ("ca.crt", authority.certificate),
        ("tls.crt", pair.certificate),
        ("tls.key", pair.key),
    ):
        (tmp_path / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    handler = type("Handler", (Repository,), {"requests": []})
    with serving("https", handler, context) as (server, url):
        monkeypatch.setenv("HYBRIDSPAN_MAVEN_REPOSITORY", url)
        yield server, tmp_path / "ca.crt"


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


def test_the_systems_authorities_are_trusted(behind_a_proxy_that_opens_tls, monkeypatch, tmp_path):
    _, authority = behind_a_proxy_that_opens_tls
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    fetch_all([ARTIFACT], tmp_path / "parts", "part", silent)
    assert (tmp_path / "parts" / "thing-1.0.jar").read_bytes() == BODY


def test_a_certificate_that_is_not_trusted_is_told_at_once(behind_a_proxy_that_opens_tls, tmp_path):
    server, _ = behind_a_proxy_that_opens_tls
    many = [replace(ARTIFACT, name=f"thing{number}") for number in range(60)]
    with pytest.raises(TemporaryFailure) as failure:
        fetch_all(many, tmp_path / "parts", "part", silent)
    assert (failure.value.code, "CERTIFICATE_VERIFY_FAILED" in failure.value.why) == ("HS-LAB-001", True)
    # Those that were under way when the first gave up, and no other.
    assert server.connections <= 3 * CONNECTIONS


def test_progress_ends_at_the_whole(repository, tmp_path):
    heard = []
    fetch_all([ARTIFACT], tmp_path, "part", lambda part, done, total: heard.append((part, done, total)))
    assert heard[-1] == ("part", len(BODY), len(BODY))
