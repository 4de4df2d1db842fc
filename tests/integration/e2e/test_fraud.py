"""The tutorial, end to end: a Postgres table -> connector -> Avro topic -> windowed count -> alerts."""
import json
import re

import pytest
import requests

import fraud
from harness import wait_for

HIGH_COUNT = b"\x02\x26high_purchase_count\x02\x26" + fraud.CARD.encode() + b"\x02"


def insert_tutorial_rows(postgres):
    # Three of one card in one window (a minute that began in the past), then one far from home without a flag.
    postgres.execute(f"""
        INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) VALUES
          ('books', 72.20, '{fraud.CARD}', 43.0, date_trunc('minute', now()) - interval '50 s'),
          ('toys', 1234.50, '{fraud.CARD}', 12.0, date_trunc('minute', now()) - interval '40 s'),
          ('food', 9.99, '{fraud.CARD}', 1.0, date_trunc('minute', now()) - interval '30 s'),
          ('travel', 99.00, '5555-6666-7777-8888', 2500.0, date_trunc('minute', now()) - interval '20 s')""")


def run_pipeline(kafka, registry, connect, postgres):
    fraud.create_topics(kafka)
    postgres.execute(fraud.TABLES)
    fraud.start_connectors(connect, registry, postgres.jdbc_url, **{"poll.interval.ms": "50"})
    insert_tutorial_rows(postgres)
    wait_for(lambda: len(fraud.read_topic(kafka, "purchases")) == 4, "four purchases in the topic")
    wait_for(lambda: len(fraud.read_topic(kafka, "alerts-avro")) == 2, "two alerts")


def check_pipeline(kafka, registry, postgres):
    purchases = fraud.read_topic(kafka, "purchases")
    assert sorted(fraud.decode_purchase_id(m.value()) for m in purchases) == [1, 2, 3, 4]
    assert {m.key().decode() for m in purchases} == {fraud.CARD, "5555-6666-7777-8888"}
    # 1,234.50 did not stop anybody, and kept its cents (IEEE double, little-endian, in the datum).
    import struct
    assert any(struct.pack("<d", 1234.5) in m.value() for m in purchases)

    for subject, text in (("purchases-value", fraud.PURCHASES_SCHEMA), ("alerts-avro-value", fraud.ALERTS_SCHEMA)):
        answer = requests.get(f"{registry}/subjects/{subject}/versions/1", timeout=10).json()
        assert answer["schema"] == text

    start = postgres.execute("SELECT (extract(epoch from date_trunc('minute', min(timestamp))) * 1000)::bigint FROM purchases")[0][0]
    far = postgres.execute("SELECT (extract(epoch from timestamp) * 1000)::bigint FROM purchases WHERE id = 4")[0][0]
    alerts = {m.key().decode(): m for m in fraud.read_topic(kafka, "alerts-avro")}
    count, distance = alerts[fraud.CARD], alerts["5555-6666-7777-8888"]
    schema_id = requests.get(f"{registry}/subjects/alerts-avro-value/versions/1", timeout=10).json()["id"]
    assert count.value()[5:5 + len(HIGH_COUNT)] == HIGH_COUNT
    assert fraud.decode_alert(count.value()) == (schema_id, "high_purchase_count", fraud.CARD, start)
    assert fraud.decode_alert(distance.value()) == (schema_id, "travel_distance", "5555-6666-7777-8888", far)
    # murmur2 of the key, as Java's partitioner has it: the seventh of rpk's examples too.
    assert count.partition() == 1
    # The record's own timestamp is the latest purchase of the window.
    assert count.timestamp()[1] == start + 30000

    texts = {m.key().decode(): m.value().decode() for m in fraud.read_topic(kafka, "alerts-json")}
    assert texts[fraud.CARD] == \
        f'{{"type": "high_purchase_count", "credit_card": "{fraud.CARD}", "timestamp": {start}}}'


TOPIC_LIST = {
    "_connect-configs": ("1", "1"), "_connect-offsets": ("25", "1"), "_connect-status": ("5", "1"),
    "_schemas": ("1", "1"), "alerts-avro": ("4", "1"), "alerts-json": ("4", "1"),
    "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog": ("4", "1"),
    "purchases": ("4", "1"),
}


@pytest.mark.tsan
def test_tutorial(make_weir, postgres):
    weir = make_weir(*fraud.start_args("count", "distance"))
    run_pipeline(weir.kafka, weir.registry, weir.connect, postgres)
    check_pipeline(weir.kafka, weir.registry, postgres)

    listed = fraud.weir_cli(weir.kafka, "topic", "list").stdout.splitlines()
    assert listed[0].split() == ["NAME", "PARTITIONS", "REPLICAS"]
    rows = {line.split()[0]: tuple(line.split()[1:]) for line in listed[1:]}
    others = {"travel_flags": ("4", "1"), "local-dev-1-travel_flags-STATE-STORE-0000000001-changelog": ("4", "1")}
    assert rows == {**TOPIC_LIST, **others}

    # `topic consume -n 1 alerts-avro` shows the value as Go would escape it (tutorial, last command).
    shown = fraud.weir_cli(weir.kafka, "topic", "consume", "-n", "1", "-p", "1", "alerts-avro").stdout
    assert '"key": "1111-2222-3333-4444"' in shown
    assert re.search(r'"value": "\\u0000\\u0000\\u0000\\u0000\\u000\d\\u0002\\u0026high_purchase_count\\u0002\\u0026'
                     r'1111-2222-3333-4444\\u0002(\\ufffd)+', shown), shown
    decoded = fraud.weir_cli(weir.kafka, "topic", "consume", "-n", "1", "-p", "1", "alerts-avro", "--use-schema-registry",
                             registry=weir.registry.replace("http://", "")).stdout
    value = json.loads(decoded)["value"]
    assert "high_purchase_count" in json.dumps(value)

    # Everything survives a restart: nothing is sent twice, the next purchase arrives.
    weir.stop()
    weir.start()
    postgres.execute("INSERT INTO purchases (category, amount, credit_card) VALUES ('late', 5, '9')")
    wait_for(lambda: len(fraud.read_topic(weir.kafka, "purchases")) == 5, "the fifth purchase after a restart")
    assert len(fraud.read_topic(weir.kafka, "alerts-avro")) == 2


@pytest.mark.cluster
@pytest.mark.parametrize("apache_kafka", ["3.9.1", "4.1.0"], indirect=True)
def test_tutorial_on_apache_kafka(apache_kafka, make_weir, postgres):
    """The same registry, connectors and topologies, unchanged, on a cluster that is not ours."""
    weir = make_weir("--roles", "registry,connect,streams", "--bootstrap-servers", apache_kafka.kafka,
                     *fraud.start_args("count", "distance"))
    run_pipeline(apache_kafka.kafka, weir.registry, weir.connect, postgres)
    check_pipeline(apache_kafka.kafka, weir.registry, postgres)
    listed = fraud.weir_cli(apache_kafka.kafka, "topic", "list").stdout.splitlines()
    rows = {line.split()[0]: tuple(line.split()[1:]) for line in listed[1:]}
    assert {k: rows.get(k) for k in TOPIC_LIST} == TOPIC_LIST
