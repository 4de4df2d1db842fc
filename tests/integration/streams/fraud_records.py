"""Purchases as the connector writes them, and a cluster to send them to."""
import json
import struct
import urllib.request

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

SCHEMA = (
    '{"type":"record","name":"Purchase","namespace":"com.example.model","fields":[{"name":"id","type":"int"},'
    '{"name":"category","type":["null","string"],"default":null},{"name":"amount","type":["null","double"],'
    '"default":null},{"name":"credit_card","type":["null","string"],"default":null},'
    '{"name":"distance_from_billing_zip","type":["null","double"],"default":null},{"name":"timestamp","type":["null",'
    '{"type":"long","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Timestamp",'
    '"logicalType":"timestamp-millis"}],"default":null}],"connect.name":"com.example.model.Purchase"}')

NO_TS = object()
CHANGELOG = "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog"

# What the original does with each: key, payload timestamp (None: null value).
COUNT_ROWS = [
    ("A", 60000), ("A", 60001), ("A", 119999), ("A", 119999), ("A", 120000), ("B", 120001), ("B", 120002),
    ("A", 119998), ("C", 179999), ("B", 179999), ("B", 180000), ("A", 180000), ("A", 180001), ("A", 185000),
    ("A", 183000), (None, 184000), ("B", None), ("B", NO_TS), ("D", 239999), ("D", 239998), ("D", 239997),
    ("D", 240000), ("D", 239999), ("E", 300000), ("E", 300010), ("E", 299999), ("E", 300005), ("F", -5),
    ("F", 300001), ("F", 300002), ("F", 300003), ("F", 360000), ("F", 420000), ("F", 359999)]
COUNT_ALERTS = [("A", 60000, 119999), ("B", 120000, 179999), ("A", 180000, 185000), ("B", 180000, 185000),
                ("D", 180000, 239999), ("E", 300000, 300010), ("F", 300000, 300003)]


def varint(n):
    n = ((n << 1) ^ (n >> 63)) & ((1 << 64) - 1)
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


class Fraud:
    def __init__(self, bootstrap, registry, partitions=1):
        self.bootstrap = bootstrap
        self.partitions = partitions
        request = urllib.request.Request(
            f"{registry}/subjects/purchases-value/versions", json.dumps({"schema": SCHEMA}).encode(),
            {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        self.schema_id = json.load(urllib.request.urlopen(request))["id"]
        admin = AdminClient({"bootstrap.servers": bootstrap})
        # The vectors' times are of 1970: with a limited retention a broker deletes such records within a minute.
        topics = [NewTopic(t, partitions, 1, config={"retention.ms": "-1"})
                  for t in ("purchases", "travel_flags", "alerts-avro", "alerts-json")]
        for future in admin.create_topics(topics).values():
            future.result(30)
        self.producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})

    def value(self, card, timestamp, distance=1.0):
        if timestamp is None:
            return None
        out = struct.pack(">bi", 0, self.schema_id) + varint(1) + varint(0) + varint(0)
        out += varint(0) if card is None else varint(1) + varint(len(card)) + card.encode()
        out += varint(1) + struct.pack("<d", distance)
        return out + (varint(0) if timestamp is NO_TS else varint(1) + varint(timestamp))

    def send(self, *rows):
        for card, timestamp in rows:
            self.producer.produce("purchases", key=card, value=self.value(card, timestamp), partition=0)
        assert self.producer.flush(30) == 0

    def send_by_key(self, *rows):
        for card, timestamp in rows:
            self.producer.produce("purchases", key=card, value=self.value(card, timestamp))
        assert self.producer.flush(30) == 0

    def read_all(self, topic):
        return [record for p in range(self.partitions) for record in self.read(topic, p)]

    def read(self, topic, partition=0):
        """All records of a partition as (key, value, timestamp)."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "reader", "enable.auto.commit": False})
        try:
            try:
                _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            except KafkaException as error:
                if error.args[0].code() not in (KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC,
                                                KafkaError.UNKNOWN_TOPIC_OR_PART):
                    raise
                return []  # not made yet
            out = []
            if high > 0:
                consumer.assign([TopicPartition(topic, partition, 0)])
            while len(out) < high:
                message = consumer.poll(30)
                assert message is not None and message.error() is None, message and message.error()
                out.append((message.key(), message.value(), message.timestamp()[1]))
                if message.offset() + 1 >= high:
                    break
            return out
        finally:
            consumer.close()

    def alerts(self):
        return [(k.decode(), json.loads(v)["timestamp"], ts) for k, v, ts in self.read_all("alerts-json")]

    def counts(self):
        return [(k[:-12].decode(), int.from_bytes(k[-12:-4], "big"), int.from_bytes(v, "big"), ts)
                for k, v, ts in self.read(CHANGELOG)]

    def committed(self, group="local-dev-0"):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "enable.auto.commit": False})
        try:
            return consumer.committed([TopicPartition("purchases", 0)], timeout=30)[0].offset
        finally:
            consumer.close()
