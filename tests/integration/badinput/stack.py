"""What the tests of bad input share: the whole stack once for a file, raw HTTP, and the memory of the process."""
import json
import re
import socket
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import ANY_PORTS, DEADLINE_S, Weir, wait_for  # noqa: E402


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The whole stack; every test of the file leaves it alive, and it stops cleanly in the end."""
    weir = Weir(tmp_path_factory.mktemp("weir"), *ANY_PORTS, env={"ASAN_OPTIONS": "quarantine_size_mb=4"}).start()
    wait_for(lambda: http(weir, "connect", "GET", "/health")[0] == 200, "worker ready")
    yield weir
    weir.stop()
    assert "Sanitizer" not in weir.output() and "runtime error:" not in weir.output(), weir.output()[-8000:]


class Raw:
    """An HTTP connection that checks nothing of what it is told to send."""

    def __init__(self, weir, role):
        self.socket = socket.create_connection(("127.0.0.1", weir.ports[role]), timeout=DEADLINE_S)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def answer(self):
        """(status, headers, body); None when the connection was closed instead."""
        try:
            line = self.file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        status, headers = int(line.split()[1]), {}
        while (line := self.file.readline().strip()):
            name, _, value = line.partition(b":")
            headers[name.decode().lower()] = value.strip().decode()
        body = self.file.read(int(headers.get("content-length", 0)))
        return status, headers, body


def request(method, path, body=b"", content_type="application/json", headers=()):
    path = path if isinstance(path, bytes) else path.encode()
    lines = [method.encode() + b" " + path + b" HTTP/1.1", b"Host: weir"]
    lines += [b"Content-Type: " + content_type.encode()] if content_type else []
    lines += [b"Content-Length: %d" % len(body)] if body or method not in ("GET", "DELETE") else []
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


def http(weir, role, method, path, body=None, **options):
    """(status, parsed body or None)"""
    body = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    with Raw(weir, role) as raw:
        answer = raw.send(request(method, path, body, **options)).answer()
    assert answer is not None, "closed without an answer"
    return answer[0], json.loads(answer[2]) if answer[2] else None


def assert_error(answer, *statuses):
    """An error as the references have it: the status, and a body of error_code and message only."""
    assert answer[0] in statuses, answer
    body = answer[-1]
    body = json.loads(body) if isinstance(body, bytes) else body
    assert list(body) == ["error_code", "message"], body
    assert str(body["error_code"]).startswith(str(answer[0])), body
    assert body["message"], body
    return body["message"]


def resident_kb(weir):
    with open(f"/proc/{weir.process.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])


def assert_serving(weir):
    assert weir.alive()
    assert http(weir, "registry", "GET", "/subjects", content_type=None)[0] == 200
    assert http(weir, "connect", "GET", "/connectors", content_type=None)[0] == 200
    with Raw(weir, "admin") as raw:
        assert raw.send(request("GET", "/metrics", content_type=None)).answer()[0] == 200
