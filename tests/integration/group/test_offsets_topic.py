"""__consumer_offsets stays small: what is superseded is compacted away, and nothing else."""
import pathlib
import random
import re
import struct
import sys
import time

import pytest
from confluent_kafka import Consumer

from harness import ANY_PORTS, Weir, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "broker"))
from wire import Reader, Wire, string  # noqa: E402

PARTITIONS = 200


@pytest.fixture
def broker(make_weir):
    return make_weir("--roles", "broker", "--broker-compaction-check-interval", "100ms")


@pytest.fixture
def topic(broker):
    with Wire(broker.kafka) as client:  # CreateTopics v2
        Reader(client.call(19, 2, struct.pack(">i", 1) + string("t") + struct.pack(">ihiiib", PARTITIONS, 1, 0, 0, 10000, 0)))
    return "t"


def commit(client, group, topic, offsets):
    """OffsetCommit v2 of {partition: offset}; True when all were taken."""
    body = string(group) + struct.pack(">i", -1) + string("") + struct.pack(">qi", -1, 1) + string(topic)
    body += struct.pack(">i", len(offsets))
    for partition, offset in offsets.items():
        body += struct.pack(">iq", partition, offset) + string("m")
    answer = Reader(client.call(8, 2, body))
    assert (answer.int32(), answer.string()) == (1, topic)
    return all([(answer.int32(), answer.int16())[1] == 0 for _ in range(answer.int32())])


def committed(client, group, topic):
    """OffsetFetch v1 of all partitions, once the coordinator has loaded."""
    body = string(group) + struct.pack(">i", 1) + string(topic) + struct.pack(f">i{PARTITIONS}i", PARTITIONS, *range(PARTITIONS))
    while True:
        answer = Reader(client.call(9, 1, body))
        answer.int32(), answer.string()
        found, errors = {}, set()
        for _ in range(answer.int32()):
            partition, offset = answer.int32(), answer.int64()
            answer.string()
            errors.add(answer.int16())
            if offset >= 0:
                found[partition] = offset
        if errors == {0}:
            return found
        assert errors == {14}, errors
        time.sleep(0.01)


def loaded(broker):
    """Records that the last start has read."""
    def line():
        return re.findall(r"groups\.loaded.*records=(\d+) bad=0", broker.log.read_text())
    return int(wait_for(lambda: len(line()) >= broker.starts - 1 and line(), "groups.loaded")[-1])


def commit_rounds(broker, topic, groups, rounds):
    with Wire(broker.kafka) as client:
        for n in range(rounds):
            for group in groups:
                assert commit(client, group, topic, {p: n * 1000 + p for p in range(PARTITIONS)})


def check(broker, topic, groups, rounds):
    with Wire(broker.kafka) as client:
        for group in groups:
            assert committed(client, group, topic) == {p: (rounds - 1) * 1000 + p for p in range(PARTITIONS)}


def compactions(broker):
    """Cleanings of __consumer_offsets so far."""
    return broker.log.read_text().count("compaction.done topic=__consumer_offsets")


def test_superseded_commits_are_compacted(broker, topic):
    rounds = 300
    commit_rounds(broker, topic, ["g", "h"], rounds)
    wait_for(lambda: compactions(broker) >= 2, "both partitions are compacted")
    check(broker, topic, ["g", "h"], rounds)
    broker.stop()
    broker.start()
    assert loaded(broker) < rounds * PARTITIONS
    check(broker, topic, ["g", "h"], rounds)


def test_kill_while_it_is_compacted_loses_nothing(broker, topic):
    rng = random.Random(5)
    newest = {}
    commit_rounds(broker, topic, ["g"], 200)
    newest.update({p: 199 * 1000 + p for p in range(PARTITIONS)})
    for n in range(8):
        broker.kill()
        broker.start()
        with Wire(broker.kafka) as client:
            assert committed(client, "g", topic) == newest
            for _ in range(60):
                newest = {p: offset + 1 for p, offset in newest.items()}
                assert commit(client, "g", topic, newest)
            # Commits go on until the next kill, somewhere in a cleaning or not.
            end = time.monotonic() + rng.random() * 0.2
            while time.monotonic() < end:
                partition = rng.randrange(PARTITIONS)
                newest[partition] += 1
                assert commit(client, "g", topic, {partition: newest[partition]})
    wait_for(lambda: compactions(broker) > 0, "a cleaning")
    with Wire(broker.kafka) as client:
        assert committed(client, "g", topic) == newest
    assert "compaction.failed" not in broker.log.read_text()


def test_a_commit_to_a_new_group_is_not_lost_to_the_expiry(tmp_path):
    """A group has no offsets while its first commit is written; looked for at that moment, it must not seem to be over."""
    weir = Weir(tmp_path / "w", "--roles", "broker", *ANY_PORTS, "--broker-offsets-retention-check-interval", "100ms").start()
    try:
        with Wire(weir.kafka) as client:
            client.create_topic("t")
            for i in range(2000):
                answer = Reader(client.call(8, 2, string(f"g{i}") + struct.pack(">i", -1) + string("") + struct.pack(
                    ">qi", -1, 1) + string("t") + struct.pack(">iiq", 1, 0, 7) + string("")))
                assert (answer.int32(), answer.string(), answer.int32(), answer.int32(), answer.int16()) == (1, "t", 1, 0, 0)
                answer = Reader(client.call(9, 1, string(f"g{i}") + struct.pack(">i", 1) + string("t") + struct.pack(">ii", 1, 0)))
                assert (answer.int32(), answer.string(), answer.int32(), answer.int32(), answer.int64()) == (1, "t", 1, 0, 7), i
    finally:
        weir.kill()


def test_offsets_expire(tmp_path):
    """Those with a retention of their own (OffsetCommit v2 to v4) after it; the others later."""
    weir = Weir(tmp_path / "w", "--roles", "broker", *ANY_PORTS, "--broker-offsets-retention-check-interval", "100ms").start()
    try:
        with Wire(weir.kafka) as client:
            client.create_topic("t")

            def commit_one(group, retention_ms):
                answer = Reader(client.call(8, 2, string(group) + struct.pack(">i", -1) + string("") + struct.pack(
                    ">qi", retention_ms, 1) + string("t") + struct.pack(">iiq", 1, 0, 7) + string("")))
                assert (answer.int32(), answer.string(), answer.int32(), answer.int32(), answer.int16()) == (1, "t", 1, 0, 0)

            def offset(group):
                answer = Reader(client.call(9, 1, string(group) + struct.pack(">i", 1) + string("t") + struct.pack(">ii", 1, 0)))
                assert (answer.int32(), answer.string(), answer.int32(), answer.int32()) == (1, "t", 1, 0)
                return answer.int64()
            commit_one("stays", -1)
            commit_one("goes", 300)
            assert (offset("stays"), offset("goes")) == (7, 7)
            wait_for(lambda: offset("goes") == -1, "the offset expires")
            assert offset("stays") == 7
        weir.kill()
        weir.start()
        with Wire(weir.kafka) as client:
            wait_for(lambda: offset("stays") == 7, "loaded")
            assert offset("goes") == -1
    finally:
        weir.kill()


def test_offsets_of_a_live_group_expire_where_nobody_subscribes(tmp_path):
    """A stable group keeps the offsets of what its members subscribe to, whatever their age; the others end."""
    weir = Weir(tmp_path / "w", "--roles", "broker", *ANY_PORTS, "--broker-offsets-retention-check-interval", "100ms").start()
    consumer = Consumer({"bootstrap.servers": weir.kafka, "group.id": "g", "enable.auto.commit": False})
    try:
        with Wire(weir.kafka) as client:
            for name in ("read", "unread"):
                client.create_topic(name)
            consumer.subscribe(["read"])
            wait_for(lambda: consumer.poll(0.05) or consumer.assignment(), "an assignment")
            group = Reader(client.call(15, 0, struct.pack(">i", 1) + string("g")))
            assert (group.int32(), group.int16(), group.string(), group.string()) == (1, 0, "g", "Stable")
            group.string(), group.string(), group.int32()
            body = string("g") + struct.pack(">i", 1) + string(group.string()) + struct.pack(">qi", 300, 2)
            for name in ("read", "unread"):
                body += string(name) + struct.pack(">iiq", 1, 0, 7) + string("")
            answer = Reader(client.call(8, 2, body))
            assert answer.int32() == 2
            for name in ("read", "unread"):
                assert (answer.string(), answer.int32(), answer.int32(), answer.int16()) == (name, 1, 0, 0)

            def offset(name):
                answer = Reader(client.call(9, 1, string("g") + struct.pack(">i", 1) + string(name) + struct.pack(">ii", 1, 0)))
                assert (answer.int32(), answer.string(), answer.int32(), answer.int32()) == (1, name, 1, 0)
                return answer.int64()

            wait_for(lambda: consumer.poll(0) or offset("unread") == -1, "the offset that nobody needs ends")
            assert offset("read") == 7
            consumer.close()
            wait_for(lambda: offset("read") == -1, "the group is empty: now the other ends too")
    finally:
        weir.kill()
