"""cleanup.policy=compact with real clients: the last value of each key remains, and readers pass over the gaps."""
import re
import subprocess

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness import DEADLINE_S, wait_for

KEYS = 40


@pytest.fixture
def broker(make_weir):
    return make_weir("--roles", "broker", "--broker-compaction-check-interval", "100ms")


def create(broker, topic, **config):
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    settings = {"cleanup.policy": "compact", "segment.bytes": "20000", "min.cleanable.dirty.ratio": "0.01"}
    settings.update({key.replace("_", "."): value for key, value in config.items()})
    admin.create_topics([NewTopic(topic, 1, 1, config=settings)])[topic].result(DEADLINE_S)


class Writer:
    """Writes 'key n' = 'value <i>' and remembers the last of each key."""

    def __init__(self, broker, topic, **settings):
        self.topic, self.last, self.written, self.failed = topic, {}, 0, []
        self.producer = Producer({"bootstrap.servers": broker.kafka, "batch.num.messages": 50, "linger.ms": 1, **settings})

    def write(self, count):
        for _ in range(count):
            i = self.written
            key = f"key {i * i % KEYS}"
            value = None if i % 17 == 16 else f"value {i}"
            headers = [("n", str(i).encode())]
            self.producer.produce(self.topic, value, key, headers=headers, timestamp=1_000_000 + i,
                                  on_delivery=lambda error, _: self.failed.append(error) if error else None)
            self.last[key] = (i, value)
            self.written += 1
            self.producer.poll(0)
        assert self.producer.flush(DEADLINE_S) == 0
        assert self.failed == []


def read(broker, topic, offset=OFFSET_BEGINNING):
    """Everything from the offset to the end, checked against what its offset says."""
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "error", "check.crcs": True})
    consumer.assign([TopicPartition(topic, 0, offset)])
    messages = []

    def ended():
        for message in consumer.consume(1000, 0.5):
            if message.error() is None:
                messages.append(message)
                i = message.offset()
                assert message.key() == f"key {i * i % KEYS}".encode()
                assert message.value() == (None if i % 17 == 16 else f"value {i}".encode())
                assert message.headers() == [("n", str(i).encode())]
                assert message.timestamp()[1] == 1_000_000 + i
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                return True
        return False

    wait_for(ended, f"the end of {topic}")
    consumer.close()
    return messages


def check(broker, topic, writer):
    messages = read(broker, topic)
    last = {m.key().decode(): (m.offset(), m.value() and m.value().decode()) for m in messages}
    gone = {key for key in writer.last if key not in last}
    assert all(writer.last[key][1] is None for key in gone)
    assert {key: last.get(key, writer.last[key]) for key in writer.last} == writer.last
    return messages


def compacted(broker, topic):
    """The offset that the cleaner has reached."""
    found = re.findall(rf"compaction\.done.*topic={topic} partition=0 cleaned_to=(\d+)", broker.log.read_text())
    return int(found[-1]) if found else 0


def active_segment(broker, topic):
    return max(int(p.stem) for p in (broker.directory / "data" / f"{topic}-0").glob("*.log"))


def wait_compacted(broker, topic):
    wait_for(lambda: compacted(broker, topic) == active_segment(broker, topic), "all but the active segment is compacted")


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_last_values_remain(broker, codec):
    create(broker, "t")
    writer = Writer(broker, "t", **{"compression.type": codec, "enable.idempotence": True})
    for _ in range(4):
        writer.write(1000)
        check(broker, "t", writer)
    wait_compacted(broker, "t")
    messages = check(broker, "t", writer)
    # What is cleaned has each key once; the rest is the active segment.
    clean = [m.key() for m in messages if m.offset() < active_segment(broker, "t")]
    assert clean and len(clean) == len(set(clean))
    assert len(messages) < writer.written / 2
    for offset in range(0, writer.written, 701):
        expected = [m.offset() for m in messages if m.offset() >= offset]
        assert [m.offset() for m in read(broker, "t", offset)] == expected
    writer.write(100)
    broker.kill()
    broker.start()
    writer.write(100)
    check(broker, "t", writer)


def test_kcat_passes_over_gaps(broker):
    create(broker, "t", segment_bytes="2000")
    lines = "".join(f"k{i % 3}:v{i}\n" for i in range(3000))
    subprocess.run(["kcat", "-b", broker.kafka, "-P", "-t", "t", "-K:", "-X", "batch.num.messages=10"], input=lines.encode(),
                   check=True, timeout=DEADLINE_S)
    wait_compacted(broker, "t")

    def kcat(*args):
        done = subprocess.run(["kcat", "-b", broker.kafka, "-C", "-t", "t", "-e", "-q", "-f", "%o %k:%s\\n", *args],
                              capture_output=True, check=True, timeout=DEADLINE_S)
        return [line.split() for line in done.stdout.decode().splitlines()]

    records = kcat("-o", "beginning")
    assert len(records) < 400
    assert all(record == f"k{int(offset) % 3}:v{offset}" for offset, record in records)
    assert [r for r in records if int(r[0]) >= 1500] == kcat("-o", "1500")
    assert [record for _, record in records[-3:]] == ["k0:v2997", "k1:v2998", "k2:v2999"]


def test_tombstones_go_after_their_time(broker):
    create(broker, "t", delete_retention_ms="0", segment_bytes="3000")
    writer = Writer(broker, "t")
    writer.write(2000)

    def tombstones():
        writer.write(100)
        wait_compacted(broker, "t")
        return [m.offset() for m in check(broker, "t", writer) if m.value() is None and m.offset() < 1500]

    wait_for(lambda: tombstones() == [], "old tombstones are gone")


def test_compact_and_delete(broker):
    create(broker, "t", cleanup_policy="compact,delete", retention_ms="-1")
    writer = Writer(broker, "t")
    writer.write(3000)
    wait_compacted(broker, "t")
    check(broker, "t", writer)


def test_killed_again_and_again(broker):
    create(broker, "t", segment_bytes="5000")
    writer = Writer(broker, "t", **{"enable.idempotence": True})
    for _ in range(8):
        writer.write(500)
        before = compacted(broker, "t")
        wait_for(lambda: compacted(broker, "t") != before, "a cleaning")
        broker.kill()
        broker.start()
        check(broker, "t", writer)
    wait_compacted(broker, "t")
    assert len(check(broker, "t", writer)) < writer.written / 2
    assert not re.search("compaction.failed|partition.broken", broker.log.read_text())
