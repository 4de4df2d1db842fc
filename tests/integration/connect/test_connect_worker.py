"""The Connect worker through its REST interface, on the built-in broker: life of a connector, errors, crashes."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from connect_rest import (AVRO_CONVERTER, FILE_SOURCE, JSON_CONVERTER, call, consume, file_config, ready,  # noqa: E402
                          status, wait_state)
from harness import free_port, wait_for  # noqa: E402


def test_life_of_a_connector(make_weir, tmp_path):
    weir = ready(make_weir())
    path = tmp_path / "in.txt"
    path.write_text("one\ntwo\npart")
    config = file_config(path, "lines", key="id")
    code, info, headers = call(weir, "PUT", "/connectors/f/config", config)
    assert (code, headers["Location"]) == (201, "/connectors/f")
    assert list(info) == ["name", "config", "tasks", "type"]
    assert info["config"] == {**config, "name": "f"}
    assert info["type"] == "source"
    wait_state(weir, "f", "RUNNING", "RUNNING")
    assert consume(weir, "lines", 2) == ["one", "two"]

    assert call(weir, "GET", "/connectors")[1] == ["f"]
    assert call(weir, "GET", "/connectors/")[1] == ["f"]
    expanded = call(weir, "GET", "/connectors?expand=status&expand=info")[1]
    assert set(expanded["f"]) == {"status", "info"}
    tasks = call(weir, "GET", "/connectors/f/tasks")[1]
    assert tasks[0]["id"] == {"connector": "f", "task": 0}
    assert tasks[0]["config"]["task.class"] == "org.apache.kafka.connect.file.FileStreamSourceTask"
    assert call(weir, "GET", "/connectors/f/tasks/0/status")[1]["state"] == "RUNNING"
    assert call(weir, "GET", "/connectors/f/topics")[1] == {"f": {"topics": ["lines"]}}

    # Paused: nothing is read; resumed: it goes on where it was.
    assert call(weir, "PUT", "/connectors/f/pause")[0] == 202
    wait_state(weir, "f", "PAUSED", "PAUSED")
    with open(path, "a") as f:
        f.write("ial\nthree\n")
    assert call(weir, "PUT", "/connectors/f/resume")[0] == 202
    wait_state(weir, "f", "RUNNING", "RUNNING")
    assert consume(weir, "lines", 4) == ["one", "two", "partial", "three"]

    # An equal config is 200 and restarts nothing; a changed one restarts.
    assert call(weir, "PUT", "/connectors/f/config", config)[0] == 200
    assert call(weir, "PATCH", "/connectors/f/config", {"value.converter": JSON_CONVERTER, "key": None})[0] == 200
    assert "key" not in call(weir, "GET", "/connectors/f/config")[1]
    wait_for(lambda: call(weir, "GET", "/connectors/f/tasks")[1][0]["config"].get("value.converter"), "new task config")
    with open(path, "a") as f:
        f.write("four\n")
    assert json.loads(consume(weir, "lines", 5)[4]) == {"schema": {"type": "string", "optional": False},
                                                         "payload": "four"}

    # Restart, stop, offsets, delete.
    assert call(weir, "POST", "/connectors/f/restart")[0] == 204
    code, body, _ = call(weir, "POST", "/connectors/f/restart?includeTasks=true")
    assert code == 202 and body["connector"]["state"] == "RESTARTING"
    wait_state(weir, "f", "RUNNING", "RUNNING")
    assert call(weir, "POST", "/connectors/f/tasks/0/restart")[0] == 204
    assert call(weir, "POST", "/connectors/f/tasks/7/restart")[0] == 404
    code, body, _ = call(weir, "DELETE", "/connectors/f/offsets")
    assert code == 400 and body["message"].startswith("Connectors must be in the STOPPED state")
    assert call(weir, "PUT", "/connectors/f/stop")[0] == 204
    wait_state(weir, "f", "STOPPED")
    size = path.stat().st_size
    wait_for(lambda: call(weir, "GET", "/connectors/f/offsets")[1] == {
        "offsets": [{"partition": {"filename": str(path)}, "offset": {"position": size}}]}, "last offset committed")
    for partition, offset, what in (({"filename": {"a": 1}}, {}, "field filename contains MAP"),
                                    ({"filename": "x"}, {"position": [1]}, "field position contains ARRAY")):
        code, body, _ = call(weir, "PATCH", "/connectors/f/offsets", {"offsets": [{"partition": partition, "offset": offset}]})
        assert (code, body["message"]) == (400, f"Offsets may only contain primitive types as values, but {what}")
    # A stopped connector may be paused, and the other way round; the status says so.
    assert call(weir, "PUT", "/connectors/f/pause")[0] == 202
    wait_state(weir, "f", "PAUSED")
    assert call(weir, "PUT", "/connectors/f/stop")[0] == 204
    wait_state(weir, "f", "STOPPED")
    code, body, _ = call(weir, "PATCH", "/connectors/f/offsets", {
        "offsets": [{"partition": {"filename": str(path)}, "offset": {"position": size - 5}}]})
    assert (code, body["message"]) == (200, "The offsets for this connector have been altered successfully")
    assert call(weir, "PUT", "/connectors/f/resume")[0] == 202
    assert len(consume(weir, "lines", 6)) == 6
    assert call(weir, "DELETE", "/connectors/f")[0] == 204
    wait_for(lambda: call(weir, "GET", "/connectors/f/status")[0] == 404, "status gone")
    code, body, _ = call(weir, "GET", "/connectors/f")
    assert (code, body) == (404, {"error_code": 404, "message": "Connector f not found"})


def test_refusals(make_weir):
    weir = ready(make_weir())
    root = call(weir, "GET", "/")[1]
    assert list(root) == ["version", "commit", "kafka_cluster_id"]
    cases = [
        ("GET", "/nowhere", None, 404, "HTTP 404 Not Found"),
        ("GET", "/connectors/x/status", None, 404, "No status found for connector x"),
        ("PUT", "/connectors/x/pause", None, 404, "Unknown connector x"),
        ("POST", "/connectors/x/restart", None, 404, "Unknown connector: x"),
        ("DELETE", "/connectors/x", None, 404, "Connector x not found"),
        ("PUT", "/connectors/x/config", {"connector.class": FILE_SOURCE, "name": "y", "topic": "t"}, 400,
         "Connector name configuration (y) doesn't match connector name in the URL (x)"),
        ("PUT", "/connectors/x/config", {"connector.class": FILE_SOURCE}, 400,
         "Connector configuration is invalid and contains the following 1 error(s):\n"
         "Missing required configuration \"topic\" which has no default value.\n"
         "You can also find the above list of errors at the endpoint "
         "`/connector-plugins/{connectorType}/config/validate`"),
        ("GET", "/connector-plugins/Nope/config", None, 404, "Unknown plugin Nope."),
    ]
    for method, path, body, code, message in cases:
        got = call(weir, method, path, body)
        assert (got[0], got[1]["message"]) == (code, message), (method, path)
    code, body, _ = call(weir, "PUT", "/connectors/x/config", {"connector.class": "No.Such"})
    assert code == 500
    assert body["message"].startswith("Failed to find any class that implements Connector and which name matches "
                                      "No.Such, available connectors are: PluginDesc{klass=class ")
    for text in (b"not json", b"[" * 10000, b"{\"a\":{\"b\":1}}", b"{\"a\":"):
        code, body, _ = call(weir, "PUT", "/connectors/x/config", text)
        assert code in (400, 500) and body["error_code"] == code
    code, body, _ = call(weir, "PUT", "/connectors/x/config", {
        "connector.class": FILE_SOURCE, "topic": "t", "tasks.max": "abc", "transforms": "a",
        "transforms.a.type": "No.Smt"})
    assert "contains the following 3 error(s)" in body["message"]
    assert "Invalid value No.Smt for configuration transforms.a.type: Class No.Smt could not be found." \
        in body["message"]
    assert call(weir, "POST", "/connectors", {"name": "f", "config": file_config("/none", "t")})[0] == 201
    code, body, _ = call(weir, "POST", "/connectors", {"name": "f", "config": file_config("/none", "t")})
    assert (code, body["message"]) == (409, "Connector f already exists")
    code, body, _ = call(weir, "PUT", "/connector-plugins/FileStreamSource/config/validate",
                         {"connector.class": FILE_SOURCE, "name": "f", "file": "/a", "topic": "t"})
    assert (code, body["error_count"]) == (200, 0)
    assert [c["definition"]["name"] for c in body["configs"]] == [
        "name", "connector.class", "tasks.max", "tasks.max.enforce", "key.converter", "value.converter",
        "header.converter", "transforms", "predicates", "config.action.reload", "errors.retry.timeout",
        "errors.retry.delay.max.ms", "errors.tolerance", "errors.log.enable", "errors.log.include.messages",
        "topic.creation.groups", "exactly.once.support", "transaction.boundary", "transaction.boundary.interval.ms",
        "offsets.storage.topic", "file", "topic", "batch.size"]


def test_a_failed_task_shows_its_trace_and_others_go_on(make_weir, tmp_path):
    weir = ready(make_weir())
    path = tmp_path / "in.txt"
    path.write_text("one\n")
    nobody = free_port()
    bad = {"value.converter": AVRO_CONVERTER, "value.converter.schema.registry.url": f"http://127.0.0.1:{nobody}"}
    call(weir, "PUT", "/connectors/bad/config", file_config(path, "bad", **bad))
    call(weir, "PUT", "/connectors/good/config", file_config(path, "good"))
    now = wait_state(weir, "bad", "RUNNING", "FAILED")
    lines = now["tasks"][0]["trace"].splitlines()
    assert lines[0] == "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler"
    assert lines[1] == "Caused by: org.apache.kafka.connect.errors.DataException: " \
                       "Failed to serialize Avro data from topic bad :"
    assert lines[2] == "Caused by: org.apache.kafka.common.errors.SerializationException: " \
                       "Error serializing Avro message"
    assert lines[3].startswith("Caused by: java.net.ConnectException: ")
    wait_state(weir, "good", "RUNNING", "RUNNING")
    assert consume(weir, "good", 1) == ["one"]
    # Repaired: only the failed task starts again, and nothing was skipped.
    call(weir, "PATCH", "/connectors/bad/config", {"value.converter.schema.registry.url": weir.registry})
    wait_state(weir, "bad", "RUNNING", "RUNNING")
    assert len(consume(weir, "bad", 1)) == 1


def test_configs_and_offsets_survive_kill_9(make_weir, tmp_path):
    weir = ready(make_weir("--connect-offset-flush-interval", "100ms"))
    path = tmp_path / "in.txt"
    path.write_text("".join(f"{i}\n" for i in range(1000)))
    call(weir, "PUT", "/connectors/f/config", file_config(path, "lines"))
    consume(weir, "lines", 1000)
    wait_for(lambda: call(weir, "GET", "/connectors/f/offsets")[1]["offsets"] and
             call(weir, "GET", "/connectors/f/offsets")[1]["offsets"][0]["offset"] == {
                 "position": path.stat().st_size}, "offsets committed")
    weir.kill()
    with open(path, "a") as f:
        f.write("".join(f"{i}\n" for i in range(1000, 1500)))
    ready(weir.start())
    wait_state(weir, "f", "RUNNING", "RUNNING")
    assert consume(weir, "lines", 1500) == [str(i) for i in range(1500)]


@pytest.mark.parametrize("when", ["start", "running"])
def test_a_broker_that_is_away_is_waited_for(make_weir, tmp_path, when):
    port = free_port()
    path = tmp_path / "in.txt"
    path.write_text("one\n")
    broker = make_weir("--roles", "broker", "--kafka-port", str(port), name="broker", start=when == "running")
    worker = make_weir("--roles", "connect", "--bootstrap-servers", f"127.0.0.1:{port}", name="worker")
    if when == "start":
        assert call(worker, "GET", "/health")[:2] == (
            503, {"status": "starting", "message": "Worker is still starting up."})
        broker.start()
    ready(worker)
    assert call(worker, "PUT", "/connectors/f/config", file_config(path, "lines"))[0] == 201
    wait_state(worker, "f", "RUNNING", "RUNNING")
    assert consume(broker, "lines", 1) == ["one"]
    if when == "running":
        broker.kill()
        with open(path, "a") as f:
            f.write("two\n")
        assert status(worker, "f")["tasks"][0]["state"] == "RUNNING"
        broker.start()
        assert consume(broker, "lines", 2) == ["one", "two"]
        wait_state(worker, "f", "RUNNING", "RUNNING")
