"""What an application does when its surroundings fail: bad records, lost servers, a full disk, members that come and go."""
import json
import os
import re
import struct
import subprocess
import urllib.request

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from harness import wait_for
from app import EXAMPLES
from fraud_records import CHANGELOG, Fraud, varint


@pytest.fixture
def fraud(cluster, make_app):
    f = Fraud(cluster.kafka, cluster.registry)
    f.app = make_app("fraud-count", cluster.kafka, cluster.registry)
    return f


def wait_alerts(fraud, count):
    wait_for(lambda: len(fraud.alerts()) >= count, f"{count} alerts")
    assert len(fraud.alerts()) == count


def wait_committed(fraud, offset, app=None):
    wait_for(lambda: fraud.committed() >= offset, f"offset {offset} committed\n{(app or fraud.app).output()}")


def test_a_record_that_is_no_avro_stops_the_application(fraud):
    fraud.send(("A", 60000))
    fraud.producer.produce("purchases", key="A", value=b"junk", partition=0)
    assert fraud.producer.flush(30) == 0
    output = fraud.app.start().wait_failed()
    assert "purchases-0 offset 1: cannot be deserialized" in output, output
    assert "LogAndContinue would skip it" in output
    assert fraud.committed() <= 1


def test_a_record_that_is_no_avro_is_skipped_on_request(fraud):
    fraud.send(("A", 60000), ("A", 60001))
    for junk in (b"junk", b"", b"\0", struct.pack(">bi", 0, fraud.schema_id) + b"\2"):
        fraud.producer.produce("purchases", key="A", value=junk, partition=0)
    fraud.send(("A", 60002))
    fraud.app.start("deserialization.exception.handler=LogAndContinueExceptionHandler")
    wait_committed(fraud, 7)
    assert fraud.alerts() == [("A", 60000, 60002)]
    assert fraud.app.output().count("record.dropped") == 4
    fraud.app.stop()


class Apache:
    """A cluster that is not ours, with our registry on it."""

    def __init__(self, server, make_weir):
        self.server = server
        self.kafka = server.kafka
        self.registry = make_weir("--roles", "registry", "--bootstrap-servers", server.kafka).registry

    def kill(self):
        self.server.stop(kill=True)

    def start(self):
        self.server.start()


@pytest.fixture(params=[pytest.param("apache", marks=pytest.mark.cluster), "weir"])
def any_cluster(request, make_weir):
    return Apache(request.getfixturevalue("apache_kafka"), make_weir) if request.param == "apache" else \
        make_weir("--roles", "broker,registry")


@pytest.mark.tsan
def test_the_broker_is_killed_and_comes_back(any_cluster, make_app):
    fraud = Fraud(any_cluster.kafka, any_cluster.registry)
    app = make_app("fraud-count", any_cluster.kafka, any_cluster.registry)
    app.start()
    fraud.send(("A", 60000))
    wait_committed(fraud, 1, app)
    any_cluster.kill()
    any_cluster.start()
    fraud.send(("A", 60001), ("A", 60002))
    wait_committed(fraud, 3, app)
    assert [c[2] for c in fraud.counts()] == [1, 2, 3]
    assert fraud.alerts() == [("A", 60000, 60002)]
    app.stop()


def test_the_broker_is_away_at_the_start_and_so_are_the_topics(any_cluster, make_app):
    app = make_app("fraud-count", any_cluster.kafka, any_cluster.registry)
    any_cluster.kill()
    app.start()
    app.wait_logged("topics.waiting")
    any_cluster.start()
    app.wait_logged("source topic purchases")
    fraud = Fraud(any_cluster.kafka, any_cluster.registry)  # makes the topics
    fraud.send(("A", 60000), ("A", 60001), ("A", 60002))
    wait_committed(fraud, 3, app)
    assert fraud.alerts() == [("A", 60000, 60002)]
    app.stop()


def test_stops_in_time_while_the_broker_is_away(cluster, fraud):
    fraud.app.start()
    fraud.send(("A", 60000))
    wait_committed(fraud, 1)
    cluster.kill()
    fraud.app.stop()
    cluster.start()
    fraud.app.start()
    fraud.send(("A", 60001), ("A", 60002))
    wait_alerts(fraud, 1)


def test_the_registry_is_away_at_the_start_and_in_between(cluster, make_weir, make_app):
    registry = make_weir("--roles", "registry", "--bootstrap-servers", cluster.kafka)
    fraud = Fraud(cluster.kafka, registry.registry)
    app = make_app("fraud-count", cluster.kafka, registry.registry)
    registry.kill()
    app.start()
    fraud.send(("A", 60000), ("A", 60001))
    app.wait_logged("record.waiting")
    registry.start()
    wait_committed(fraud, 2, app)
    registry.kill()
    fraud.send(("A", 60002))  # the first alert: its schema is to be registered
    app.wait_logged("registry.waiting")
    assert fraud.committed() == 2
    registry.start()
    wait_committed(fraud, 3, app)
    assert fraud.alerts() == [("A", 60000, 60002)]
    assert [c[2] for c in fraud.counts()] == [1, 2, 3]
    app.stop()


def test_a_full_disk_is_waited_for_and_nothing_is_lost(fraud, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        rows = [(f"card-{i:05}-{'x' * 100}", 60000 + i) for i in range(15000)]  # 10,000 between checkpoints
        fraud.send(*rows)
        fraud.app.start(f"state.dir={small}")
        fraud.app.wait_logged("No space left")
        done = fraud.committed()
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        wait_committed(fraud, len(rows))
        fraud.app.wait_logged("restore.finished")
        fraud.send(*[(rows[i][0], 75001) for i in (0, 7499, 14999)])
        wait_committed(fraud, len(rows) + 3)
        last = {key: count for key, _, count, _ in fraud.counts()}
        # At least once: what was not committed is counted again.
        assert all(last[rows[i][0]] in ((2,) if i < done else (2, 3)) for i in (0, 7499, 14999)), last
        fraud.app.stop()
    finally:
        fraud.app.process.kill()
        fraud.app.process.wait()
        subprocess.run(["umount", small], check=True)


def test_a_checkpoint_out_of_range_wipes_the_store(fraud):
    fraud.app.start()
    fraud.send(("A", 60000), ("A", 60001))
    wait_committed(fraud, 2)
    fraud.app.stop()
    checkpoint = fraud.app.state / "local-dev-0/0_0/.checkpoint"
    assert re.fullmatch(rf"0\n1\n{CHANGELOG} 0 \d+\n", checkpoint.read_text())
    checkpoint.write_text(f"0\n1\n{CHANGELOG} 0 99999\n")
    fraud.app.start()
    fraud.send(("A", 60002))
    wait_alerts(fraud, 1)
    assert "restore.out_of_range" in fraud.app.output()
    assert "task.wiped" in fraud.app.output()
    fraud.app.stop()


@pytest.mark.tsan
def test_words_go_through_a_repartition_topic(cluster, make_app):
    admin = AdminClient({"bootstrap.servers": cluster.kafka})
    for future in admin.create_topics([NewTopic("lines", 3, 1), NewTopic("word-counts", 2, 1)]).values():
        future.result(30)
    app = make_app("wordcount", cluster.kafka)
    app.start("commit.interval.ms=100")
    app.wait_running()
    producer = Producer({"bootstrap.servers": cluster.kafka})
    for i in range(300):
        producer.produce("lines", key=str(i), value="to be or not to be", partition=i % 3)
    assert producer.flush(30) == 0
    reader = Fraud.__new__(Fraud)
    reader.bootstrap, reader.partitions = cluster.kafka, 2

    def counted():
        counts = {}
        for key, value, _ in reader.read_all("word-counts"):
            counts[key] = int.from_bytes(value, "big")
        return counts == {b"to": 600, b"be": 600, b"or": 300, b"not": 300}
    wait_for(counted, f"all words counted\n{app.output()}")
    topics = admin.list_topics(timeout=30).topics
    assert len(topics["wordcount-counts-repartition"].partitions) == 3
    assert len(topics["wordcount-counts-changelog"].partitions) == 3
    app.stop()


@pytest.mark.tsan
def test_what_was_committed_of_a_repartition_topic_is_deleted(kafka, make_app):
    topic = "wordcount-counts-repartition"
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_topics([NewTopic("lines", 1, 1), NewTopic("word-counts", 1, 1)]).values():
        future.result(30)
    app = make_app("wordcount", kafka)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "wordcount"})
    producer = Producer({"bootstrap.servers": kafka})

    def say(words):
        producer.produce("lines", value=words)
        assert producer.flush(30) == 0

    def kept():
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)

    def committed():
        return consumer.committed([TopicPartition(topic, 0)], timeout=30)[0].offset

    app.start("commit.interval.ms=100", "repartition.purge.interval.ms=3600000")
    say("to be")
    wait_for(lambda: committed() == 2, f"two words committed\n{app.output()}")
    app.stop()
    assert kept() == (0, 2)
    app.start("commit.interval.ms=100", "repartition.purge.interval.ms=200")
    say("or not")
    wait_for(lambda: kept() == (4, 4), f"four words purged\n{app.output()}")
    say("to be")
    wait_for(lambda: kept() == (6, 6), f"six words purged\n{app.output()}")
    app.stop()
    app.start("commit.interval.ms=100")
    say("to")
    wait_for(lambda: committed() == 7, f"goes on\n{app.output()}")
    consumer.close()
    app.stop()


def topic_settings(kafka, topic):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": kafka})
    entries = admin.describe_configs([resource])[resource].result(30)
    return {name: entry.value for name, entry in entries.items()}


def test_internal_topics_have_the_settings_of_the_original(any_cluster, make_app):
    fraud = Fraud(any_cluster.kafka, any_cluster.registry, partitions=3)
    admin = AdminClient({"bootstrap.servers": fraud.bootstrap})
    for future in admin.create_topics([NewTopic("lines", 2, 1), NewTopic("word-counts", 1, 1)]).values():
        future.result(30)
    apps = [make_app("fraud-count", fraud.bootstrap, any_cluster.registry), make_app("wordcount", fraud.bootstrap)]
    for app in apps:
        app.arguments.remove("topic.retention.ms=-1")
        app.start("topic.min.cleanable.dirty.ratio=0.25")
        app.wait_running()
    expected = {
        CHANGELOG: (3, {"cleanup.policy": "compact,delete", "retention.ms": "86460000"}),  # window, and a day
        "wordcount-counts-changelog": (2, {"cleanup.policy": "compact"}),
        "wordcount-counts-repartition": (2, {"cleanup.policy": "delete", "retention.ms": "-1",
                                             "segment.bytes": "52428800"})}
    for topic, (partitions, settings) in expected.items():
        assert len(admin.list_topics(topic, timeout=30).topics[topic].partitions) == partitions
        found = topic_settings(fraud.bootstrap, topic)
        settings = {**settings, "message.timestamp.type": "CreateTime", "min.cleanable.dirty.ratio": "0.25"}
        assert {name: found[name] for name in settings} == settings, topic
    for app in apps:
        app.stop()


def flag(schema_id, card, enabled):
    return struct.pack(">bi", 0, schema_id) + varint(1) + varint(1) + bytes([enabled]) + \
        varint(1) + varint(len(card)) + card.encode() + varint(0)


FLAG_SCHEMA = (
    '{"type":"record","name":"TravelFlags","namespace":"com.example.model","fields":[{"name":"id","type":"int"},'
    '{"name":"enabled","type":["null","boolean"],"default":null},{"name":"credit_card","type":["null","string"],'
    '"default":null},{"name":"created_at","type":["null","long"],"default":null}]}')


class Distance(Fraud):
    """Purchases far from home, and flags, each with a time of its own."""

    def __init__(self, cluster):
        super().__init__(cluster.kafka, cluster.registry)
        request = urllib.request.Request(
            f"{cluster.registry}/subjects/travel_flags-value/versions", json.dumps({"schema": FLAG_SCHEMA}).encode(),
            {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        self.flag_id = json.load(urllib.request.urlopen(request))["id"]

    def purchase(self, ts):
        self.producer.produce("purchases", key="A", partition=0, timestamp=ts, value=self.value("A", ts, 2500.0))

    def flag(self, enabled, ts):
        self.producer.produce("travel_flags", key="A", partition=0, timestamp=ts, value=flag(self.flag_id, "A", enabled))

    def flush(self):
        assert self.producer.flush(30) == 0


def test_small_queues_pause_partitions_and_keep_the_order(cluster, make_app):
    """Each flag is turned on and off again by event time: a purchase in between must see it."""
    fraud = Distance(cluster)
    count = 3000
    for i in range(count):
        fraud.purchase(10 * i + 10)
        fraud.flag(i % 2, 10 * i + 5)
        fraud.producer.poll(0)
    fraud.flush()
    app = make_app("fraud-distance", cluster.kafka, cluster.registry)
    app.start("buffered.records.per.partition=7")
    wait_for(lambda: fraud.committed("local-dev-1") == count, f"all committed\n{app.output()}")
    assert [a[1] for a in fraud.alerts()] == [10 * i + 10 for i in range(0, count, 2)]
    app.stop()


def test_a_flag_that_comes_late_is_waited_for(cluster, make_app):
    fraud = Distance(cluster)
    fraud.purchase(15000)
    fraud.flush()
    app = make_app("fraud-distance", cluster.kafka, cluster.registry)
    app.start("max.task.idle.ms=3600000", "commit.interval.ms=100")
    app.wait_running()
    fraud.flag(1, 14000)
    fraud.flag(0, 16000)
    fraud.purchase(17000)
    fraud.flag(1, 18000)
    fraud.flush()
    wait_for(lambda: fraud.committed("local-dev-1") == 2, f"two purchases\n{app.output()}")
    assert [a[1] for a in fraud.alerts()] == [17000]
    app.stop()
    app.start("max.task.idle.ms=300", "commit.interval.ms=100")
    fraud.flag(0, 19000)
    fraud.purchase(20000)  # nobody sends a flag: it is let go
    fraud.flush()
    wait_for(lambda: [a[1] for a in fraud.alerts()] == [17000, 20000], f"the third purchase\n{app.output()}")
    app.stop()


@pytest.mark.tsan
def test_applications_loaded_into_weir(make_weir):
    weir = make_weir("--streams-app", ",".join(str(EXAMPLES / f"fraud/fraud-{n}.so") for n in ("count", "distance")))
    fraud = Fraud(weir.kafka, weir.registry)
    fraud.send(("A", 60000), ("A", 60001), ("A", 60002))
    wait_alerts(fraud, 1)

    def metrics():
        url = f"http://127.0.0.1:{weir.ports['admin']}/metrics"
        return urllib.request.urlopen(url, timeout=10).read().decode()
    wait_for(lambda: 'weir_streams_records_processed_total{app="local-dev-0",thread="1"} 3' in metrics(), "three processed")
    wait_for(lambda: 'weir_streams_running{app="local-dev-1",thread="1"} 1' in metrics(), "the other one runs")


def overwrite(path):
    path.write_bytes(bytes(path.stat().st_size))


def flip(path):
    data = bytearray(path.read_bytes())
    data[10] ^= 0xff  # in the first block of records: found when it is read
    path.write_bytes(data)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("pattern, damage", [
    ("CURRENT", overwrite), ("CURRENT", os.unlink), ("MANIFEST-*", overwrite), ("MANIFEST-*", os.unlink),
    ("*.sst", overwrite), ("*.sst", flip), ("*.sst", cut), ("*.sst", os.unlink), ("OPTIONS-*", overwrite), (".checkpoint", overwrite),
    (".checkpoint", cut), (".checkpoint", os.unlink)])
def test_a_damaged_store_is_restored_from_its_changelog(fraud, pattern, damage):
    fraud.app.start()
    fraud.send(("A", 60000), ("A", 60001))
    wait_committed(fraud, 2)
    assert "task.wiped" not in fraud.app.output()  # nothing was there
    fraud.app.stop()
    files = list((fraud.app.state / "local-dev-0/0_0").glob(pattern))
    assert files
    for path in files:
        damage(path)
    fraud.app.start()
    fraud.send(("A", 60002))
    wait_committed(fraud, 3)
    assert [c[2] for c in fraud.counts()] == [1, 2, 3], fraud.app.output()
    assert fraud.alerts() == [("A", 60000, 60002)]
    fraud.app.stop()
