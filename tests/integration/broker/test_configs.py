"""Topic and broker configs: what is listed is documented, what is not available is refused."""
import struct

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from harness import ROOT
from wire import Reader, Wire, string


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
