"""Topics and their configs through an admin client."""
import pathlib
import struct
import sys

import pytest

confluent_kafka = pytest.importorskip("confluent_kafka")
from confluent_kafka import KafkaError  # noqa: E402
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic  # noqa: E402

from harness import DEADLINE_S  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "broker"))
from wire import Reader, Wire, string  # noqa: E402


@pytest.fixture
def client(broker):
    return AdminClient({"bootstrap.servers": broker.kafka})


def results(futures):
    """{name: error code or 0}"""
    out = {}
    for name, future in futures.items():
        error = future.exception(DEADLINE_S)
        out[name] = 0 if error is None else error.args[0].code()
    return out


def configs(client, kind, name):
    resource = ConfigResource(kind, name)
    return client.describe_configs([resource])[resource].result(DEADLINE_S)


def test_create_rules(client):
    topics = [NewTopic("good", 3, 1), NewTopic("a.b", 1, 1), NewTopic("bad name", 1, 1), NewTopic("x" * 250, 1, 1),
              NewTopic(".", 1, 1), NewTopic("rf", 1, 2), NewTopic("zero", 0, 1), NewTopic("default", -1, -1),
              NewTopic("conf", 1, 1, config={"cleanup.policy": "compact,delete", "retention.ms": "1000"}),
              NewTopic("unknown", 1, 1, config={"no.such.key": "1"}),
              NewTopic("number", 1, 1, config={"retention.ms": "soon"}),
              NewTopic("range", 1, 1, config={"retention.ms": "-2"}),
              NewTopic("lags", 1, 1, config={"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"})]
    assert results(client.create_topics(topics)) == {
        "good": 0, "a.b": 0, "bad name": KafkaError.TOPIC_EXCEPTION, "x" * 250: KafkaError.TOPIC_EXCEPTION,
        ".": KafkaError.TOPIC_EXCEPTION, "rf": KafkaError.INVALID_REPLICATION_FACTOR,
        "zero": KafkaError.INVALID_PARTITIONS, "default": 0, "conf": 0, "unknown": KafkaError.INVALID_CONFIG,
        "number": KafkaError.INVALID_CONFIG, "range": KafkaError.INVALID_CONFIG, "lags": KafkaError.INVALID_CONFIG}
    assert results(client.create_topics([NewTopic("good", 1, 1), NewTopic("a_b", 1, 1)])) == {
        "good": KafkaError.TOPIC_ALREADY_EXISTS, "a_b": KafkaError.TOPIC_EXCEPTION}
    listed = client.list_topics(timeout=DEADLINE_S).topics
    assert {name: len(t.partitions) for name, t in listed.items()} == {"good": 3, "a.b": 1, "default": 1, "conf": 1}


def test_validate_only_changes_nothing(client):
    assert results(client.create_topics([NewTopic("t", 1, 1)], validate_only=True)) == {"t": 0}
    assert client.list_topics(timeout=DEADLINE_S).topics == {}


def test_manual_assignment(client):
    topics = [NewTopic("ok", 2, replica_assignment=[[0], [0]]), NewTopic("bad", 1, replica_assignment=[[9]])]
    assert results(client.create_topics(topics)) == {"ok": 0, "bad": KafkaError.INVALID_REPLICA_ASSIGNMENT}


def test_delete_and_create_again(client, broker):
    assert results(client.create_topics([NewTopic("t", 2, 1)])) == {"t": 0}
    assert results(client.delete_topics(["t", "nope"])) == {"t": 0, "nope": KafkaError.UNKNOWN_TOPIC_OR_PART}
    assert client.list_topics(timeout=DEADLINE_S).topics == {}
    assert results(client.create_topics([NewTopic("t", 5, 1)])) == {"t": 0}
    broker.kill()
    broker.start()
    again = AdminClient({"bootstrap.servers": broker.kafka})
    assert len(again.list_topics(timeout=DEADLINE_S).topics["t"].partitions) == 5


def test_add_partitions(client):
    results(client.create_topics([NewTopic("t", 2, 1)]))
    assert results(client.create_partitions([NewPartitions("t", 4)])) == {"t": 0}
    assert len(client.list_topics(timeout=DEADLINE_S).topics["t"].partitions) == 4
    assert results(client.create_partitions([NewPartitions("t", 4)])) == {"t": KafkaError.INVALID_PARTITIONS}
    assert results(client.create_partitions([NewPartitions("t", 3)])) == {"t": KafkaError.INVALID_PARTITIONS}
    assert results(client.create_partitions([NewPartitions("u", 3)])) == {"u": KafkaError.UNKNOWN_TOPIC_OR_PART}


def test_describe_topic_configs(client):
    results(client.create_topics([NewTopic("t", 1, 1, config={"retention.ms": "1000"})]))
    found = configs(client, ConfigResource.Type.TOPIC, "t")
    assert (found["retention.ms"].value, found["retention.ms"].source) == ("1000", 1)
    assert (found["segment.bytes"].value, found["segment.bytes"].source) == ("1073741824", 5)
    assert found["cleanup.policy"].value == "delete" and found["segment.bytes"].is_default
    assert found["retention.ms"].synonyms["log.retention.ms"].value == "604800000"
    with pytest.raises(confluent_kafka.KafkaException) as error:
        configs(client, ConfigResource.Type.TOPIC, "nope")
    assert error.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_describe_broker_configs(client):
    found = configs(client, ConfigResource.Type.BROKER, "0")
    assert found["node.id"].value == "0" and found["num.partitions"].is_read_only


SET, DELETE, APPEND, SUBTRACT = range(4)
TOPIC, BROKER = 2, 4


def alter(broker, kind, name, *changes, validate_only=False):
    """IncrementalAlterConfigs v0; changes are (key, operation, value). The error code and text."""
    body = struct.pack(">ib", 1, kind) + string(name) + struct.pack(">i", len(changes))
    for key, operation, value in changes:
        body += string(key) + struct.pack(">b", operation) + string(value)
    with Wire(broker.kafka) as wire:
        answer = Reader(wire.call(44, 0, body + struct.pack(">?", validate_only)))
    assert (answer.int32(), answer.int32()) == (0, 1)
    return answer.int16(), answer.string()


def test_alter_topic_configs(client, broker):
    results(client.create_topics([NewTopic("t", 1, 1)]))
    value = lambda key: configs(client, ConfigResource.Type.TOPIC, "t")[key].value  # noqa: E731
    assert alter(broker, TOPIC, "t", ("retention.ms", SET, "5"), validate_only=True) == (0, None)
    assert value("retention.ms") == "604800000"
    assert alter(broker, TOPIC, "t", ("retention.ms", SET, "5"), ("cleanup.policy", APPEND, "compact")) == (0, None)
    assert (value("retention.ms"), value("cleanup.policy")) == ("5", "delete,compact")
    assert alter(broker, TOPIC, "t", ("cleanup.policy", SUBTRACT, "delete"), ("segment.ms", DELETE, None)) == (0, None)
    assert value("cleanup.policy") == "compact"
    broker.kill()
    broker.start()
    client = AdminClient({"bootstrap.servers": broker.kafka})
    assert (value("retention.ms"), value("cleanup.policy")) == ("5", "compact")
    assert alter(broker, TOPIC, "t", ("retention.ms", DELETE, None)) == (0, None)
    assert value("retention.ms") == "604800000"


@pytest.mark.parametrize("kind, name, change, error", [
    (TOPIC, "nope", ("retention.ms", SET, "5"), 3),
    (TOPIC, "t", ("no.such.key", SET, "5"), 40),
    (TOPIC, "t", ("retention.ms", SET, "soon"), 40),
    (TOPIC, "t", ("retention.ms", SET, None), 42),
    (TOPIC, "t", ("retention.ms", APPEND, "5"), 40),
    (TOPIC, "t", ("retention.ms", 9, "5"), 42),
    (BROKER, "0", ("node.id", SET, "5"), 42),
    (BROKER, "7", ("log.retention.ms", SET, "5"), 42),
    (99, "t", ("retention.ms", SET, "5"), 42),
])
def test_alter_errors(client, broker, kind, name, change, error):
    results(client.create_topics([NewTopic("t", 1, 1)]))
    code, text = alter(broker, kind, name, change)
    assert code == error and text


def test_dynamic_broker_configs_are_the_topics_defaults(client, broker):
    results(client.create_topics([NewTopic("t", 1, 1)]))
    assert alter(broker, BROKER, "", ("log.retention.ms", SET, "7")) == (0, None)
    found = configs(client, ConfigResource.Type.TOPIC, "t")["retention.ms"]
    assert (found.value, found.source) == ("7", 3)
    assert alter(broker, BROKER, "0", ("log.retention.ms", SET, "8")) == (0, None)
    found = configs(client, ConfigResource.Type.TOPIC, "t")["retention.ms"]
    assert (found.value, found.source) == ("8", 2)
