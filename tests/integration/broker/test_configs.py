"""Topic and broker configs: what is listed is documented, what is not available is refused."""
import struct

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from harness import ROOT
from wire import Reader, Wire, batch, string


@pytest.fixture
def admin(broker):
    return AdminClient({"bootstrap.servers": broker.kafka})


def create(admin, name, config):
    admin.create_topics([NewTopic(name, 1, 1, config=config)])[name].result(30)


def test_every_key_is_documented(admin):
    create(admin, "t", {})
    text = (ROOT / "docs/configuration-topics.md").read_text(encoding="utf-8")
    for resource in (ConfigResource(ConfigResource.Type.TOPIC, "t"), ConfigResource(ConfigResource.Type.BROKER, "0")):
        names = admin.describe_configs([resource])[resource].result(30)
        assert len(names) > 30
        twins = resource.restype == ConfigResource.Type.BROKER  # "log.* twin of a topic key" covers the dynamic ones
        missing = [n for n, entry in names.items() if f"`{n}`" not in text and (entry.is_read_only or not twins)]
        assert missing == []


@pytest.mark.parametrize("config", [{"compression.type": "zstd"}, {"compression.type": "uncompressed"},
                                    {"remote.storage.enable": "true"}])
def test_what_is_not_available_is_refused(broker, admin, config):
    with pytest.raises(KafkaException, match="vailable") as refused:
        create(admin, "t", config)
    assert refused.value.args[0].name() == "INVALID_CONFIG"
    assert "t" not in admin.list_topics(timeout=30).topics
    create(admin, "t", {})
    (key, value), = config.items()
    for resource, name in ((2, "t"), (4, "")):  # the topic; the cluster's default
        if key.startswith("remote") and resource == 4:
            continue  # no broker key
        with Wire(broker.kafka) as client:  # IncrementalAlterConfigs v0
            answer = Reader(client.call(44, 0, struct.pack(">ib", 1, resource) + string(name) + struct.pack(">i", 1) + string(key) +
                                        b"\0" + string(value) + b"\0"))
        assert (answer.int32(), answer.int32(), answer.int16()) == (0, 1, 40)
        assert "vailable" in answer.string()


def test_more_insync_replicas_than_there_are_do_not_stop_writes(broker, admin):
    """As Kafka 3.9 and 4.1: the number of replicas is the most that can be asked for."""
    create(admin, "t", {"min.insync.replicas": "2"})
    with Wire(broker.kafka) as client:
        assert client.produce("t", batch([b"x"]), acks=-1) == (0, 0)


@pytest.mark.parametrize("timeout", [0, -1, 1])
def test_timeouts_of_topic_changes_have_no_effect(broker, timeout):
    """There is no other node to wait for: done when answered."""
    with Wire(broker.kafka) as client:
        answer = Reader(client.call(19, 1, struct.pack(">i", 1) + string("t") + struct.pack(">ihiiib", 3, 1, 0, 0, timeout, 0)))
        assert (answer.int32(), answer.string(), answer.int16()) == (1, "t", 0)
        assert client.produce("t", batch([b"x"]), partition=2) == (0, 0)
        answer = Reader(client.call(37, 0, struct.pack(">i", 1) + string("t") + struct.pack(">iiib", 4, -1, timeout, 0)))
        assert (answer.int32(), answer.int32(), answer.string(), answer.int16()) == (0, 1, "t", 0)
        assert client.produce("t", batch([b"x"]), partition=3) == (0, 0)
        body = struct.pack(">i", 1) + string("t") + struct.pack(">iiqi", 1, 2, -1, timeout)
        answer = Reader(client.call(21, 0, body))
        assert (answer.int32(), answer.int32(), answer.string(), answer.int32()) == (0, 1, "t", 1)
        assert (answer.int32(), answer.int64(), answer.int16()) == (2, 1, 0)
        answer = Reader(client.call(20, 1, struct.pack(">i", 1) + string("t") + struct.pack(">i", timeout)))
        assert (answer.int32(), answer.int32(), answer.string(), answer.int16()) == (0, 1, "t", 0)
        assert client.produce("t", batch([b"x"]))[0] == 3
