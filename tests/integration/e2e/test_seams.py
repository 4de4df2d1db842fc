"""Where two parts meet: what one of them does while the other is changed, restarted or taken away."""
import collections
import json
import random
import threading
import time

import pytest
import requests
from confluent_kafka import Producer

import fraud
from harness import DEADLINE_S, wait_for
from test_nothing_lost import Shoppers, card_counts, start_pipeline, topic_ids

TABLE = "CREATE TABLE t (id SERIAL PRIMARY KEY, name VARCHAR(40));"
FAST = {"poll.interval.ms": "50", "table.poll.interval.ms": "200", "connection.backoff.ms": "100"}


def config(weir, postgres, table="t", **overrides):
    """A table to a topic of its name; the key is the id."""
    return {"connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector", "connection.url": postgres.jdbc_url,
            "mode": "incrementing", "incrementing.column.name": "id", "topic.prefix": "", "table.whitelist": table,
            "value.converter": "io.confluent.connect.avro.AvroConverter",
            "value.converter.schema.registry.url": weir.registry, **FAST, **overrides}


def ids(weir, topic="t"):
    return [fraud.decode_purchase_id(m.value()) for m in fraud.read_topic(weir.kafka, topic, 1)]


def schema_ids(weir, topic="t"):
    return [int.from_bytes(m.value()[1:5], "big") for m in fraud.read_topic(weir.kafka, topic, 1)]


def wait_ids(weir, expected, topic="t"):
    wait_for(lambda: ids(weir, topic) == expected, f"{expected} in {topic}")


def status(weir, name="source"):
    return requests.get(f"{weir.connect}/connectors/{name}/status", timeout=10).json()


def versions(weir, subject="t-value"):
    answer = requests.get(f"{weir.registry}/subjects/{subject}/versions", timeout=10)
    return answer.json() if answer.status_code == 200 else []


def insert(postgres, *names, table="t"):
    for name in names:
        postgres.execute(f"INSERT INTO {table} (name) VALUES (%s)", (name,))


@pytest.fixture
def copied(weir, postgres):
    """A connector that has copied one row."""
    postgres.execute(TABLE)
    insert(postgres, "a")
    fraud.put_connector(weir.connect, "source", config(weir, postgres))
    wait_ids(weir, [1])
    return weir


def test_a_stop_under_load_loses_nothing(make_weir, postgres):
    """SIGTERM while rows come, records are produced and counts are kept: exit 0, soon, and all acknowledged is there."""
    weir = make_weir(*fraud.start_args("count"))
    start_pipeline(weir, postgres)
    shoppers = Shoppers(postgres, random.Random(1), sessions=3, hold_s=0.02)
    acknowledged = collections.Counter()
    end = threading.Event()

    def produce():
        producer = Producer({"bootstrap.servers": weir.kafka, "acks": "all", "enable.idempotence": True, "linger.ms": 1})
        n = 0
        while not end.is_set():
            try:
                producer.produce("orders", value=str(n), on_delivery=lambda error, m: acknowledged.update(
                    [m.value()] if error is None else []))
                n += 1
            except BufferError:
                pass
            producer.poll(0.001 if n % 100 == 0 else 0)
        producer.flush(DEADLINE_S)
    thread = threading.Thread(target=produce)
    thread.start()
    try:
        for _ in range(3):
            before = len(acknowledged), sum(topic_ids(weir.kafka).values())
            wait_for(lambda b=before: len(acknowledged) > b[0] + 1000 and sum(topic_ids(weir.kafka).values()) > b[1], "progress")
            begin = time.monotonic()
            weir.stop()
            assert time.monotonic() - begin < 10
            weir.start()
    finally:
        end.set()
        shoppers.stop.set()
        thread.join()
    committed = shoppers.join()
    stored = collections.Counter(m.value() for m in fraud.read_topic(weir.kafka, "orders", 1))
    assert not [v for v in acknowledged if v not in stored]
    assert max(stored.values()) == 1, "a record twice"
    wait_for(lambda: set(topic_ids(weir.kafka)) >= set(committed), "all rows in the topic")
    # A clean stop commits: nothing comes again, and no record is counted twice.
    assert sorted(topic_ids(weir.kafka).elements()) == sorted(committed)
    oracle = dict(postgres.execute("SELECT credit_card, count(*) FROM purchases GROUP BY 1"))
    wait_for(lambda: card_counts(weir.kafka) == oracle, "the counts of the oracle")


def test_a_connector_deleted_and_created_again_goes_on(copied, postgres):
    weir = copied
    assert requests.delete(f"{weir.connect}/connectors/source", timeout=30).status_code == 204
    insert(postgres, "b")
    fraud.put_connector(weir.connect, "source", config(weir, postgres))
    wait_ids(weir, [1, 2])
    # From the start on request: stopped, its offsets deleted, resumed.
    assert requests.put(f"{weir.connect}/connectors/source/stop", timeout=30).status_code in (202, 204)
    wait_for(lambda: status(weir)["connector"]["state"] == "STOPPED" and not status(weir)["tasks"], "stopped")
    answer = requests.delete(f"{weir.connect}/connectors/source/offsets", timeout=30)
    assert answer.status_code == 200, answer.text
    assert requests.put(f"{weir.connect}/connectors/source/resume", timeout=30).status_code == 202
    wait_ids(weir, [1, 2, 1, 2])


def test_a_table_dropped_and_created_again(copied, postgres):
    """The task waits for it. Its ids begin anew below the committed offset: what is above it comes."""
    weir = copied
    insert(postgres, "b")
    wait_ids(weir, [1, 2])
    postgres.execute("DROP TABLE t")
    wait_for(lambda: "jdbc.query_failed" in weir.output() or not status(weir)["tasks"], f"the loss is noticed; {status(weir)}")
    postgres.execute(TABLE)
    insert(postgres, "c", "d", "e")
    wait_for(lambda: 3 in ids(weir), f"the row above the offset; {status(weir)}")
    assert ids(weir) == [1, 2, 3]


def test_a_topic_deleted_under_a_connector(copied, postgres):
    weir = copied
    fraud.weir_cli(weir.kafka, "topic", "delete", "t")
    insert(postgres, "b")
    wait_ids(weir, [2])
    assert fraud.connector_running(weir.connect, "source")


def test_a_column_more_while_the_connector_runs(copied, postgres):
    weir = copied
    postgres.execute("ALTER TABLE t ADD COLUMN price DOUBLE PRECISION")
    postgres.execute("INSERT INTO t (name, price) VALUES ('b', 2.5)")
    wait_ids(weir, [1, 2])
    assert versions(weir) == [1, 2]
    assert len(set(schema_ids(weir))) == 2
    latest = json.loads(requests.get(f"{weir.registry}/subjects/t-value/versions/latest", timeout=10).json()["schema"])
    assert [f["name"] for f in latest["fields"]] == ["id", "name", "price"]
    postgres.execute("ALTER TABLE t DROP COLUMN price")
    insert(postgres, "c")
    wait_ids(weir, [1, 2, 3])


def test_a_topology_reads_on_over_a_new_schema(make_weir, postgres):
    weir = make_weir(*fraud.start_args("count"))
    start_pipeline(weir, postgres)
    sql = f"INSERT INTO purchases (category, amount, credit_card) VALUES ('c', 1, '{fraud.CARD}')"
    postgres.execute(sql)
    wait_for(lambda: len(topic_ids(weir.kafka)) == 1, "the first purchase")
    postgres.execute("ALTER TABLE purchases ADD COLUMN shop TEXT")
    at = "to_timestamp((SELECT extract(epoch FROM min(timestamp)) FROM purchases))"
    for _ in range(2):
        postgres.execute(f"INSERT INTO purchases (category, amount, credit_card, shop, timestamp) "
                         f"VALUES ('c', 1, '{fraud.CARD}', 's', {at})")
    wait_for(lambda: len(fraud.read_topic(weir.kafka, "alerts-avro")) == 1, "the alert")
    assert versions(weir, "purchases-value") == [1, 2]


def test_an_incompatible_column_stops_the_task_and_loses_nothing(copied, postgres):
    weir = copied
    postgres.execute("ALTER TABLE t ADD COLUMN price INT NOT NULL DEFAULT 7")
    postgres.execute("ALTER TABLE t ALTER COLUMN price DROP DEFAULT")
    postgres.execute("INSERT INTO t (name, price) VALUES ('b', 1)")
    wait_for(lambda: [t["state"] for t in status(weir)["tasks"]] == ["FAILED"], f"failed: {status(weir)}")
    trace = status(weir)["tasks"][0]["trace"]
    assert "t-value" in trace and "incompatible" in trace and "price" in trace, trace
    # As the trace invites: a level that allows it, a restart, and the row comes.
    requests.put(f"{weir.registry}/config/t-value", json={"compatibility": "NONE"}, timeout=10).raise_for_status()
    requests.post(f"{weir.connect}/connectors/source/tasks/0/restart", timeout=30).raise_for_status()
    wait_ids(weir, [1, 2])


@pytest.mark.parametrize("permanent", [False, True])
def test_a_subject_deleted_while_the_connector_runs(copied, postgres, permanent):
    """What was read before stays readable; a restarted task registers anew."""
    weir = copied
    requests.delete(f"{weir.registry}/subjects/t-value", timeout=10).raise_for_status()
    if permanent:
        requests.delete(f"{weir.registry}/subjects/t-value?permanent=true", timeout=10).raise_for_status()
    insert(postgres, "b")
    wait_ids(weir, [1, 2])
    requests.post(f"{weir.connect}/connectors/source/restart?includeTasks=true", timeout=30).raise_for_status()
    insert(postgres, "c")
    wait_ids(weir, [1, 2, 3])
    wait_for(lambda: versions(weir), "the subject again")
    newest = schema_ids(weir)[-1]
    assert requests.get(f"{weir.registry}/schemas/ids/{newest}", timeout=10).status_code == 200


def test_postgres_restarted_in_mid_run(copied, postgres):
    weir = copied
    for n, mode in enumerate(("fast", "immediate")):
        postgres.stop(mode)
        wait_for(lambda: "jdbc.connect_failed" in weir.output(), "the loss is logged")
        postgres.start()
        insert(postgres, "b")
        wait_for(lambda n=n: len(ids(weir)) == n + 2, "the row after the restart")
    assert fraud.connector_running(weir.connect, "source")
    # Sequences may skip numbers over a crash of the server; rows may not.
    assert ids(weir) == [r[0] for r in postgres.execute("SELECT id FROM t ORDER BY id")]


def test_a_topic_deleted_under_a_topology(make_weir, postgres):
    """The output goes on in the new topic; what is in a new input is read from its beginning, though more was read of the
    old one."""
    weir = make_weir(*fraud.start_args("count"))
    start_pipeline(weir, postgres)

    def buy(*cards):
        for card in cards * 3:
            postgres.execute("INSERT INTO purchases (category, amount, credit_card, timestamp) VALUES ('c', 1, %s, "
                             "date_trunc('minute', now()))", (card,))

    def alerted(*cards):
        keys = {m.key().decode() for m in fraud.read_topic(weir.kafka, "alerts-avro")}
        return keys >= set(cards)
    many = [str(n) for n in range(40)]
    buy(*many)
    wait_for(lambda: alerted(*many), "the first alerts")
    fraud.weir_cli(weir.kafka, "topic", "delete", "alerts-avro")
    fraud.weir_cli(weir.kafka, "topic", "create", "alerts-avro", "-p", "4")
    buy("x")
    wait_for(lambda: alerted("x"), "the alert in the new topic")

    fraud.weir_cli(weir.kafka, "topic", "delete", "purchases")
    fraud.weir_cli(weir.kafka, "topic", "create", "purchases", "-p", "4")
    buy("y", "z")
    wait_for(lambda: alerted("y", "z"), f"alerts from the new input\n{weir.output()[-3000:]}")


def test_a_stop_after_the_input_of_a_topology_was_deleted(make_weir, postgres):
    """librdkafka does not end a consumer whose topic went: that must not keep the process."""
    weir = make_weir(*fraud.start_args("count"))
    start_pipeline(weir, postgres)
    for _ in range(3):
        postgres.execute(f"INSERT INTO purchases (category, amount, credit_card) VALUES ('c', 1, '{fraud.CARD}')")
    wait_for(lambda: len(fraud.read_topic(weir.kafka, "alerts-avro")) == 1, "the topology reads")
    fraud.weir_cli(weir.kafka, "topic", "delete", "purchases")
    gone = time.monotonic()  # that librdkafka has noticed shows nowhere
    wait_for(lambda: time.monotonic() > gone + 4, "the next look at the topics")
    begin = time.monotonic()
    weir.stop()
    assert time.monotonic() - begin < 15


def test_a_hundred_connectors(weir, postgres):
    """Created at once by eight clients, over a restart, and deleted again."""
    count = 100
    postgres.execute("".join(f"CREATE TABLE t{n} (id SERIAL PRIMARY KEY, name TEXT); INSERT INTO t{n} (name) VALUES ('a');"
                             for n in range(count)))
    names = collections.deque(range(count))

    def create():
        while True:
            try:
                n = names.popleft()
            except IndexError:
                return
            fraud.put_connector(weir.connect, f"c{n}", config(weir, postgres, f"t{n}"))
    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(count):
        wait_ids(weir, [1], f"t{n}")
    weir.stop()
    weir.start()
    postgres.execute("".join(f"INSERT INTO t{n} (name) VALUES ('b');" for n in range(count)))
    for n in range(count):
        wait_ids(weir, [1, 2], f"t{n}")
    for n in range(count):
        requests.delete(f"{weir.connect}/connectors/c{n}", timeout=60).raise_for_status()
    assert requests.get(f"{weir.connect}/connectors", timeout=10).json() == []
