"""kill -9 at random moments, again and again; then everything that was acknowledged is there.

$WEIR_CRASH_ROUNDS sets the number of kills (default 15; docs/benchmarks.md tells of the long run of 200). Every random
choice comes from $WEIR_SEED, which is printed.
"""
import collections
import os
import random
import threading
import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

import fraud
from harness import wait_for

ROUNDS = int(os.environ.get("WEIR_CRASH_ROUNDS", "15"))
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
# All purchases lie in one window of a minute ago: none is late, and no retention of the changelog is near.
WINDOW_S = (int(time.time()) // 60 - 1) * 60


class TopicReader:
    """Reads a topic on from where it stopped; checks that offsets are contiguous, across every restart."""

    def __init__(self, topic, partitions):
        self.topic = topic
        self.next = {p: 0 for p in range(partitions)}
        self.values = collections.Counter()

    def read_to_end(self, kafka):
        consumer = Consumer({"bootstrap.servers": kafka, "group.id": "checker", "enable.auto.commit": False})
        try:
            ends = {p: consumer.get_watermark_offsets(TopicPartition(self.topic, p), timeout=30)[1] for p in self.next}
            for p, end in ends.items():
                assert end >= self.next[p], f"partition {p} went back from {self.next[p]} to {end}"
            consumer.assign([TopicPartition(self.topic, p, self.next[p] or OFFSET_BEGINNING)
                             for p in self.next if ends[p] > self.next[p]])

            def done():
                for message in consumer.consume(5000, timeout=0.1):
                    assert message.error() is None, message.error()
                    p = message.partition()
                    assert message.offset() == self.next[p], f"partition {p}: {message.offset()} after {self.next[p] - 1}"
                    self.next[p] += 1
                    self.values[message.value()] += 1
                return all(self.next[p] >= ends[p] for p in self.next)
            if any(ends[p] > self.next[p] for p in self.next):
                wait_for(done, f"{self.topic} read to {ends}")
        finally:
            consumer.close()


def produce_until_killed(weir, rng, round_number, acknowledged):
    """Produces with acks=all while another thread kills the process after a random time."""
    killer = threading.Timer(rng.uniform(0.05, 0.6), weir.kill)
    producer = Producer({"bootstrap.servers": weir.kafka, "acks": "all", "enable.idempotence": True,
                         "linger.ms": rng.choice([0, 1, 5]), "message.timeout.ms": 3000,
                         "compression.type": rng.choice(["none", "lz4", "zstd"])})

    def on_delivery(error, message):
        if error is None:
            acknowledged[message.value()] += 1
    killer.start()
    i = 0
    while weir.alive():
        try:
            producer.produce("orders", value=f"{round_number}-{i}".encode(), key=str(i % 7), on_delivery=on_delivery)
            i += 1
        except BufferError:
            pass
        producer.poll(0)
        if i % 200 == 0:
            producer.poll(0.001)
    killer.join()
    producer.purge()
    producer.flush(5)


@pytest.mark.slow
def test_acknowledged_records_survive_kill(make_weir):
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    weir = make_weir("--roles", "broker")
    fraud.weir_cli(weir.kafka, "topic", "create", "orders", "-p", "3", "-c", "segment.bytes=1048576")
    reader = TopicReader("orders", 3)
    acknowledged = collections.Counter()
    for number in range(ROUNDS):
        produce_until_killed(weir, rng, number, acknowledged)
        weir.start()
        reader.read_to_end(weir.kafka)
        lost = [v for v in acknowledged if reader.values[v] == 0]
        assert not lost, f"round {number}: {len(lost)} acknowledged records lost, first {lost[0]}"
        twice = [v for v, n in reader.values.items() if n > 1]
        assert not twice, f"round {number}: {len(twice)} records twice, first {twice[0]}"
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged, {sum(reader.values.values())} stored")
    assert len(acknowledged) > ROUNDS


class Shoppers:
    """Concurrent sessions that insert purchases, hold their transactions open at random, and sometimes roll back."""

    def __init__(self, postgres, rng, sessions=8, rows=None, hold_s=0.05):
        self.postgres = postgres
        self.stop = threading.Event()
        self.committed = []
        self.lock = threading.Lock()
        self.left = rows
        self.hold_s = hold_s
        self.threads = [threading.Thread(target=self.run, args=(random.Random(rng.random()),)) for _ in range(sessions)]
        for thread in self.threads:
            thread.start()

    def take(self):
        with self.lock:
            if self.left is None:
                return not self.stop.is_set()
            self.left -= 1
            return self.left >= 0

    def run(self, rng):
        connection = self.postgres.connect()
        connection.autocommit = False
        with connection.cursor() as cursor:
            while self.take():
                ids = []
                for _ in range(rng.choice([1, 1, 1, 3])):
                    cursor.execute(
                        "INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) "
                        "VALUES ('c', %s, %s, 1, to_timestamp(%s)) RETURNING id",
                        (rng.randrange(1, 500000) / 100, f"card-{rng.randrange(20)}", WINDOW_S + rng.randrange(60)))
                    ids.append(cursor.fetchone()[0])
                # The pause is what the test is about: an id that was taken early and commits late.
                self.stop.wait(rng.uniform(0, self.hold_s))
                if rng.random() < 0.15:
                    connection.rollback()
                else:
                    connection.commit()
                    with self.lock:
                        self.committed.extend(ids)
        connection.close()

    def join(self):
        for thread in self.threads:
            thread.join()
        return self.committed


def start_pipeline(weir, postgres):
    fraud.create_topics(weir.kafka)
    postgres.execute(fraud.TABLES)
    fraud.put_connector(weir.connect, "purchases-source", fraud.connector_config(
        "purchases", postgres.jdbc_url, weir.registry, "Purchase", **{"poll.interval.ms": "20"}))


def topic_ids(kafka):
    return collections.Counter(fraud.decode_purchase_id(m.value()) for m in fraud.read_topic(kafka, "purchases"))


def card_counts(kafka):
    """The newest count of each card in the one window, as the changelog has it: each is one more than the one before, also
    across kills, or a store came back without what it had counted, or with more."""
    latest = {}
    for message in fraud.read_topic(kafka, fraud.CHANGELOG):
        key = message.key()
        assert int.from_bytes(key[-12:-4], "big") == WINDOW_S * 1000
        card, count = key[:-12].decode(), int.from_bytes(message.value(), "big")
        assert count == latest.get(card, 0) + 1, f"{card} went from {latest.get(card, 0)} to {count}"
        latest[card] = count
    return latest


@pytest.mark.parametrize("attempt", [1, 2])
def test_late_commits_are_delivered_once(make_weir, postgres, attempt):
    """1,000 transactions by 8 sessions with random delays and rollbacks: no row missing, none twice."""
    seed = SEED + attempt
    print(f"seed {seed}")
    weir = make_weir(*fraud.start_args("count"))
    start_pipeline(weir, postgres)
    wait_for(lambda: fraud.connector_running(weir.connect, "purchases-source"), "connector running")
    committed = Shoppers(postgres, random.Random(seed), rows=1000).join()
    wait_for(lambda: len(topic_ids(weir.kafka)) >= len(committed), f"{len(committed)} rows in the topic")
    got = topic_ids(weir.kafka)
    assert sorted(got) == sorted(committed)
    assert max(got.values()) == 1
    # Without a crash the count of each card is exactly what the database says.
    oracle = dict(postgres.execute("SELECT credit_card, count(*) FROM purchases GROUP BY 1"))
    wait_for(lambda: card_counts(weir.kafka) == oracle, "the counts of the oracle")


@pytest.mark.slow
def test_pipeline_survives_kill(make_weir, postgres):
    """Connector and topology are killed with the broker; every row arrives and every window counts at least its rows."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    weir = make_weir(*fraud.start_args("count"))
    start_pipeline(weir, postgres)
    shoppers = Shoppers(postgres, rng, sessions=3, hold_s=0.2)
    for _ in range(max(ROUNDS // 3, 3)):
        # A kill while working: not before the connector has delivered something since the start.
        before = sum(topic_ids(weir.kafka).values())
        wait_for(lambda b=before: sum(topic_ids(weir.kafka).values()) > b, "progress since the restart")
        shoppers.stop.wait(rng.uniform(0, 0.5))
        weir.kill()
        weir.start()
    shoppers.stop.set()
    committed = shoppers.join()
    wait_for(lambda: set(topic_ids(weir.kafka)) >= set(committed), f"all {len(committed)} rows in the topic")
    assert set(topic_ids(weir.kafka)) == set(committed), "a row that was rolled back is in the topic"

    # The oracle: records a card in the topic, all in one window so that none is late. At-least-once may count a
    # replayed record again (the docs say so), but never less than every record once.
    oracle = collections.Counter(m.key().decode() for m in fraud.read_topic(weir.kafka, "purchases"))

    def all_counted():
        found = card_counts(weir.kafka)
        return set(found) == set(oracle) and all(found[card] >= n for card, n in oracle.items())
    wait_for(all_counted, "every record counted")
    extra = sum(card_counts(weir.kafka).values()) - sum(oracle.values())
    print(f"{len(committed)} rows, {sum(oracle.values())} records, {extra} counted again after a kill")
