"""HTTP that no proper client sends, on the three HTTP ports: a clear refusal, bounded memory, and service goes on."""
import json
import socket

import pytest

from stack import Raw, assert_error, assert_serving, http, request, resident_kb, stack  # noqa: F401

VERSIONS = "/subjects/s/versions"
CONFIG = "/connectors/c/config"
SCHEMA = {"schema": '"string"'}
FILE = {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "topic": "t"}


@pytest.fixture(autouse=True)
def still_serving(stack):  # noqa: F811
    yield
    assert_serving(stack)


NOT_JSON = {
    "text": b"hello",
    "empty": b" ",
    "cut": b'{"schema":"\\"str',
    "nested 10,000 arrays": b"[" * 10000,
    "nested 10,000 objects": b'{"schema":' * 10000 + b"1" + b"}" * 10000,
    "nested in a known field": b'{"schema":' + b"[" * 10000 + b"]" * 10000 + b"}",
    "nul byte": b'{"schema":"\0"}',
    "only nul": b"\0" * 100,
    "escaped nul": b'{"schema":"a\\u0000b"}',
    "invalid utf-8": b'{"schema":"\xff\xfe"}',
    "overlong utf-8": b'{"schema":"\xc0\xaf"}',
    "lone surrogate": b'{"schema":"\\ud800"}',
    "array": b"[]",
    "string": b'"schema"',
    "number": b"7",
    "null": b"null",
    "two values": b'{"schema":"x"}{"schema":"y"}',
    "number out of range": b'{"schema":1e999}',
    "integer out of range": b'{"schema":"\\"string\\"","id":99999999999999999999999}',
    "wrong type": b'{"schema":{"type":"string"}}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0",
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_bodies_that_are_not_what_they_should_be(stack, name):  # noqa: F811
    body = NOT_JSON[name]
    for path in (VERSIONS, "/subjects/s", "/compatibility/subjects/s/versions"):
        assert_error(http(stack, "registry", "POST", path, body), 400, 422)
    for method, path in (("PUT", "/config"), ("PUT", "/mode/s")):
        if name not in ("wrong type", "two values", "integer out of range", "number out of range"):
            status, answer = http(stack, "registry", method, path, body)
            assert status in (200, 400, 422), answer  # unknown members are ignored: an empty change is none
    for method, path in (("POST", "/connectors"), ("PUT", CONFIG), ("PATCH", "/connectors/none/config"),
                         ("PUT", "/connector-plugins/FileStreamSource/config/validate")):
        assert_error(http(stack, "connect", method, path, body), 400, 404)
    assert http(stack, "registry", "GET", "/subjects", content_type=None)[1] == []
    assert http(stack, "connect", "GET", "/connectors", content_type=None)[1] == []


def test_a_body_of_100_mb_is_refused_and_not_kept(stack):  # noqa: F811
    size, block = 100 << 20, b'{"schema":"' + b"x" * 65525
    for role, method, path in (("registry", "POST", VERSIONS), ("connect", "PUT", CONFIG), ("admin", "POST", "/metrics")):
        before = resident_kb(stack)
        most = before
        with Raw(stack, role) as raw:
            raw.send(request(method, path, headers=[b"Connection: close"]).replace(b"Length: 0", b"Length: %d" % size))
            sent = 0
            try:
                while sent < size:
                    raw.send(block[:size - sent])
                    sent += len(block)
                    if sent % (1 << 23) < len(block):
                        most = max(most, resident_kb(stack))
            except (ConnectionResetError, BrokenPipeError):
                pass
            answer = raw.answer()
        if role == "admin":
            assert answer is None or answer[0] in (404, 405, 413)
        else:
            assert "limit" in assert_error(answer, 413)
        assert max(most, resident_kb(stack)) - before < 40 << 10, role


def test_a_chunked_body_without_end_is_bounded(stack):  # noqa: F811
    chunk = b"10000\r\n" + b"y" * 65536 + b"\r\n"
    before = resident_kb(stack)
    with Raw(stack, "registry") as raw:
        raw.send(b"POST " + VERSIONS.encode() + b" HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(64 * 16):
            raw.send(chunk)
        raw.send(b"0\r\n\r\n")
        assert_error(raw.answer(), 413)
    assert resident_kb(stack) - before < 60 << 10


@pytest.mark.parametrize("chunk", [b"zzz\r\n", b"-5\r\nabc\r\n", b"ffffffffffffffffff\r\nabc", b"5\r\nab\r\n0\r\n\r\n"])
def test_garbage_for_a_chunk(stack, chunk):  # noqa: F811
    with Raw(stack, "registry") as raw:
        raw.send(b"POST " + VERSIONS.encode() + b" HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
        raw.socket.shutdown(socket.SHUT_WR)
        answer = raw.answer()
        assert answer is None or answer[0] in (400, 413)


@pytest.mark.parametrize("length", [b"-1", b"abc", b"18446744073709551616", b"9223372036854775808", b"1, 2", b""])
def test_bad_content_lengths(stack, length):  # noqa: F811
    for role, path in (("registry", VERSIONS), ("connect", "/connectors"), ("admin", "/metrics")):
        with Raw(stack, role) as raw:
            raw.send(request("POST", path).replace(b"Length: 0", b"Length: " + length) + b"{}")
            raw.socket.shutdown(socket.SHUT_WR)
            answer = raw.answer()
            assert answer is None or answer[0] >= 400


def test_wrong_types_methods_and_paths(stack):  # noqa: F811
    for role, method, path in (("registry", "POST", VERSIONS), ("connect", "POST", "/connectors"), ("connect", "PUT", CONFIG)):
        for content_type in ("text/plain", "application/xml", "nonsense", "/", ";;;", "application/json\x01"):
            answer = http(stack, role, method, path, SCHEMA, content_type=content_type)
            assert assert_error(answer, 415) == "HTTP 415 Unsupported Media Type"
    for role, method, path in (("registry", "PUT", VERSIONS), ("registry", "BREW", "/subjects"), ("connect", "PATCH", "/connectors"),
                               ("connect", "DELETE", CONFIG), ("connect", "get", "/connectors")):
        assert assert_error(http(stack, role, method, path, b"{}"), 405) == "HTTP 405 Method Not Allowed"
    for role in ("registry", "connect"):
        for path in ("/nope", "/connectors/a/b/c/d", "/subjects/a/b/c/d/e/f/g", "/" * 500, "/" + "a/" * 500, "/.", "/..", "//etc/passwd"):
            message = assert_error(http(stack, role, "GET", path, content_type=None), 404)
            assert message == "HTTP 404 Not Found"
    assert_error(http(stack, "registry", "GET", "/subjects", headers=[b"Accept: image/png"]), 406)


BAD_ESCAPES = ["%", "%2", "%zz", "a%0", "%00", "a%00b", "%ff", "%c0%af", "%ed%a0%80", "%f8%88%80%80%80"]


@pytest.mark.parametrize("escape", BAD_ESCAPES)
def test_bad_percent_encoding(stack, escape):  # noqa: F811
    assert_error(http(stack, "registry", "POST", f"/subjects/{escape}/versions", SCHEMA), 400, 404, 422)
    assert_error(http(stack, "registry", "GET", f"/subjects/{escape}/versions/1", content_type=None), 400, 404, 422)
    assert_error(http(stack, "connect", "PUT", f"/connectors/{escape}/config", FILE), 400, 404)
    assert_error(http(stack, "connect", "GET", f"/connectors/{escape}", content_type=None), 400, 404)
    http(stack, "connect", "GET", f"/connectors?expand={escape}", content_type=None)
    http(stack, "registry", "GET", f"/subjects?subjectPrefix={escape}&deleted={escape}", content_type=None)


@pytest.mark.parametrize("target", [b"/subjects\0/x", b"/subjects/\xff", b"http://other/subjects", b"*", b"subjects", b"/sub jects"])
def test_targets_that_are_none(stack, target):  # noqa: F811
    for role in ("registry", "connect", "admin"):
        with Raw(stack, role) as raw:
            raw.send(request("GET", target, content_type=None))
            raw.socket.shutdown(socket.SHUT_WR)
            raw.answer()


def test_huge_heads(stack):  # noqa: F811
    for role, path in (("registry", "/subjects"), ("connect", "/connectors"), ("admin", "/metrics")):
        before = resident_kb(stack)
        heads = [request("GET", path, content_type=None, headers=[b"X-Long: " + b"h" * (1 << 20)]),
                 request("GET", path, content_type=None, headers=[b"X-%d: 1" % i for i in range(20000)]),
                 request("GET", path + "?" + "q=1&" * 100000, content_type=None),
                 request("GET", path + "/" + "p" * (1 << 20), content_type=None)]
        for head in heads:
            with Raw(stack, role) as raw:
                try:
                    raw.send(head)
                except (ConnectionResetError, BrokenPipeError):
                    pass
                answer = raw.answer()
                assert answer is None or 400 <= answer[0] < 500, answer[:2]
        assert resident_kb(stack) - before < 20 << 10


def test_half_a_request_and_then_silence(stack):  # noqa: F811
    """They hold their connection, nothing else: others are served at the same time."""
    for role, path in (("registry", VERSIONS), ("connect", "/connectors"), ("admin", "/metrics")):
        halves = [b"", b"P", b"POST " + path.encode(), request("POST", path)[:-2],
                  request("POST", path, b'{"schema":"x"}')[:-3]]
        silent = [Raw(stack, role).send(half) for half in halves * 20]
        assert_serving(stack)
        for raw in silent:
            raw.__exit__()


def test_pipelined_garbage(stack):  # noqa: F811
    for role, path in (("registry", "/subjects"), ("connect", "/connectors")):
        with Raw(stack, role) as raw:
            raw.send(request("GET", path, content_type=None) * 2 + b"\x16\x03\x01 \0\0 garbage\r\n\r\n" * 50)
            assert raw.answer()[0] == 200
            assert raw.answer()[0] == 200
            answer = raw.answer()
            assert answer is None or answer[0] >= 400
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, b"\0\0\0\x10\0\x12\0\0\0\0\0\1\0\0",
                     b"\r\n" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n"):
            with Raw(stack, role) as raw:
                raw.send(data)


def test_duplicate_keys_and_odd_numbers(stack):  # noqa: F811
    """The last of two equal keys counts, as with the original's parser."""
    status, answer = http(stack, "connect", "PUT", "/connector-plugins/FileStreamSource/config/validate",
                          b'{"connector.class":"FileStreamSource","name":"a","topic":"one","topic":"two"}')
    values = {c["value"]["name"]: c["value"]["value"] for c in answer["configs"]}
    assert (status, values["topic"]) == (200, "two")
    for version in ("0", "-2", "2147483648", "99999999999999999999", "1.5", "0x1", "%201"):
        assert_error(http(stack, "registry", "GET", f"/subjects/s/versions/{version}", content_type=None), 404, 422)
    for number in ("99999999999999999999", "-99999999999999999999", "2147483648", "x", "1e3"):
        assert_error(http(stack, "registry", "GET", f"/schemas/ids/{number}", content_type=None), 404)
        http(stack, "registry", "GET", f"/schemas?limit={number}&offset={number}", content_type=None)
    for task in ("x", "-1", "99999999999999999999"):
        assert_error(http(stack, "connect", "GET", f"/connectors/c/tasks/{task}/status", content_type=None), 404, 400)


def test_bad_schemas_are_named(stack):  # noqa: F811
    deep = '{"type":"array","items":' * 400 + '"int"' + "}" * 400
    for text in ("", "nope", '{"type":"record"}', '{"type":"enum","name":"e","symbols":["a","a"]}', '{"type":"fixed","name":"f","size":-1}',
                 '["int","int"]', deep, '"' + "a" * 100000 + '"', '{"type":"record","name":"9","fields":[]}'):
        status, answer = http(stack, "registry", "POST", VERSIONS, {"schema": text})
        if text != deep or status != 200:
            assert (status, answer["error_code"]) == (422, 42201), (text[:40], answer)
    assert http(stack, "registry", "POST", "/subjects/x/versions", {**SCHEMA, "schemaType": "COBOL"})[0] == 422
    many = json.dumps({"type": "record", "name": "r", "fields": [{"name": f"f{i}", "type": "int"} for i in range(60000)]})
    status, answer = http(stack, "registry", "POST", "/subjects/big/versions", {"schema": many})
    assert (status, answer["error_code"]) == (422, 42209), answer


def test_a_thousand_idle_connections(stack):  # noqa: F811
    """The limit is a limit: past it connections are closed, and when some leave there is room again."""
    idle = [Raw(stack, "registry") for _ in range(1000)]
    assert http(stack, "connect", "GET", "/connectors", content_type=None)[0] == 200
    for raw in idle:
        raw.__exit__()
