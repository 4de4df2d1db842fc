"""Garbage in the topics that hold the state of the parts: any client may write there. It is skipped, live and at the next start."""
import json
import pathlib
import sys

import requests
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from harness import DEADLINE_S, wait_for
from stack import http

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import fraud  # noqa: E402

FILE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
DEEP = b"[" * 20000
BYTES = [b"", b"\0", b"\xff" * 50, b"not json", b"{}", b"[]", b"null", b"7", b'"x"', b'{"a":', DEEP, b'{"a":1e999}', b"\xef\xbb\xbf{}"]


def schema_key(**more):
    return json.dumps({"keytype": "SCHEMA", "subject": "g", "version": 1, "magic": 1, **more}).encode()


def schema_value(**more):
    return json.dumps({"subject": "g", "version": 1, "id": 900, "schema": '"string"', "deleted": False, **more}).encode()


SCHEMAS = [(key, value) for key in [None, *BYTES] for value in (None, b"x", b"{}")]
SCHEMAS += [(schema_key(), value) for value in BYTES]
SCHEMAS += [(schema_key(version=v), schema_value(version=v)) for v in (0, -1, 1 << 31, 1 << 63, "1", None, [], 1.5)]
SCHEMAS += [(schema_key(subject=s), schema_value(subject=s)) for s in (None, 7, "", [], "x" * 100000, "nul\0")]
SCHEMAS += [(schema_key(version=50 + i), schema_value(version=50 + i, id=v)) for i, v in enumerate((0, -5, 1 << 31, 1 << 70, "9", None))]
SCHEMAS += [(schema_key(version=70 + i), schema_value(version=70 + i, id=800 + i, schema=v))
            for i, v in enumerate((None, 7, "", "nonsense", '{"type":"record"}', "[" * 5000))]
SCHEMAS += [(schema_key(keytype=t), schema_value()) for t in ("CONFIG", "MODE", "DELETE_SUBJECT", "CLEAR_SUBJECT", "NOOP", "WHAT", 7, None)]
SCHEMAS += [(schema_key(magic=m), schema_value()) for m in (0, 2, -1, "1")]
SCHEMAS += [(b'{"keytype":"CONFIG","subject":null,"magic":0}', v) for v in (b'{"compatibilityLevel":"SIDEWAYS"}', b'{"compatibilityLevel":7}', b"{}")]
SCHEMAS += [(b'{"keytype":"MODE","subject":null,"magic":0}', v) for v in (b'{"mode":"SIDEWAYS"}', b'{"mode":[]}')]

CONFIGS = [(key, value) for key in (b"connector-g", b"task-g-0", b"task-g-x", b"task-g-99999999999999999999", b"task-", b"connector-", b"commit-g",
                                    b"target-state-g", b"session-key", b"restart-connector-g", b"logger-cluster-x", b"what", b"\xff", None)
           for value in [None, *BYTES, b'{"properties":7}', b'{"properties":{"a":7}}', b'{"properties":{"a":{"b":1}}}', b'{"tasks":-1}',
                         b'{"tasks":2000000000}', b'{"tasks":"x"}', b'{"state":"DANCING"}', b'{"state":7,"state.v2":[]}']]
CONFIGS += [(b"connector-ghost", b'{"properties":{"connector.class":"No.Such","name":"ghost"}}'), (b"commit-ghost", b'{"tasks":1000000}'),
            (b"connector-mad", b'{"properties":{"connector.class":"' + FILE.encode() + b'","tasks.max":"x"}}')]
OFFSETS = [(key, value) for key in [None, *BYTES, b'["g"]', b'["g",{}]', b'["g",{"a":[1]}]', b"[1,2]", b'["g",{},{}]']
           for value in [None, *BYTES, b'{"position":"text"}', b'{"position":{"a":1}}', b'{"position":99999999999999999999}']]
STATUS = [(key, value) for key in (b"status-connector-g", b"status-task-g-0", b"status-task-g-x", b"status-task-", b"status-topic-t:connector-g",
                                   b"status-topic-", b"status-", b"", None)
          for value in [None, *BYTES, b'{"state":"DANCING"}', b'{"state":7}', b'{"state":"RUNNING","trace":7,"worker_id":[],"generation":"x"}']]
GROUPS = [(key, value) for key in [None, b"", b"\0", b"\0\1", b"\0\2\0\1g", b"\0\1\x7f\xffg", b"\0\2\xff\xff", b"\0\7abc", b"\xff" * 40]
          for value in (None, b"", b"\0\3", b"\xff" * 60, b"\0\1" + b"\x7f" * 40)]


def read(weir, topic):
    try:
        return fraud.read_topic(weir.kafka, topic, 1)
    except KafkaException:  # not there yet
        return []


def write(weir, topic, records):
    producer = Producer({"bootstrap.servers": weir.kafka, "acks": "all"})
    wrong = []

    def on_delivery(error, _):
        if error is not None:
            wrong.append(error.name())
    for key, value in records:
        producer.produce(topic, value=value, key=key, on_delivery=on_delivery)
    assert producer.flush(DEADLINE_S) == 0
    return wrong


def test_garbage_in_internal_topics(make_weir, tmp_path):
    weir = make_weir()
    path = tmp_path / "in.txt"
    path.write_text("one\n")
    wait_for(lambda: http(weir, "connect", "GET", "/health")[0] == 200, "worker ready")
    assert http(weir, "registry", "POST", "/subjects/good/versions", {"schema": '"string"'})[0] == 200
    config = {"connector.class": FILE, "file": str(path), "topic": "lines"}
    assert http(weir, "connect", "PUT", "/connectors/good/config", config)[0] == 201
    consumer = Consumer({"bootstrap.servers": weir.kafka, "group.id": "good"})
    wait_for(lambda: len(read(weir, "lines")) == 1, "a line")
    consumer.commit(offsets=[TopicPartition("lines", 0, 1)], asynchronous=False)
    consumer.close()
    for topic, records in (("_schemas", SCHEMAS), ("_connect-configs", CONFIGS), ("_connect-offsets", OFFSETS), ("_connect-status", STATUS)):
        assert set(write(weir, topic, [r for r in records if r[0] is None])) == {"INVALID_RECORD"}, topic  # compacted: only with a key
        assert write(weir, topic, [r for r in records if r[0] is not None]) == [], topic
    assert set(write(weir, "__consumer_offsets", GROUPS)) == {"TOPIC_EXCEPTION"}  # the broker's own
    for round_number in range(2):
        with open(path, "a", encoding="utf-8") as f:
            f.write("more\n")
        wait_for(lambda n=round_number: len(read(weir, "lines")) >= 2 + n, "the connector goes on")
        assert requests.get(f"{weir.registry}/subjects/good/versions/1/schema", timeout=20).text == '"string"'
        requests.get(f"{weir.registry}/subjects?deleted=true", timeout=20).json()
        requests.get(f"{weir.registry}/schemas", timeout=20).json()
        for name in requests.get(f"{weir.connect}/connectors?expand=status&expand=info", timeout=20).json():
            requests.get(f"{weir.connect}/connectors/{name}/status", timeout=20).json()
        answer = http(weir, "registry", "POST", f"/subjects/new{round_number}/versions", {"schema": '"int"'})
        assert answer[0] == 200, answer
        assert http(weir, "connect", "PUT", f"/connectors/new{round_number}/config", {**config, "topic": f"new{round_number}"})[0] == 201
        wait_for(lambda n=round_number: len(read(weir, f"new{n}")) >= 2, "a new connector works")
        committed = Consumer({"bootstrap.servers": weir.kafka, "group.id": "good"})
        assert committed.committed([TopicPartition("lines", 0)], timeout=30)[0].offset == 1
        committed.close()
        (weir.kill if round_number else weir.stop)()
        weir.start()
        wait_for(lambda: http(weir, "connect", "GET", "/health")[0] == 200, f"worker ready:\n{weir.output()[-3000:]}")
        wait_for(lambda: http(weir, "registry", "GET", "/subjects/good/versions", content_type=None)[0] == 200, "registry ready")
