"""Processes that share an application's partitions: they come, go and die, and every count is the oracle's."""
import re
import subprocess

import pytest
from confluent_kafka import Consumer, TopicPartition

from harness import WEIR_BIN, wait_for
from fraud_records import CHANGELOG, Fraud

CARDS = [f"card-{i}" for i in range(60)]


class Members:
    """Processes of the count on one topic, and what they have counted."""

    def __init__(self, kafka, registry, make_app, partitions):
        self.fraud = Fraud(kafka, registry, partitions)
        self.make_app = lambda: make_app("fraud-count", kafka, registry)
        self.apps = []

    def add(self, *settings):
        self.apps.append(self.make_app())
        return self.apps[-1].start(*settings)

    def buy(self, timestamp, cards=tuple(CARDS)):
        self.fraud.send_by_key(*[(card, timestamp) for card in cards])

    def wait_counted(self, n):
        def counted():
            last = {}
            for key, value, _ in self.fraud.read_all(CHANGELOG):
                last[key[:-12].decode()] = int.from_bytes(value, "big")
            return all(last.get(card) == n for card in CARDS)
        wait_for(counted, f"every count at {n}\n" + "\n".join(app.output() for app in self.apps))

    def wait_committed(self):
        consumer = Consumer({"bootstrap.servers": self.fraud.bootstrap, "group.id": "local-dev-0"})
        try:
            parts = [TopicPartition("purchases", p) for p in range(self.fraud.partitions)]
            ends = [consumer.get_watermark_offsets(p, timeout=30)[1] for p in parts]
            wait_for(lambda: [p.offset for p in consumer.committed(parts, timeout=30)] == ends, "all committed")
        finally:
            consumer.close()

    def owners(self):
        """Member -> its partitions, when the group is at rest and each partition is somebody's."""
        out = subprocess.run([WEIR_BIN, "group", "describe", "--brokers", self.fraud.bootstrap, "local-dev-0"], check=True,
                             capture_output=True, text=True).stdout
        assert re.search(r"^STATE\s+Stable", out, re.M), out
        owned = {}
        for partition, instance in re.findall(r"^purchases\s+(\d+)\s.*\s(\S+-StreamThread-\d+)\s", out, re.M):
            owned.setdefault(instance, []).append(int(partition))
        assert sorted(sum(owned.values(), [])) == list(range(self.fraud.partitions)), out
        return owned

    def wait_owners(self, *shares):
        wait_for(lambda: sorted(map(len, self.owners().values())) == sorted(shares), f"partitions shared {shares}")


@pytest.fixture(params=[pytest.param("apache", marks=pytest.mark.cluster), "weir"])
def members(request, make_weir, make_app):
    if request.param == "apache":
        kafka = request.getfixturevalue("apache_kafka").kafka
        registry = make_weir("--roles", "registry", "--bootstrap-servers", kafka).registry
    else:
        weir = make_weir("--roles", "broker,registry")
        kafka, registry = weir.kafka, weir.registry
    return Members(kafka, registry, make_app, 6)


@pytest.mark.tsan
def test_three_members_one_dies_one_is_added_one_restarts(members):
    first = members.add("consumer.session.timeout.ms=45000")
    second, _ = members.add(), members.add()
    members.wait_owners(2, 2, 2)
    members.buy(60000)
    members.wait_counted(1)

    members.wait_committed()
    second.kill()
    fourth = members.add()
    members.buy(60001, CARDS[::2])
    fourth.wait_running()
    members.buy(60001, CARDS[1::2])
    members.wait_counted(2)
    members.wait_owners(2, 2, 2)
    fourth.wait_logged("restore.finished")

    before = members.owners()
    members.wait_committed()
    first.stop()
    first.start("consumer.session.timeout.ms=45000")
    members.buy(60002)
    members.wait_counted(3)
    assert members.owners() == before
    assert "restore.started" not in first.output() and "task.wiped" not in first.output(), first.output()

    second.start()  # its directory is from before it was killed
    second.wait_running()
    members.buy(60003)
    members.wait_counted(4)
    members.wait_owners(1, 1, 2, 2)
    assert sorted(members.fraud.alerts()) == sorted((card, 60000, 60002) for card in CARDS)
    for app in members.apps:
        app.stop()


@pytest.mark.tsan
def test_members_that_are_stopped_and_started_while_records_come(members):
    """Nobody is killed: a partition changes hands with everything committed, so no record is counted twice."""
    apps = [members.add("commit.interval.ms=100") for _ in range(3)]
    members.wait_owners(2, 2, 2)
    for n in range(1, 7):
        app = apps[n % 3]
        members.buy(60000 + n, CARDS[:30])
        app.stop()
        members.buy(60000 + n, CARDS[30:])
        app.start("commit.interval.ms=100")
    members.wait_counted(6)
    assert sorted(members.fraud.alerts()) == sorted((card, 60000, 60003) for card in CARDS)
    for app in apps:
        app.stop()


@pytest.mark.tsan
@pytest.mark.parametrize("threads", [1, 2])
def test_members_come_and_go_and_tasks_keep_their_counts(members, threads):
    many = f"num.stream.threads={threads}"
    first = members.add(many)
    members.buy(60000)
    members.wait_counted(1)
    second = members.add(many)  # takes tasks over, restores them
    second.wait_logged("restore.finished")
    members.buy(60001)
    members.wait_counted(2)
    first.stop()  # the second one takes the rest
    members.buy(60002)
    members.wait_counted(3)
    assert sorted(members.fraud.alerts()) == sorted((card, 60000, 60002) for card in CARDS)
    second.stop()
