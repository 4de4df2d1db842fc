"""What is wrong with a config is said when it is submitted, whole, and never waits for anybody."""
import pathlib
import signal
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from connect_rest import AVRO_CONVERTER, FILE_SOURCE, JSON_CONVERTER, call, file_config, ready, wait_state  # noqa: E402
from harness import free_port, wait_for  # noqa: E402

TRANSFORMS = "org.apache.kafka.connect.transforms."
TAIL = "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
CONFIG = {"connector.class": FILE_SOURCE, "topic": "t", "name": "x"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """A worker whose broker never comes: checking a config needs neither."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    from harness import ANY_PORTS, Weir
    made = Weir(tmp_path_factory.mktemp("validation") / "weir", *ANY_PORTS, "--roles", "connect", "--bootstrap-servers",
                f"127.0.0.1:{free_port()}").start()
    yield made
    made.stop()


CASES = [
    ({"value.converter": "No.Such"}, "value.converter",
     "Invalid value No.Such for configuration value.converter: Class No.Such could not be found."),
    ({"key.converter": TRANSFORMS + "RegexRouter"}, "key.converter",
     f"Invalid value {TRANSFORMS}RegexRouter for configuration key.converter: Class {TRANSFORMS}RegexRouter could not be "
     "found."),
    ({"header.converter": "No.Such"}, "header.converter",
     "Invalid value No.Such for configuration header.converter: Class No.Such could not be found."),
    ({"value.converter": JSON_CONVERTER, "value.converter.schemas.enable": "maybe"}, "value.converter.schemas.enable",
     "Invalid value maybe for configuration value.converter.schemas.enable: Expected value to be either true or false"),
    ({"key.converter": "StringConverter", "key.converter.converter.encoding": "EBCDIC"}, "key.converter.converter.encoding",
     None),
    ({"value.converter": AVRO_CONVERTER}, "value.converter.schema.registry.url",
     'Missing required configuration "value.converter.schema.registry.url" which has no default value.'),
    ({"value.converter": AVRO_CONVERTER, "value.converter.schema.registry.url": "registry:8081"}, "value.converter",
     'value.converter: schema registry URL "registry:8081" does not begin with http:// or https://'),
    ({"value.converter": AVRO_CONVERTER, "value.converter.schema.registry.url": "http://r", "value.converter.use.latest.version":
      "true"}, "value.converter.use.latest.version",
     "Invalid value true for configuration value.converter.use.latest.version: not supported by this converter"),
    ({"transforms": "a"}, "transforms.a.type",
     'Missing required configuration "transforms.a.type" which has no default value.'),
    ({"transforms": "a", "transforms.a.type": JSON_CONVERTER}, "transforms.a.type",
     f"Invalid value {JSON_CONVERTER} for configuration transforms.a.type: Class {JSON_CONVERTER} could not be found."),
    ({"transforms": "a", "transforms.a.type": TRANSFORMS + "ExtractField$Key"}, "transforms.a.field",
     'Missing required configuration "transforms.a.field" which has no default value.'),
    ({"transforms": "a", "transforms.a.type": TRANSFORMS + "Cast$Value", "transforms.a.spec": "x:int33"}, "transforms.a.type",
     "transforms.a: Invalid type found in casting spec: int33"),
    ({"transforms": "a", "transforms.a.type": TRANSFORMS + "InsertField$Value"}, "transforms.a.type",
     "transforms.a: No field insertion configured"),
    ({"transforms": "a", "transforms.a.type": TRANSFORMS + "InsertField$Value", "transforms.a.static.field": "f"},
     "transforms.a.static.value",
     "Invalid value null for configuration transforms.a.static.value: No value specified for static field: f"),
    ({"transforms": "a,a", "transforms.a.type": TRANSFORMS + "Filter"}, "transforms",
     "Invalid value [a, a] for configuration transforms: Duplicate alias provided."),
    ({"transforms": "a", "transforms.a.type": TRANSFORMS + "Filter", "transforms.a.negate": "true"}, "transforms.a.type",
     "Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate' defining a predicate to be "
     "negated."),
    ({"transforms": "a", "transforms.a.type": TRANSFORMS + "Filter", "transforms.a.predicate": "p"}, "transforms.a.predicate",
     'Invalid value p for configuration transforms.a.predicate: There is no such predicate in "predicates"'),
    ({"predicates": "p", "predicates.p.type": TRANSFORMS + "predicates.TopicNameMatches", "predicates.p.pattern": "("},
     "predicates.p.pattern", None),
    ({"nobody": None}, None,
     "Invalid value null for configuration nobody: Null value can not be supplied as the configuration value."),
    ({"producer.override.linger.msec": "5"}, "producer.override.linger.msec",
     "producer.override.*: unknown Kafka client property linger.msec"),
]


@pytest.mark.parametrize("more,key,text", CASES, ids=[str(key) for _, key, _ in CASES])
def test_an_error_is_found_at_submission(worker, more, key, text):
    config = {**CONFIG, **more}
    code, body, _ = call(worker, "PUT", "/connector-plugins/FileStreamSource/config/validate", config)
    assert (code, body["error_count"]) == (200, 1), body
    wrong = [c for c in body["configs"] if c["value"]["errors"]]
    assert [c["definition"] and c["definition"]["name"] for c in wrong] == [key]
    assert [c["value"]["name"] for c in wrong] == [key or "nobody"]
    if text is not None:
        assert wrong[0]["value"]["errors"] == [text]
    errors = wrong[0]["value"]["errors"]
    head = "Connector configuration is invalid and contains the following 1 error(s):"
    for method, path, sent in (("PUT", "/connectors/x/config", config), ("POST", "/connectors", {"name": "x", "config": config})):
        code, body, _ = call(worker, method, path, sent)
        assert (code, body["error_code"], body["message"].split("\n")) == (400, 400, [head, *errors, TAIL])


def test_every_error_is_listed_and_secrets_are_not(worker):
    config = {**CONFIG, "value.converter": AVRO_CONVERTER, "value.converter.schema.registry.url": "http://r:8081",
              "value.converter.basic.auth.credentials.source": "USER_INFO",
              "value.converter.basic.auth.user.info": "u:hunter2", "producer.override.sasl.jaas.config":
              'x.PlainLoginModule required username="u" password="hunter3";', "key.converter": JSON_CONVERTER}
    code, body, _ = call(worker, "PUT", "/connector-plugins/FileStreamSource/config/validate", config)
    assert (code, body["error_count"]) == (200, 0)
    values = {c["value"]["name"]: c["value"]["value"] for c in body["configs"]}
    assert values["value.converter.basic.auth.user.info"] == values["producer.override.sasl.jaas.config"] == "[hidden]"
    assert values["key.converter.schemas.enable"] == "true"
    assert "hunter" not in str(body)
    many = {f"transforms.t{i}.type": "No.Such.Transformation.Of.That.Name" for i in range(80)}
    config = {**CONFIG, "transforms": ",".join(f"t{i}" for i in range(80)), **many}
    code, body, _ = call(worker, "PUT", "/connectors/x/config", config)
    assert code == 400
    lines = body["message"].split("\n")
    assert len(lines) == 82 and lines[-1] == TAIL and "contains the following 80 error(s)" in lines[0]


def test_a_hanging_broker_delays_nobody_but_who_writes(make_weir, tmp_path):
    """The herder waits for its write; configs are checked, states are told, errors are found meanwhile."""
    broker = make_weir("--roles", "broker", name="broker")
    worker = ready(make_weir("--roles", "connect", "--bootstrap-servers", broker.kafka, name="worker"))
    assert call(worker, "PUT", "/connectors/a/config", file_config(tmp_path / "a", "t"))[0] == 201
    wait_state(worker, "a", "RUNNING", "RUNNING")
    broker.process.send_signal(signal.SIGSTOP)
    try:
        waiting = threading.Thread(target=call, args=(worker, "PUT", "/connectors/b/config", file_config("/b", "t")))
        waiting.start()
        began = time.monotonic()
        for _ in range(20):
            assert call(worker, "PUT", "/connector-plugins/FileStreamSource/config/validate", CONFIG)[1]["error_count"] == 0
            assert call(worker, "PUT", "/connectors/x/config", {**CONFIG, "tasks.max": "0"})[0] == 400
            assert call(worker, "GET", "/connectors/a/status")[1]["tasks"][0]["state"] == "RUNNING"
        assert time.monotonic() - began < 5
        assert waiting.is_alive()
    finally:
        broker.process.send_signal(signal.SIGCONT)
    waiting.join(60)
    wait_for(lambda: call(worker, "GET", "/connectors")[1] == ["a", "b"], "the write went on")


def test_a_change_between_reading_and_writing_a_patch_is_a_conflict(make_weir):
    weir = ready(make_weir())
    assert call(weir, "PUT", "/connectors/x/config", CONFIG)[0] == 201
    results = []

    def patch(number):
        results.append(call(weir, "PATCH", "/connectors/x/config", {f"k{number}": "v"})[0])
    threads = [threading.Thread(target=patch, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(results) <= {200, 409} and 200 in results
    now = call(weir, "GET", "/connectors/x/config")[1]
    assert sum(1 for key in now if key.startswith("k")) == results.count(200)
