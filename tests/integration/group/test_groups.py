"""Consumer groups with the clients that people use: librdkafka through Python, kcat."""
import pathlib
import struct
import subprocess
import sys
import time
import uuid

import pytest

confluent_kafka = pytest.importorskip("confluent_kafka")
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from harness import DEADLINE_S, wait_for  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "broker"))
from wire import Reader, Wire, string  # noqa: E402


def admin(broker):
    return AdminClient({"bootstrap.servers": broker.kafka})


def create_topic(broker, name, partitions=4, **config):
    client = admin(broker)  # must live until the futures are done
    for future in client.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
        future.result(DEADLINE_S)


def produce(broker, topic, values):
    producer = Producer({"bootstrap.servers": broker.kafka, "acks": "all"})
    for i, value in enumerate(values):
        producer.produce(topic, value, partition=i % 4)
    assert producer.flush(DEADLINE_S) == 0


class Member:
    """A consumer whose assignment can be asked for."""

    def __init__(self, broker, group, topic, **config):
        self.consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": group,
                                  "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
                                  "heartbeat.interval.ms": 200, "enable.auto.commit": False, **config})
        self.assigned = set()
        self.rebalances = 0
        self.values = []
        self.consumer.subscribe([topic], on_assign=self._assign, on_revoke=self._revoke)

    def _assign(self, _, partitions):
        self.rebalances += 1
        self.assigned = {p.partition for p in partitions}

    def _revoke(self, _, __):
        self.assigned = set()

    def poll(self):
        message = self.consumer.poll(0.05)
        if message is not None and message.error() is None:
            self.values.append(message.value())
        return self

    def close(self):
        self.consumer.close()


def spread(members, partitions=4):
    def done():
        for member in members:
            member.poll()
        sets = [m.assigned for m in members]
        return all(sets) and set().union(*sets) == set(range(partitions)) and sum(map(len, sets)) == partitions
    wait_for(done, f"{partitions} partitions on {len(members)} members")


def test_two_members_share_the_partitions_and_one_takes_over(broker):
    create_topic(broker, "t")
    first = Member(broker, "g", "t")
    spread([first])
    second = Member(broker, "g", "t")
    spread([first, second])
    second.close()
    spread([first])
    first.close()


def test_a_member_that_dies_is_replaced_after_its_session(broker):
    """kcat is killed: no LeaveGroup is sent."""
    create_topic(broker, "t")
    dying = subprocess.Popen(["kcat", "-b", broker.kafka, "-G", "g", "-X", "session.timeout.ms=6000", "t"],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for line in dying.stderr:
        if b"assigned: t [0], t [1], t [2], t [3]" in line:
            break
    dying.kill()
    dying.wait()
    survivor = Member(broker, "g", "t")
    start = time.monotonic()
    spread([survivor])
    assert time.monotonic() - start < DEADLINE_S
    survivor.close()


def test_commits_survive_restart_and_kill(broker):
    create_topic(broker, "t")
    produce(broker, "t", [b"v%d" % i for i in range(40)])
    member = Member(broker, "g", "t")
    wait_for(lambda: len(member.poll().values) == 40, "all 40 values")
    member.consumer.commit(asynchronous=False)
    member.close()
    where = [TopicPartition("t", p) for p in range(4)]
    for stop in (broker.stop, broker.kill):
        stop()
        broker.start()
        consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "g"})
        assert [p.offset for p in consumer.committed(where, timeout=DEADLINE_S)] == [10, 10, 10, 10]
        consumer.close()
    member = Member(broker, "g", "t")
    spread([member])
    produce(broker, "t", [b"new"])
    wait_for(lambda: b"new" in member.poll().values, "the new value")
    assert member.values == [b"new"]
    member.close()


def test_every_acknowledged_commit_survives_kill(broker):
    create_topic(broker, "t", 1)
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "simple", "enable.auto.commit": False})
    for round_ in range(1, 6):
        for offset in range(round_ * 10, round_ * 10 + 5):
            consumer.commit(offsets=[TopicPartition("t", 0, offset)], asynchronous=False)
        broker.kill()
        port = broker.ports["kafka"]
        if "--kafka-port" in broker.args:
            broker.args[broker.args.index("--kafka-port") + 1] = str(port)
        broker.start()
        reader = Consumer({"bootstrap.servers": broker.kafka, "group.id": "simple"})
        assert reader.committed([TopicPartition("t", 0)], timeout=DEADLINE_S)[0].offset == round_ * 10 + 4
        reader.close()
    consumer.close()


def test_a_group_goes_on_over_kill(broker):
    """The member stays a member: it is in the records, and its session starts anew."""
    create_topic(broker, "t")
    member = Member(broker, "g", "t")
    spread([member])
    rebalances = member.rebalances
    broker.kill()
    broker.args[broker.args.index("--kafka-port") + 1] = str(broker.ports["kafka"])
    broker.start()
    produce(broker, "t", [b"after"])
    wait_for(lambda: b"after" in member.poll().values, "a value after the kill")
    wait_for(lambda: member.poll() and committed(member), "a commit after the kill")
    assert member.rebalances == rebalances
    member.close()


def committed(member):
    try:
        member.consumer.commit(asynchronous=False)
        return True
    except confluent_kafka.KafkaException as error:
        assert error.args[0].retriable() or error.args[0].code() in (
            KafkaError.NOT_COORDINATOR, KafkaError._TRANSPORT, KafkaError._TIMED_OUT,
            KafkaError.COORDINATOR_LOAD_IN_PROGRESS), error
        return False


def test_a_static_member_comes_back_without_a_rebalance(broker):
    create_topic(broker, "t")
    first = Member(broker, "g", "t", **{"group.instance.id": "one"})
    second = Member(broker, "g", "t", **{"group.instance.id": "two"})
    spread([first, second])
    kept = set(second.assigned)
    rebalances = first.rebalances
    second.close()  # a static member leaves silently
    second = Member(broker, "g", "t", **{"group.instance.id": "two"})
    spread([first, second])
    assert second.assigned == kept
    assert first.rebalances == rebalances
    for member in (first, second):
        member.close()


def test_cooperative_members(broker):
    create_topic(broker, "t")
    config = {"partition.assignment.strategy": "cooperative-sticky"}
    members = []

    class Cooperative(Member):
        def _assign(self, _, partitions):
            self.assigned |= {p.partition for p in partitions}

        def _revoke(self, _, partitions):
            self.assigned -= {p.partition for p in partitions}

    for _ in range(3):
        members.append(Cooperative(broker, "g", "t", **config))
        spread(members)
    for member in members:
        member.close()


def delete_group(broker, group):
    with Wire(broker.kafka) as wire:
        answer = Reader(wire.call(42, 0, struct.pack(">i", 1) + string(group)))
    assert (answer.int32(), answer.int32(), answer.string()) == (0, 1, group)
    return answer.int16()


def listed_groups(broker):
    """None while the coordinator loads, which it says with an error."""
    try:
        return admin(broker).list_groups(timeout=DEADLINE_S)
    except KafkaException as error:
        assert error.args[0].name() == "COORDINATOR_LOAD_IN_PROGRESS", error
        return None


def test_groups_are_listed_described_and_deleted(broker):
    create_topic(broker, "t")
    member = Member(broker, "g", "t")
    spread([member])
    group, = admin(broker).list_groups(timeout=DEADLINE_S)
    assert (group.id, group.state, group.protocol_type, group.protocol) == ("g", "Stable", "consumer", "range")
    assert len(group.members) == 1 and group.members[0].client_host == "127.0.0.1"
    assert b"t" in group.members[0].metadata and b"t" in group.members[0].assignment
    assert delete_group(broker, "g") == 68
    member.close()
    wait_for(lambda: delete_group(broker, "g") == 0, "the group deleted")
    assert admin(broker).list_groups(timeout=DEADLINE_S) == []
    assert delete_group(broker, "g") == 69
    broker.kill()
    broker.start()
    wait_for(lambda: listed_groups(broker) == [], "no group after the restart")


def test_a_deleted_topic_takes_its_offsets_along(broker):
    create_topic(broker, "t", 1)
    create_topic(broker, "u", 1)
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "g"})
    where = [TopicPartition("t", 0, 5), TopicPartition("u", 0, 6)]
    consumer.commit(offsets=where, asynchronous=False)
    client = admin(broker)
    client.delete_topics(["t"])["t"].result(DEADLINE_S)
    wait_for(lambda: [p.offset for p in consumer.committed(where, timeout=DEADLINE_S)] == [-1001, 6], "offset of t gone")
    consumer.close()
    broker.kill()
    broker.start()
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "g"})
    assert [p.offset for p in consumer.committed(where, timeout=DEADLINE_S)] == [-1001, 6]
    consumer.close()


def test_commit_errors(broker):
    create_topic(broker, "t", 1)
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": str(uuid.uuid4())})
    for bad in (TopicPartition("nope", 0, 1), TopicPartition("t", 7, 1)):
        with pytest.raises(confluent_kafka.KafkaException) as error:
            consumer.commit(offsets=[bad], asynchronous=False)
        assert error.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    consumer.close()


def test_kcat_group(broker):
    create_topic(broker, "t")
    produce(broker, "t", [b"x"] * 8)
    done = subprocess.run(["kcat", "-b", broker.kafka, "-G", "g", "-e", "-q", "-X", "auto.offset.reset=earliest",
                           "-c", "8", "t"], capture_output=True, timeout=DEADLINE_S)
    assert done.returncode == 0 and done.stdout == b"x\n" * 8
