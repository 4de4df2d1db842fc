"""The registry over REST, on the built-in broker: flows, refusals, what stands in _schemas, and what a restart keeps."""
import concurrent.futures
import json
import subprocess
import time

import pytest
import requests

from harness import wait_for

V1 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'
V2 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}'
BAD = '{"type":"record","name":"R","fields":[{"name":"z","type":"int"}]}'
TYPE = "application/vnd.schemaregistry.v1+json"


class Registry:
    def __init__(self, url):
        self.url = url

    def __call__(self, method, path, body=None, **options):
        headers = {"Content-Type": TYPE} if body is not None else {}
        data = None if body is None else body if isinstance(body, (str, bytes)) else json.dumps(body)
        return requests.request(method, self.url + path, data=data, headers={**headers, **options.pop("headers", {})},
                                timeout=60, **options)

    def ok(self, method, path, body=None):
        answer = self(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method, path, body=None):
        answer = self(method, path, body)
        error = answer.json()
        assert set(error) == {"error_code", "message"}
        assert str(error["error_code"])[:3] == str(answer.status_code)
        return error["error_code"], error["message"]

    def register(self, subject, schema, **more):
        return self.ok("POST", f"/subjects/{subject}/versions", {"schema": schema, **more})["id"]


def ready(weir):
    registry = Registry(weir.registry)
    wait_for(lambda: registry("GET", "/status/ready").status_code == 200, "registry ready")
    return registry


@pytest.fixture
def stack(make_weir):
    return make_weir("--roles", "broker,registry")


@pytest.fixture
def registry(stack):
    return ready(stack)


def topic(weir):
    out = subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", "_schemas", "-e", "-q", "-o", "beginning", "-Z",
                          "-f", "%k\t%s\n"], check=True, capture_output=True, text=True, timeout=60).stdout
    return [tuple(line.split("\t")) for line in out.splitlines()]


def test_register_look_up_and_read(registry):
    assert registry.ok("GET", "/subjects") == []
    assert registry.register("s-value", " " + V1.replace(":", ": ")) == 1  # stored in canonical text
    assert registry.register("s-value", V1) == 1
    assert registry.register("s-value", V2) == 2
    assert registry.register("other", V1) == 1  # the same schema has the same id
    assert registry.ok("GET", "/subjects") == ["other", "s-value"]
    assert registry.ok("GET", "/subjects/s-value/versions") == [1, 2]
    assert registry.ok("GET", "/subjects/s-value/versions/1") == {
        "subject": "s-value", "version": 1, "id": 1, "schema": V1}
    for latest in ("latest", "-1", "LATEST"):
        assert registry.ok("GET", f"/subjects/s-value/versions/{latest}")["version"] == 2
    assert registry("GET", "/subjects/s-value/versions/2/schema").text == V2
    answer = registry("GET", "/schemas/ids/1")
    assert answer.json() == {"schema": V1}
    assert answer.headers["Content-Type"] == TYPE
    assert registry.ok("GET", "/schemas/ids/1?fetchMaxId=true") == {"schema": V1, "maxId": 2}
    assert registry("GET", "/schemas/ids/2/schema").text == V2
    assert registry.ok("GET", "/schemas/ids/1/subjects") == ["other", "s-value"]
    assert registry.ok("GET", "/schemas/ids/1/versions") == [
        {"subject": "other", "version": 1}, {"subject": "s-value", "version": 1}]
    assert [(s["subject"], s["version"]) for s in registry.ok("GET", "/schemas?subjectPrefix=s-&offset=1")] == [
        ("s-value", 2)]
    assert [s["version"] for s in registry.ok("GET", "/schemas?latestOnly=true")] == [1, 2]
    assert registry.ok("POST", "/subjects/s-value", {"schema": V2})["version"] == 2
    assert registry.refused("POST", "/subjects/s-value", {"schema": BAD}) == (40403, "Schema not found")
    assert registry.refused("POST", "/subjects/none", {"schema": V1}) == (40401, "Subject 'none' not found.")
    assert registry.refused("GET", "/schemas/ids/9") == (40403, "Schema 9 not found")
    assert registry.refused("GET", "/subjects/none/versions")[0] == 40401
    assert registry.refused("GET", "/subjects/s-value/versions/9") == (40402, "Version 9 not found.")
    assert registry.refused("GET", "/subjects/s-value/versions/0")[0] == 42202
    assert registry.refused("GET", "/schemas/ids/x") == (404, "HTTP 404 Not Found")
    assert registry.register("a%2Fb%3A%20c", V1) == 1
    assert "a/b: c" in registry.ok("GET", "/subjects")


def test_compatibility(registry):
    registry.register("s", V1)
    code, text = registry.refused("POST", "/subjects/s/versions", {"schema": BAD})
    assert code == 409
    assert text.startswith('Schema being registered is incompatible with an earlier schema for subject "s", details: [{')
    path = "/compatibility/subjects/s/versions/"
    assert registry.ok("POST", path + "latest", {"schema": V2}) == {"is_compatible": True}
    assert registry.ok("POST", path + "1", {"schema": BAD}) == {"is_compatible": False}
    verbose = registry.ok("POST", path + "?verbose=True", {"schema": BAD})
    assert verbose["messages"][1:] == ["{oldSchemaVersion: 1}", "{oldSchema: '%s'}" % V1,
                                       "{validateFields: 'false', compatibility: 'BACKWARD'}"]
    assert registry.refused("POST", path, {"schema": '{"type":"foo"}'})[0] == 42201
    assert registry.refused("POST", path + "7", {"schema": V1})[0] == 40402
    assert registry.ok("POST", "/compatibility/subjects/none/versions/latest", {"schema": V1})["is_compatible"]
    assert registry.ok("PUT", "/config/s", {"compatibility": "none"}) == {"compatibility": "NONE"}
    assert registry.register("s", BAD) == 2


def test_config_and_mode(registry):
    assert registry.ok("GET", "/config/") == {"compatibilityLevel": "BACKWARD"}
    assert registry.refused("GET", "/config/s")[0] == 40408
    assert registry.ok("PUT", "/config", {"compatibility": "FULL_TRANSITIVE"}) == {"compatibility": "FULL_TRANSITIVE"}
    assert registry.ok("GET", "/config/s?defaultToGlobal=true") == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert registry.refused("PUT", "/config", {"compatibility": "x"})[0] == 42203
    assert registry.ok("PUT", "/config", {}) == {}
    assert registry.ok("DELETE", "/config") == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert registry.ok("GET", "/config") == {"compatibilityLevel": "BACKWARD"}
    assert registry.refused("DELETE", "/config/s")[0] == 40401
    assert registry.ok("GET", "/mode") == {"mode": "READWRITE"}
    assert registry.refused("GET", "/mode/s")[0] == 40409
    assert registry.refused("PUT", "/mode", {"mode": "x"})[0] == 42204
    assert registry.ok("PUT", "/mode", {"mode": "READONLY"}) == {"mode": "READONLY"}
    assert registry.refused("POST", "/subjects/s/versions", {"schema": V1}) == (
        42205, "Subject s in context . is in read-only mode")
    assert registry.ok("PUT", "/mode/s", {"mode": "IMPORT"}) == {"mode": "IMPORT"}
    assert registry.register("s", V1, id=77, version=5) == 77
    assert registry.ok("GET", "/subjects/s/versions") == [5]
    assert registry.ok("PUT", "/mode", {}) == {}
    assert registry.refused("PUT", "/mode", {"mode": "IMPORT"})[0] == 42205
    assert registry.register("t", V2) == 78
    assert registry.refused("POST", "/subjects/t/versions", {"schema": V1, "id": 5})[0] in (42205,)


def test_deletion(registry):
    registry.register("s", V1)
    registry.register("s", V2)
    assert registry.refused("DELETE", "/subjects/s/versions/1?permanent=true")[0] == 40407
    assert registry.ok("DELETE", "/subjects/s/versions/1") == 1
    assert registry.refused("DELETE", "/subjects/s/versions/1")[0] == 40406
    assert registry.refused("GET", "/subjects/s/versions/1")[0] == 40402
    assert registry.ok("GET", "/subjects/s/versions/1?deleted=true")["id"] == 1
    assert registry.ok("GET", "/subjects/s/versions?deleted=true") == [1, 2]
    assert registry.ok("GET", "/schemas/ids/1") == {"schema": V1}
    assert registry.refused("DELETE", "/subjects/s?permanent=true")[0] == 40405
    assert registry.ok("DELETE", "/subjects/s") == [2]
    assert registry.refused("DELETE", "/subjects/s")[0] == 40404
    assert registry.ok("GET", "/subjects") == []
    assert registry.ok("GET", "/subjects?deleted=true") == ["s"]
    # Registered again: a new version with the old id; the soft-deleted one of that id goes.
    assert registry.register("s", V2) == 2
    assert registry.ok("GET", "/subjects/s/versions?deleted=true") == [1, 3]
    registry.ok("DELETE", "/subjects/s")
    assert registry.ok("DELETE", "/subjects/s?permanent=true") == [1, 3]
    assert registry.refused("DELETE", "/subjects/s")[0] == 40401
    assert registry.refused("GET", "/schemas/ids/1")[0] == 40403
    assert registry.register("s", V1) == 3  # ids are not given twice
    assert registry.ok("GET", "/subjects/s/versions") == [1]


def test_references(registry):
    registry.register("common", '{"type":"fixed","name":"n.F","size":4}')
    reference = {"name": "n.F", "subject": "common", "version": -1}
    user = '{"type":"record","name":"U","fields":[{"name":"f","type":"n.F"}]}'
    assert registry.refused("POST", "/subjects/user/versions", {"schema": user})[0] == 42201
    code, text = registry.refused("POST", "/subjects/user/versions", {
        "schema": user, "references": [{**reference, "version": 9}]})
    assert (code, 'No schema reference found for subject "common" and version 9' in text) == (42201, True)
    assert registry.register("user", user, references=[reference]) == 2
    assert registry.ok("GET", "/schemas/ids/2") == {
        "references": [{"name": "n.F", "subject": "common", "version": 1}], "schema": user}
    assert registry("GET", "/schemas/ids/2/schema?format=resolved").json()["fields"][0]["type"]["size"] == 4
    assert registry.ok("GET", "/subjects/common/versions/1/referencedby") == [2]
    code, text = registry.refused("DELETE", "/subjects/common")
    assert (code, text) == (42206, "One or more references exist to the schema "
                                   "{magic=1,keytype=SCHEMA,subject=common,version=1}.")
    registry.ok("DELETE", "/subjects/user")
    registry.ok("DELETE", "/subjects/common")
    assert registry.refused("DELETE", "/subjects/common?permanent=true")[0] == 42206


def test_references_that_multiply_are_refused(registry):
    """Each level refers a hundred times to the one below it: a hundred to the power of the level schemas to read."""
    registry.register("level0", '"int"')
    refused = None
    for level in range(1, 6):
        references = [{"name": f"n{i}", "subject": f"level{level - 1}", "version": 1} for i in range(100)]
        answer = registry("POST", f"/subjects/level{level}/versions", {"schema": '"int"', "references": references})
        if answer.status_code != 200:
            refused = answer
            break
    assert refused is not None and refused.status_code == 422 and "references of references" in refused.text
    assert level > 2


def test_bad_requests(registry):
    path = "/subjects/s/versions"
    assert registry.refused("POST", path, "{not json")[0] == 400
    assert registry.refused("POST", path, "[" * 10000 + "]" * 10000)[0] == 400
    assert registry.refused("POST", path, json.dumps({"schema": "[" * 10000 + "]" * 10000}))[0] == 42201
    assert registry.refused("POST", path, "[]")[0] == 400
    assert registry.refused("POST", path, b"\xff\xfe")[0] == 400
    assert registry.refused("POST", path, {"schema": 5})[0] == 400
    assert registry.refused("POST", path, {})[0] == 42201
    assert registry.refused("POST", path)[0] == 422
    assert registry.refused("POST", path, {"schema": V1, "schemaType": "JSON"}) == (42201, "Invalid schema type JSON")
    assert registry("POST", path, "x", headers={"Content-Type": "text/html"}).json() == {
        "error_code": 415, "message": "HTTP 415 Unsupported Media Type"}
    assert registry("GET", "/subjects", headers={"Accept": "text/html"}).status_code == 406
    assert registry.refused("GET", "/nowhere") == (404, "HTTP 404 Not Found")
    assert registry.refused("PUT", "/subjects") == (405, "HTTP 405 Method Not Allowed")
    assert registry.refused("POST", "/subjects/:.ctx:s/versions", {"schema": V1})[0] == 42208
    assert registry.refused("POST", "/subjects/a%0ab/versions", {"schema": V1})[0] == 42208
    assert registry.refused("POST", "/subjects/__GLOBAL/versions", {"schema": V1})[0] == 42208

    def hundred_megabytes():
        for _ in range(100):
            yield b" " * 1_000_000
    for body in (b" " * 100_000_000, hundred_megabytes()):
        answer = requests.post(registry.url + path, data=body, headers={"Content-Type": TYPE}, timeout=120)
        assert (answer.status_code, answer.json()["error_code"]) == (413, 413)
    assert registry.ok("GET", "/subjects") == []


def test_records_in_the_topic_are_those_of_the_original(stack, registry):
    registry.register("s", V1)
    registry.register("s", V2)
    registry.ok("PUT", "/config/s", {"compatibility": "FULL"})
    registry.ok("PUT", "/config", {"compatibility": "FORWARD"})
    registry.ok("PUT", "/mode/s", {"mode": "READWRITE"})
    registry.ok("DELETE", "/subjects/s/versions/1")
    registry.ok("DELETE", "/subjects/s")
    registry.ok("DELETE", "/subjects/s?permanent=true")

    def key(version):
        return '{"keytype":"SCHEMA","subject":"s","version":%d,"magic":1}' % version

    def value(version, schema, deleted):
        return '{"subject":"s","version":%d,"id":%d,"schema":%s,"deleted":%s}' % (
            version, version, json.dumps(schema), deleted)
    assert topic(stack) == [
        (key(1), value(1, V1, "false")),
        (key(2), value(2, V2, "false")),
        ('{"keytype":"CONFIG","subject":"s","magic":0}', '{"compatibilityLevel":"FULL"}'),
        ('{"keytype":"CONFIG","magic":0}', '{"compatibilityLevel":"FORWARD"}'),
        ('{"keytype":"MODE","subject":"s","magic":0}', '{"subject":"s","mode":"READWRITE"}'),
        (key(1), value(1, V1, "true")),
        ('{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}', '{"subject":"s","version":2}'),
        (key(2), "NULL"),  # the newest first: it may refer to an older one
        (key(1), "NULL"),
        ('{"keytype":"MODE","subject":"s","magic":0}', "NULL"),
        ('{"keytype":"CONFIG","subject":"s","magic":0}', "NULL"),
    ]


def test_an_import_clears_what_was_deleted_as_the_original_does(stack, registry):
    registry.register("s", V1)
    registry.register("t", V2)
    registry.ok("DELETE", "/subjects/s")
    registry.ok("DELETE", "/subjects/t")
    before = len(topic(stack))
    registry.ok("PUT", "/mode/s", {"mode": "IMPORT"})
    registry.ok("PUT", "/mode", {"mode": "IMPORT"})
    assert topic(stack)[before:] == [
        ('{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', "NULL"),
        ('{"keytype":"CLEAR_SUBJECT","subject":"s","magic":0}', '{"subject":"s"}'),
        ('{"keytype":"MODE","subject":"s","magic":0}', '{"subject":"s","mode":"IMPORT"}'),
        ('{"keytype":"SCHEMA","subject":"t","version":1,"magic":1}', "NULL"),
        ('{"keytype":"CLEAR_SUBJECT","magic":0}', '{}'),
        ('{"keytype":"MODE","magic":0}', '{"mode":"IMPORT"}'),
    ]
    assert registry.ok("GET", "/subjects?deleted=true") == []
    assert registry.refused("GET", "/schemas/ids/1")[0] == 40403


def test_a_restart_keeps_everything(stack, registry):
    registry.register("s", V1)
    registry.register("s", V2)
    registry.register("gone", V1)
    registry.ok("DELETE", "/subjects/s/versions/1")
    registry.ok("DELETE", "/subjects/gone")
    registry.ok("DELETE", "/subjects/gone?permanent=true")
    registry.ok("PUT", "/config/s", {"compatibility": "FULL"})
    paths = ["/subjects", "/subjects?deleted=true", "/schemas?deleted=true", "/subjects/s/versions?deleted=true",
             "/config/s", "/config", "/schemas/ids/1", "/schemas/ids/2"]
    before = [registry.ok("GET", path) for path in paths]
    stack.kill()
    again = ready(stack.start())
    assert [again.ok("GET", path) for path in paths] == before
    assert again.register("s", V2) == 2
    assert again.register("new", '"string"') == 3


def test_records_of_other_registries_are_understood(stack, registry):
    """Keys with other bytes are tombstoned under their own bytes; empty values are tombstones; junk is skipped."""
    foreign = '{"keytype":"SCHEMA","subject":"k","version":1,"magic":0,"seq":3,"node":1}'
    records = [
        ("junk", "junk"),
        ('{"keytype":"NEW","magic":9}', "{}"),
        ('{"keytype":"SCHEMA","subject":"m","version":1,"magic":1}',
         json.dumps({"subject": "m", "version": 1, "id": 39, "metadata": {"properties": {"a": "b"}}, "schema": '"int"'})),
        (foreign, json.dumps({"subject": "k", "version": 1, "id": 40, "schema": V1, "deleted": False, "md5": "x"})),
        ('{"magic":1,"version":2,"subject":"k","keytype":"SCHEMA"}',
         json.dumps({"subject": "k", "version": 2, "id": 40, "schema": V2, "deleted": False})),  # the id is taken
        ('{"keytype":"SCHEMA","subject":"p","version":1,"magic":1}',
         json.dumps({"subject": "p", "version": 1, "id": 41, "schemaType": "PROTOBUF", "schema": "x", "deleted": False})),
        ('{"keytype":"CONFIG","subject":null,"magic":0}', '{"compatibilityLevel":"NONE"}'),
    ]
    subprocess.run(["kcat", "-b", stack.kafka, "-P", "-t", "_schemas", "-K", "\t"], check=True, text=True, timeout=60,
                   input="".join(f"{key}\t{value}\n" for key, value in records))
    wait_for(lambda: registry.ok("GET", "/config") == {"compatibilityLevel": "NONE"}, "foreign config is seen")
    assert registry.ok("GET", "/subjects/k/versions") == [1]
    assert registry.ok("GET", "/schemas/ids/41") == {"schemaType": "PROTOBUF", "schema": "x"}
    assert registry.ok("GET", "/subjects/m/metadata?key=a&value=b")["id"] == 39
    assert registry.refused("GET", "/subjects/m/metadata?key=a&value=c")[0] == 40403
    assert registry.register("n", V2) == 42
    registry.ok("DELETE", "/subjects/k")
    registry.ok("DELETE", "/subjects/k?permanent=true")
    assert (foreign, "NULL") in topic(stack)


def test_broker_away(make_weir, tmp_path):
    broker = make_weir("--roles", "broker")
    port = broker.ports["kafka"]
    alone = make_weir("--roles", "registry", "--bootstrap-servers", broker.kafka)
    registry = ready(alone)
    assert registry.register("s", V1) == 1
    broker.kill()
    assert registry.ok("GET", "/schemas/ids/1") == {"schema": V1}  # reading goes on
    assert registry.register("s", V1) == 1  # so does what is known
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for code, text in pool.map(lambda _: registry.refused("POST", "/subjects/s/versions", {"schema": V2}), range(6)):
            assert code in (50001, 50002), text
            assert "refused" in text or "ALL_BROKERS_DOWN" in text or "Local:" in text, text
    assert time.monotonic() - begin < 15  # the limit of a write is 10 seconds, of those behind it too
    broker.args += ["--kafka-port", str(port)]
    broker.start()
    wait_for(lambda: registry("POST", "/subjects/s/versions", {"schema": V2}).status_code == 200,
             "writes work again by themselves")
    assert registry.ok("GET", "/subjects/s/versions") == [1, 2]


def test_starts_before_its_broker(make_weir):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    alone = make_weir("--roles", "registry", "--bootstrap-servers", f"127.0.0.1:{port}")
    answer = requests.get(alone.registry + "/subjects", timeout=60)
    assert (answer.status_code, answer.json()["error_code"]) == (503, 50001)
    make_weir("--roles", "broker", "--kafka-port", str(port))
    assert ready(alone).register("s", V1) == 1


@pytest.mark.cluster
def test_on_apache_kafka(make_weir, apache_kafka):
    """The same program with the same options on a cluster that is not ours; a topic that is not compacted is refused."""
    options = ("--roles", "registry", "--bootstrap-servers", apache_kafka.kafka)
    first = make_weir(*options)
    registry = ready(first)
    assert [registry.register("s", V1), registry.register("s", V2)] == [1, 2]
    assert registry.ok("DELETE", "/subjects/s/versions/1") == 1
    first.stop()
    again = ready(make_weir(*options))
    assert again.ok("GET", "/subjects/s/versions") == [2]
    assert again.register("t", '"string"') == 3
    subprocess.run(["kcat", "-b", apache_kafka.kafka, "-P", "-t", "plain"], input="x", text=True, check=True, timeout=60)
    refused = make_weir(*options, "--registry-topic", "plain")
    error = wait_for(lambda: (a := requests.get(refused.registry + "/subjects", timeout=60)).status_code == 500 and a.json(),
                     "a topic that is not compacted is refused")
    assert error["error_code"] == 50001 and "compact" in error["message"]
