"""Source connectors in the real worker: topics they create, errors they tolerate, brokers, registries and databases that
go away, promises that are refused."""
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

from confluent_kafka.admin import AdminClient, ConfigResource

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import fraud  # noqa: E402
from connect_rest import AVRO_CONVERTER, call, consume, file_config, ready, status, wait_state  # noqa: E402
from harness import free_port, wait_for  # noqa: E402

TRANSFORMS = "org.apache.kafka.connect.transforms."


def write_lines(path, *lines, mode="w"):
    with open(path, mode, encoding="utf-8") as f:
        f.write("".join(f"{line}\n" for line in lines))


def metric(weir, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{weir.ports['admin']}/metrics", timeout=30) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
    raise KeyError(name)


def committed(weir, name):
    offsets = call(weir, "GET", f"/connectors/{name}/offsets")[1]["offsets"]
    return offsets[0]["offset"] if offsets else None


def refusal(weir, config):
    code, body, _ = call(weir, "PUT", "/connectors/r/config", config)
    assert code == 400, body
    lines = body["message"].splitlines()
    assert lines[0] == "Connector configuration is invalid and contains the following 1 error(s):"
    return lines[1]


def test_topics_are_created_as_asked(make_weir, tmp_path):
    weir = ready(make_weir())
    path = tmp_path / "in.txt"
    write_lines(path, "one")
    rules = {"topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "3",
             "topic.creation.groups": "big,kept", "topic.creation.big.include": "big.*,huge", "topic.creation.big.partitions": "5",
             "topic.creation.kept.include": ".*", "topic.creation.kept.exclude": "small.*",
             "topic.creation.kept.retention.ms": "12345"}
    for topic in ("big-one", "small", "table"):
        assert call(weir, "PUT", f"/connectors/{topic}/config", file_config(path, topic, **rules))[0] == 201
        assert consume(weir, topic, 1) == ["one"]
    admin = AdminClient({"bootstrap.servers": weir.kafka})
    topics = admin.list_topics(timeout=30).topics
    assert [len(topics[t].partitions) for t in ("big-one", "small", "table")] == [5, 3, 3]
    resource = ConfigResource(ConfigResource.Type.TOPIC, "table")
    settings = admin.describe_configs([resource])[resource].result()
    assert settings["retention.ms"].value == "12345"

    for key, value, text in (
            ("topic.creation.default.partitions", None,
             'Missing required configuration "topic.creation.default.partitions" which has no default value.'),
            ("topic.creation.default.partitions", "many",
             "Invalid value many for configuration topic.creation.default.partitions: Value must be -1 or at least 1"),
            ("topic.creation.big.include", None,
             'Missing required configuration "topic.creation.big.include" which has no default value.'),
            ("topic.creation.big.include", "a(",
             "Invalid value a( for configuration topic.creation.big.include: not a regular expression")):
        config = file_config(path, "t", **{**rules, key: value})
        assert refusal(weir, {k: v for k, v in config.items() if v is not None}) == text

    # The admin client that makes the topics is the connector's own: one that leads nowhere makes none.
    nowhere = {**rules, "admin.override.bootstrap.servers": f"127.0.0.1:{free_port()}"}
    assert call(weir, "PUT", "/connectors/never/config", file_config(path, "never", **nowhere))[0] == 201
    wait_for(lambda: "topic.waiting topic=never" in weir.output(), "the topic is waited for")
    assert "never" not in admin.list_topics(timeout=30).topics
    assert call(weir, "DELETE", "/connectors/never")[0] == 204


def test_tolerated_errors_skip_the_record_and_say_so(make_weir, tmp_path):
    weir = ready(make_weir("--connect-offset-flush-interval", "100ms"))
    path = tmp_path / "in.txt"
    write_lines(path, "1", "two", "3")
    cast = {"transforms": "cast", "transforms.cast.type": TRANSFORMS + "Cast$Value", "transforms.cast.spec": "float64"}
    rules = {"errors.tolerance": "all", "errors.log.enable": "true", "errors.log.include.messages": "true"}
    assert call(weir, "PUT", "/connectors/strict/config", file_config(path, "strict", **cast))[0] == 201
    now = wait_state(weir, "strict", "RUNNING", "FAILED")
    assert now["tasks"][0]["trace"].startswith(
        "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler\nCaused by: "
        "org.apache.kafka.connect.errors.DataException: ")

    assert call(weir, "PUT", "/connectors/lax/config", file_config(path, "lax", **cast, **rules))[0] == 201
    assert consume(weir, "lax", 2) == ["1.0", "3.0"]
    wait_for(lambda: committed(weir, "lax") == {"position": path.stat().st_size}, "offset behind the skipped line")
    assert status(weir, "lax")["tasks"][0]["state"] == "RUNNING"
    log = weir.output()
    assert "Error encountered in task lax-0. Executing stage 'TRANSFORMATION' with class " \
           f"'{TRANSFORMS}Cast$Value', where source record is = SourceRecord{{sourcePartition=" in log
    assert "task strict-0. Executing stage" not in log  # errors.log.enable is off there
    assert metric(weir, "weir_connect_records_skipped_total") == 1
    assert metric(weir, "weir_connect_records_failed_total") == 2
    assert metric(weir, 'weir_connect_tasks{state="failed"}') == 1
    assert metric(weir, 'weir_connect_tasks{state="running"}') == 1

    # What Kafka will not have is skipped, too.
    path = tmp_path / "large.txt"
    write_lines(path, "1", "2" * 2_000_000, "3")
    assert call(weir, "PUT", "/connectors/large/config", file_config(path, "large", **rules))[0] == 201
    assert consume(weir, "large", 2) == ["1", "3"]
    wait_for(lambda: committed(weir, "large") == {"position": path.stat().st_size}, "offset behind the large line")


def test_headers_are_converted_and_their_errors_are_errors(make_weir, tmp_path):
    weir = ready(make_weir("--connect-offset-flush-interval", "100ms"))
    path = tmp_path / "in.txt"
    write_lines(path, "one")
    literals = {"a": "5", "b": "2022-07-09T21:33:14.064Z", "c": "[1, 2]", "d": "null", "e": "1.50"}
    headers = {"transforms": ",".join(literals)}
    for name, literal in literals.items():
        headers |= {f"transforms.{name}.type": TRANSFORMS + "InsertHeader", f"transforms.{name}.header": name,
                    f"transforms.{name}.value.literal": literal}

    def read(topic):
        consume(weir, topic, 1)
        return subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", topic, "-c", "1", "-q", "-f", "%h"], capture_output=True,
                              text=True, timeout=30).stdout
    assert call(weir, "PUT", "/connectors/plain/config", file_config(path, "plain", **headers))[0] == 201
    assert read("plain") == "a=5,b=2022-07-09T21:33:14.064Z,c=[1, 2],d=NULL,e=1.5"
    as_json = {**headers, "header.converter": "JsonConverter", "header.converter.schemas.enable": "false"}
    assert call(weir, "PUT", "/connectors/json/config", file_config(path, "json", **as_json))[0] == 201
    assert read("json") == 'a=5,b=1657402394064,c="[1, 2]",d=NULL,e=1.5'

    wrong = {**headers, "header.converter": "ByteArrayConverter"}
    assert call(weir, "PUT", "/connectors/strict/config", file_config(path, "strict", **wrong))[0] == 201
    trace = wait_state(weir, "strict", "RUNNING", "FAILED")["tasks"][0]["trace"]
    assert trace.startswith("org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler\nCaused by: "
                            "org.apache.kafka.connect.errors.DataException: Invalid schema type for ByteArrayConverter: INT8")
    wrong |= {"errors.tolerance": "all", "errors.log.enable": "true"}
    assert call(weir, "PUT", "/connectors/lax/config", file_config(path, "lax", **wrong))[0] == 201
    wait_for(lambda: committed(weir, "lax") == {"position": path.stat().st_size}, "the record is skipped")
    assert "task lax-0. Executing stage 'HEADER_CONVERTER' with class" in weir.output()


def test_topics_of_a_connector_are_listed_and_forgotten(make_weir, tmp_path):
    weir = ready(make_weir())
    path = tmp_path / "in.txt"
    write_lines(path, "a")
    route = {"transforms": "r", "transforms.r.type": TRANSFORMS + "RegexRouter", "transforms.r.regex": "(.*)",
             "transforms.r.replacement": "to-$1"}
    call(weir, "PUT", "/connectors/f/config", file_config(path, "x", **route))
    consume(weir, "to-x", 1)
    topics = lambda: call(weir, "GET", "/connectors/f/topics")[1]["f"]["topics"]
    assert topics() == ["to-x"]
    call(weir, "PATCH", "/connectors/f/config", {"transforms.r.replacement": "more-$1"})
    write_lines(path, "b", mode="a")
    wait_for(lambda: topics() == ["more-x", "to-x"], "both topics")
    weir.kill()
    ready(weir.start())
    wait_for(lambda: topics() == ["more-x", "to-x"], "both topics after a crash")
    wait_state(weir, "f", "RUNNING", "RUNNING")
    assert call(weir, "PUT", "/connectors/f/topics/reset")[0] == 202
    assert topics() == []
    write_lines(path, "c", mode="a")
    wait_for(lambda: topics() == ["more-x"], "the topic that is still written to")


def test_a_broker_that_is_away_for_longer_than_any_timeout(make_weir, tmp_path):
    port = free_port()
    path = tmp_path / "in.txt"
    write_lines(path, *range(100))
    broker = make_weir("--roles", "broker", "--kafka-port", str(port), name="broker")
    worker = make_weir("--roles", "connect", "--bootstrap-servers", f"127.0.0.1:{port}",
                       "--connect-offset-flush-interval", "500ms", name="worker")
    ready(worker)
    assert call(worker, "PUT", "/connectors/f/config", file_config(path, "lines"))[0] == 201
    consume(broker, "lines", 100)
    broker.kill()
    gone = time.monotonic()
    write_lines(path, *range(100, 200), mode="a")
    polled = lambda: metric(worker, "weir_connect_records_polled_total")
    wait_for(lambda: polled() == 200, "records wait for the broker")
    # Reads are served, the task keeps running, and nothing is given up in more than 30 s.
    wait_for(lambda: time.monotonic() - gone > 35, "35 s", 60)
    assert status(worker, "f")["tasks"][0]["state"] == "RUNNING"
    assert call(worker, "GET", "/connectors/f/config")[0] == 200
    broker.start()
    assert consume(broker, "lines", 200) == [str(i) for i in range(200)]
    wait_for(lambda: committed(worker, "f") == {"position": path.stat().st_size}, "last offset")
    wait_state(worker, "f", "RUNNING", "RUNNING")


def test_a_registry_that_refuses_and_one_that_comes_late(make_weir, tmp_path):
    weir = ready(make_weir("--roles", "broker,registry,connect"))
    path = tmp_path / "in.txt"
    write_lines(path, "one")
    body = json.dumps({"schema": '"int"'}).encode()
    request = urllib.request.Request(weir.registry + "/subjects/t-value/versions", data=body, method="POST",
                                     headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
    urllib.request.urlopen(request, timeout=30).close()
    avro = {"value.converter": AVRO_CONVERTER, "value.converter.schema.registry.url": weir.registry}
    call(weir, "PUT", "/connectors/f/config", file_config(path, "t", **avro))
    trace = wait_state(weir, "f", "RUNNING", "FAILED")["tasks"][0]["trace"].splitlines()
    assert trace[0] == "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler"
    assert trace[1].startswith(
        "Caused by: org.apache.kafka.common.config.ConfigException: Failed to access Avro data from topic t : "
        'Schema being registered is incompatible with an earlier schema for subject "t-value"')
    assert trace[1].endswith("; error code: 409") and trace[1].count("error code") == 1

    # With errors.retry.timeout a registry that is away is waited for, and no record is lost.
    port = free_port()
    late = {"value.converter": AVRO_CONVERTER, "value.converter.schema.registry.url": f"http://127.0.0.1:{port}",
            "errors.retry.timeout": "-1", "errors.retry.delay.max.ms": "400"}
    call(weir, "PUT", "/connectors/late/config", file_config(path, "late", **late))
    wait_for(lambda: metric(weir, "weir_connect_records_polled_total") >= 2, "the record is waiting")
    assert status(weir, "late")["tasks"][0]["state"] == "RUNNING"
    registry = make_weir("--roles", "registry", "--bootstrap-servers", weir.kafka, "--registry-port", str(port))
    wait_for(lambda: call(weir, "GET", "/connectors/late/topics")[1]["late"]["topics"] == ["late"], "the record arrived")
    assert status(weir, "late")["tasks"][0]["state"] == "RUNNING"
    assert registry.alive()

    # What the converter cannot do is refused, not left out.
    for key, value, text in (
            ("schema.registry.ssl.truststore.location", "/x",
             "value.converter: Configuration schema.registry.ssl.truststore.location is not supported by this converter"),
            ("bearer.auth.token", "x", "value.converter: Configuration bearer.auth.token is not supported by this converter"),
            ("basic.auth.credentials.source", "SASL_INHERIT", "Invalid value SASL_INHERIT for configuration "
             "value.converter.basic.auth.credentials.source: this converter knows URL and USER_INFO")):
        assert refusal(weir, file_config(path, "u", **avro, **{f"value.converter.{key}": value})) == text


def test_promises_that_cannot_be_kept_are_refused(make_weir, tmp_path):
    weir = ready(make_weir())
    config = file_config(tmp_path / "in.txt", "t")
    assert refusal(weir, {**config, "exactly.once.support": "required"}) == (
        "Invalid value required for configuration exactly.once.support: This worker does not have exactly-once source "
        'support enabled. It delivers at least once; use "requested"')
    assert refusal(weir, {**config, "offsets.storage.topic": "mine"}).startswith(
        "Invalid value mine for configuration offsets.storage.topic: This worker keeps the offsets of all connectors")
    assert call(weir, "PUT", "/connectors/r/config", {**config, "exactly.once.support": "requested"})[0] == 201


def test_rows_of_postgres_through_crashes(make_weir, postgres):
    """Every row arrives, in the order of its partition; only rows after the last committed offset come again."""
    weir = ready(make_weir("--connect-offset-flush-interval", "100ms"))
    postgres.execute(fraud.TABLES)
    fraud.create_topics(weir.kafka)
    fraud.put_connector(weir.connect, "p", fraud.connector_config("purchases", postgres.jdbc_url, weir.registry, "Purchase",
                                                                  **{"poll.interval.ms": "10", "batch.max.rows": "50"}))
    insert = "INSERT INTO purchases (category, amount, credit_card) SELECT 'c', i, i % 7 FROM generate_series(1, 500) i"
    last = 0
    for crash in range(3):
        postgres.execute(insert)
        wait_for(lambda: (committed(weir, "p") or {"incrementing": 0})["incrementing"] > last, "an offset is committed")
        weir.kill()
        postgres.execute(insert)  # while nobody reads
        ready(weir.start())
        last = committed(weir, "p")["incrementing"]
        assert last > 1000 * crash
    wait_for(lambda: (committed(weir, "p") or {"incrementing": 0})["incrementing"] == 3000, "the last offset")
    ids = {p: [] for p in range(4)}
    for message in fraud.read_topic(weir.kafka, "purchases"):
        ids[message.partition()].append(fraud.decode_purchase_id(message.value()))
    for partition in ids.values():
        first = list(dict.fromkeys(partition))  # without what came again
        assert first == sorted(first)
    assert set().union(*ids.values()) == set(range(1, 3001))
