"""kcat against the broker: what people do first."""
import json
import os
import subprocess

import pytest

from harness import DEADLINE_S


def kcat(broker, *args, stdin=b""):
    done = subprocess.run(["kcat", "-b", broker.kafka, *args], input=stdin, capture_output=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def consume(broker, topic, *args):
    return kcat(broker, "-C", "-t", topic, "-o", "beginning", "-e", "-q", *args)


def test_round_trip_with_auto_create(broker):
    kcat(broker, "-P", "-t", "greetings", stdin=b"hello\nworld\n")
    assert consume(broker, "greetings") == b"hello\nworld\n"


def test_keys_and_headers(broker):
    kcat(broker, "-P", "-t", "t", "-K:", "-H", "trace=7", "-H", "empty=", stdin=b"k1:v1\nk2:v2\n")
    assert consume(broker, "t", "-f", "%k=%s %h %o\\n") == b"k1=v1 trace=7,empty= 0\nk2=v2 trace=7,empty= 1\n"


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_codecs(broker, codec):
    lines = b"".join(b"line %d of many that compress well\n" % i for i in range(5000))
    kcat(broker, "-P", "-t", "t", "-z", codec, stdin=lines)
    assert consume(broker, "t") == lines


def test_large_messages(broker, tmp_path):
    files = []
    for i in range(5):
        path = tmp_path / f"m{i}"
        path.write_bytes(os.urandom(900000))
        files.append(path)
    kcat(broker, "-P", "-t", "t", "-X", "message.max.bytes=1000000", *map(str, files))
    out = consume(broker, "t", "-f", "%S\\n")
    assert out == b"900000\n" * 5


def test_metadata(broker):
    kcat(broker, "-P", "-t", "t", stdin=b"x\n")
    listing = json.loads(kcat(broker, "-L", "-J"))
    assert [b["id"] for b in listing["brokers"]] == [0]
    assert listing["brokers"][0]["name"] == broker.kafka
    assert listing["controllerid"] == 0
    topic, = [t for t in listing["topics"] if t["topic"] == "t"]
    assert topic["partitions"] == [{"partition": 0, "leader": 0, "replicas": [{"id": 0}], "isrs": [{"id": 0}]}]


def test_offset_for_time(broker):
    kcat(broker, "-P", "-t", "t", stdin=b"x\ny\n")
    assert kcat(broker, "-Q", "-t", "t:0:0").split()[-1] == b"0"
    assert kcat(broker, "-Q", "-t", "t:0:-1").split()[-1] == b"2"


def test_more_partitions_from_the_flag(make_weir):
    broker = make_weir("--roles", "broker", "--broker-num-partitions", "3")
    kcat(broker, "-P", "-t", "t", "-p", "2", stdin=b"x\n")
    assert consume(broker, "t", "-f", "%p %s\\n") == b"2 x\n"


def test_restart_keeps_everything(broker):
    kcat(broker, "-P", "-t", "t", stdin=b"before\n")
    first = json.loads(kcat(broker, "-L", "-J"))
    broker.stop()
    broker.start()
    kcat(broker, "-P", "-t", "t", stdin=b"after\n")
    assert consume(broker, "t") == b"before\nafter\n"
    assert json.loads(kcat(broker, "-L", "-J"))["topics"] == first["topics"]


def test_kill_loses_nothing_acknowledged(broker):
    kcat(broker, "-P", "-t", "t", "-X", "acks=all", stdin=b"".join(b"%d\n" % i for i in range(1000)))
    broker.kill()
    broker.start()
    assert consume(broker, "t").split() == [b"%d" % i for i in range(1000)]
