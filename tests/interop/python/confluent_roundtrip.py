"""confluent-kafka: idempotent producer, group consumer, Avro with the registry, admin. Prints "ok" at the end."""
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from confluent_kafka.schema_registry import (Schema, SchemaReference, SchemaRegistryClient,
                                             record_subject_name_strategy, topic_record_subject_name_strategy,
                                             topic_subject_name_strategy)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMA = ('{"type":"record","name":"Purchase","namespace":"com.example.model","fields":['
          '{"name":"id","type":"int"},{"name":"card","type":["null","string"],"default":null}]}')


def consume(settings, topic, count):
    consumer = Consumer({**settings, "group.id": f"{topic}-group", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    got = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        message = consumer.poll(0.1)
        if message is None:
            continue
        assert message.error() is None, message.error()
        got.append(message)
        if len(got) == count:
            break
    consumer.commit(asynchronous=False)
    consumer.close()
    assert len(got) == count, f"{len(got)} of {count} records of {topic}"
    return got


def registry_forms(client):
    """References, the other subject names, normalizing, and serializing with what is there."""
    fixed = Schema('{"type":"fixed","name":"n.F","size":2}', "AVRO")
    client.register_schema("py-common", fixed)
    user = Schema('{"type":"record","name":"n.U","fields":[{"name":"f","type":"n.F"}]}', "AVRO",
                  [SchemaReference("n.F", "py-common", 1)])
    for strategy, subject in ((topic_subject_name_strategy, "py-refs-value"), (record_subject_name_strategy, "n.U"),
                              (topic_record_subject_name_strategy, "py-refs-n.U")):
        context = SerializationContext("py-refs", MessageField.VALUE)
        for settings in ({"normalize.schemas": True}, {"auto.register.schemas": False, "use.latest.version": True}):
            settings["subject.name.strategy"] = strategy
            data = AvroSerializer(client, user, conf=settings)({"f": b"ab"}, context)
            schema_id = client.get_latest_version(subject).schema_id
            assert data == b"\0" + schema_id.to_bytes(4, "big") + b"ab", data
            assert AvroDeserializer(client)(data, context) == {"f": b"ab"}
    resolved = '{"type":"record","name":"n.U","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":2}}]}'
    assert client.lookup_schema("py-refs-value", Schema(resolved, "AVRO")).version == 1
    client.set_compatibility("py-common", "NONE")
    assert (client.get_compatibility("py-common"), client.get_compatibility()) == ("NONE", "BACKWARD")
    try:
        client.delete_subject("py-common")
        raise AssertionError("it is referred to")
    except SchemaRegistryError as error:
        assert (error.http_status_code, error.error_code) == (422, 42206), error


def main():
    settings = {"bootstrap.servers": sys.argv[1]}
    registry = sys.argv[2] if len(sys.argv) > 2 else None
    admin = AdminClient(settings)
    for future in admin.create_topics([NewTopic("py-plain", 3, 1, config={"retention.ms": "3600000"})]).values():
        future.result(30)
    resource = ConfigResource(ConfigResource.Type.TOPIC, "py-plain")
    described = admin.describe_configs([resource])[resource].result(30)
    assert described["retention.ms"].value == "3600000", described["retention.ms"]

    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        producer = Producer({**settings, "enable.idempotence": True, "compression.type": codec, "linger.ms": 5})
        failed = []
        for i in range(200):
            producer.produce("py-plain", key=f"k{i}", value=f"{codec}-{i}" * 10, headers={"n": str(i)},
                             on_delivery=lambda error, _: failed.append(error) if error else None)
        assert producer.flush(30) == 0 and not failed, failed
    got = consume(settings, "py-plain", 1000)
    assert {m.value().decode() for m in got} == {f"{c}-{i}" * 10 for i in range(200)
                                                 for c in ("none", "gzip", "snappy", "lz4", "zstd")}

    if registry:
        client = SchemaRegistryClient({"url": registry})
        serialize = AvroSerializer(client, SCHEMA)
        producer = Producer(settings)
        context = SerializationContext("py-avro", MessageField.VALUE)
        for i in range(50):
            producer.produce("py-avro", value=serialize({"id": i, "card": None if i % 5 == 0 else f"c{i}"}, context))
        assert producer.flush(30) == 0
        deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry}))
        values = [deserialize(m.value(), context) for m in consume(settings, "py-avro", 50)]
        assert sorted(v["id"] for v in values) == list(range(50))
        assert values[0]["card"] is None or values[0]["card"].startswith("c")
        assert client.get_latest_version("py-avro-value").version == 1
        assert client.test_compatibility("py-avro-value", client.get_latest_version("py-avro-value").schema)
        registry_forms(client)
    groups = admin.list_consumer_groups().result(30)
    assert "py-plain-group" in {g.group_id for g in groups.valid}
    for future in admin.delete_topics(["py-plain"]).values():
        future.result(30)
    print("ok")


main()
