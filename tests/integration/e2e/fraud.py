"""The tutorial's tables, connectors and topologies, for every test that runs the whole pipeline."""
import json
import os
import pathlib
import subprocess

import requests
from confluent_kafka import Consumer, TopicPartition

from harness import ROOT, WEIR_BIN, wait_for

FRAUD = ROOT / "examples/fraud"
BUILD = pathlib.Path(WEIR_BIN).resolve().parents[1]
APPS = {name: BUILD / f"examples/fraud/fraud-{name}.so" for name in ("count", "distance")}
CHANGELOG = "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog"
CARD = "1111-2222-3333-4444"

# As the original registers it.
PURCHASES_SCHEMA = (
    '{"type":"record","name":"Purchase","namespace":"com.example.model","fields":[{"name":"id","type":"int"},'
    '{"name":"category","type":["null","string"],"default":null},{"name":"amount","type":["null","double"],"default":null},'
    '{"name":"credit_card","type":["null","string"],"default":null},'
    '{"name":"distance_from_billing_zip","type":["null","double"],"default":null},'
    '{"name":"timestamp","type":["null",{"type":"long","connect.version":1,'
    '"connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}],"default":null}],'
    '"connect.name":"com.example.model.Purchase"}')
ALERTS_SCHEMA = (
    '{"type":"record","name":"Alert","namespace":"com.example.model","fields":['
    '{"name":"type","type":["null","string"],"default":null},'
    '{"name":"credit_card","type":["null","string"],"default":null},'
    '{"name":"timestamp","type":["null","long"],"default":null}]}')

TABLES = """
CREATE TABLE purchases (id SERIAL PRIMARY KEY, category VARCHAR(120), amount MONEY, credit_card VARCHAR(20),
    distance_from_billing_zip FLOAT, timestamp TIMESTAMPTZ DEFAULT now());
CREATE TABLE travel_flags (id SERIAL PRIMARY KEY, enabled BOOLEAN, credit_card VARCHAR(20),
    created_at TIMESTAMPTZ DEFAULT now());
"""


def start_args(*names):
    return ("--streams-app", ",".join(str(APPS[n]) for n in names))


def weir_cli(kafka, *args, registry=None, env=None, check=True):
    command = [WEIR_BIN, *args, "-X", f"brokers={kafka}"]
    if registry:
        command += ["-X", f"registry.hosts={registry}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})
    if check:
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def create_topics(kafka):
    weir_cli(kafka, "topic", "create", "purchases", "alerts-avro", "alerts-json", "-p", "4")
    weir_cli(kafka, "topic", "create", "travel_flags", "-p", "4", "-c", "cleanup.policy=compact")


def connector_config(table, jdbc_url, registry, record, **overrides):
    """The published configuration; only hosts and ports differ."""
    return {
        "connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector",
        "connection.url": jdbc_url,
        "mode": "incrementing",
        "incrementing.column.name": "id",
        "topic.prefix": "",
        "table.whitelist": table,
        "value.converter": "io.confluent.connect.avro.AvroConverter",
        "value.converter.schema.registry.url": registry,
        "transforms": "SetValueSchema,ValueToKey,ExtractKey",
        "transforms.SetValueSchema.type": "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value",
        "transforms.SetValueSchema.schema.name": f"com.example.model.{record}",
        "transforms.ValueToKey.type": "org.apache.kafka.connect.transforms.ValueToKey",
        "transforms.ValueToKey.fields": "credit_card",
        "transforms.ExtractKey.type": "org.apache.kafka.connect.transforms.ExtractField$Key",
        "transforms.ExtractKey.field": "credit_card",
        **overrides,
    }


def put_connector(connect, name, config, expect=(200, 201)):
    def put():
        answer = requests.put(f"{connect}/connectors/{name}/config", json=config, timeout=30)
        # 409 and 5xx are what a worker answers while it starts or rebalances.
        return [answer] if answer.status_code not in (409, 500, 503) else None  # a 4xx Response is false
    answer = wait_for(put, f"connector {name} accepted")[0]
    assert answer.status_code in expect, answer.text
    return answer


def connector_running(connect, name):
    status = requests.get(f"{connect}/connectors/{name}/status", timeout=10).json()
    states = [status.get("connector", {}).get("state")] + [t["state"] for t in status.get("tasks", [])]
    assert "FAILED" not in states, json.dumps(status)
    return len(states) > 1 and set(states) == {"RUNNING"}


def start_connectors(connect, registry, jdbc_url, **overrides):
    for table, record in (("purchases", "Purchase"), ("travel_flags", "TravelFlags")):
        put_connector(connect, f"{table}-source", connector_config(table, jdbc_url, registry, record, **overrides))
    for table in ("purchases", "travel_flags"):
        wait_for(lambda t=table: connector_running(connect, f"{t}-source"), f"{table}-source running")


def read_topic(kafka, topic, partitions=4):
    """Every record of the topic up to its present end, with a consumer that belongs to no group."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "reader", "enable.auto.commit": False})
    try:
        left = {}  # partition -> the end that is still to be reached
        starts = []
        for p in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20)
            if high > low:
                left[p] = high
                starts.append(TopicPartition(topic, p, low))
        records = []

        def more():
            for message in consumer.consume(1000, timeout=0.05):
                assert message.error() is None, message.error()
                end = left.get(message.partition(), 0)
                if message.offset() < end:
                    records.append(message)
                if message.offset() + 1 >= end:
                    left.pop(message.partition(), None)
            return not left
        if left:
            consumer.assign(starts)
            wait_for(more, f"{topic} read to its end")
        return records
    finally:
        consumer.close()


def read_avro_long(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), at


def decode_alert(data):
    """(schema id, type, card, timestamp) of an alerts-avro value: 00, id, three union branches."""
    assert data[0] == 0
    schema_id = int.from_bytes(data[1:5], "big")
    at, fields = 5, []
    for kind in ("text", "text", "long"):
        branch, at = read_avro_long(data, at)
        assert branch == 1
        if kind == "long":
            value, at = read_avro_long(data, at)
        else:
            length, at = read_avro_long(data, at)
            value, at = data[at:at + length].decode(), at + length
        fields.append(value)
    assert at == len(data)
    return (schema_id, *fields)


def decode_purchase_id(data):
    assert data[0] == 0
    return read_avro_long(data, 5)[0]
