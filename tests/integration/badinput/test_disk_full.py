"""A full disk: clear errors, the process stays, what was acknowledged is there, and work goes on when there is room."""
import concurrent.futures
import errno
import os
import pathlib
import re
import struct
import subprocess
import sys
import time

import pytest
import requests
from confluent_kafka import KafkaException, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness import ANY_PORTS, Weir, wait_for
from stack import http

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "broker"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import fraud  # noqa: E402
from wire import Reader, Wire, batch, batches, string  # noqa: E402

STORAGE_ERROR = 56
FILE = "org.apache.kafka.connect.file.FileStreamSourceConnector"


class Disk:
    """A small file system of its own."""

    def __init__(self, path, size):
        path.mkdir(parents=True)
        self.path, self.filler = path, path / "filler"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "weir-test", str(path)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"a small disk needs the right to mount one: {done.stderr.strip()}")

    def fill(self, keep=0):
        """To the last byte, or up to `keep` bytes."""
        with open(self.filler, "ab", buffering=0) as f:
            if keep:
                os.posix_fallocate(f.fileno(), 0, os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_bsize - keep)
                return
            for block in (b"f" * 65536, b"f" * 4096, b"f"):
                try:
                    while True:
                        f.write(block)
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def free(self):
        self.filler.unlink()

    def close(self):
        subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def full(tmp_path):
    """(weir, disk): the data directory of the whole stack is a disk of 48 MB."""
    disk = Disk(tmp_path / "weir/data", "48m")
    weir = Weir(tmp_path / "weir", *ANY_PORTS)
    try:
        weir.start()
        wait_for(lambda: http(weir, "connect", "GET", "/health")[0] == 200, "worker ready")
        yield weir, disk
        if weir.alive():
            weir.stop()
        assert "Sanitizer" not in weir.output()
    finally:
        if weir.process is not None and weir.alive():
            weir.kill()
        disk.close()


def values(client, topic):
    found, offset = [], 0
    while True:
        error, high, data = client.fetch(topic, offset, max_bytes=1 << 24, partition_bytes=1 << 24)
        assert error == 0
        for base, last, raw in batches(data):
            assert base == offset
            found.append(raw[-200:])
            offset = last + 1
        if offset >= high:
            return found


def test_acknowledged_records_survive_a_full_disk(full):
    weir, disk = full
    payload = [os.urandom(100000) for _ in range(4)]
    acknowledged = []

    def produce(client, n):
        value = payload[n % 4] + b"%08d" % n
        error, offset = client.produce("t", batch([value]))
        if error == 0:
            acknowledged.append((offset, batch([value], timestamp=0)[-200:]))
        return error

    with Wire(weir.kafka) as client:
        client.create_topic("t")
        disk.fill(keep=4 << 20)
        errors, n = [], 0
        while not errors or len(errors) < 5:
            error = produce(client, n)
            errors += [error] if error else []
            n += 1
            assert n < 2000
        assert set(errors) == {STORAGE_ERROR}, errors
        disk.fill()
        assert produce(client, n) in (0, STORAGE_ERROR)  # what is allocated may still hold a record
        assert weir.alive()
        found = values(client, "t")
        assert [found[offset] for offset, _ in acknowledged] == [tail for _, tail in acknowledged]
    weir.kill()
    subprocess.run(["mount", "-o", "remount,size=96m", str(disk.path)], check=True)
    weir.start()
    with Wire(weir.kafka) as client:
        found = values(client, "t")
        assert [found[offset] for offset, _ in acknowledged] == [tail for _, tail in acknowledged]
        assert produce(client, 9999) == 0
        assert acknowledged[-1][0] == len(found)


def test_records_are_taken_again_when_there_is_room(full):
    weir, disk = full
    with Wire(weir.kafka) as client:
        client.create_topic("t")
        assert client.produce("t", batch([b"first"]))[0] == 0
        disk.fill()
        big = batch([b"x" * 900000])
        assert [client.produce("t", big)[0] for _ in range(3)] == [STORAGE_ERROR] * 3
        disk.free()
        error, offset = 1, None
        end = time.monotonic() + 30
        while error and time.monotonic() < end:
            error, offset = client.produce("t", batch([b"second"]))
        assert (error, offset) == (0, 1)
    weir.kill()
    weir.start()
    with Wire(weir.kafka) as client:
        assert len(values(client, "t")) == 2


def test_the_log_and_the_answers_name_the_file_and_the_cause(full):
    weir, disk = full
    with Wire(weir.kafka) as client:
        client.create_topic("t")
        disk.fill()
        records = batch([b"x" * 900000])
        body = string(None) + struct.pack(">hii", -1, 10000, 1) + string("t") + struct.pack(">iii", 1, 0, len(records)) + records
        for _ in range(50):
            answer = Reader(client.call(0, 8, body))
            assert (answer.int32(), answer.string(), answer.int32(), answer.int32()) == (1, "t", 1, 0)
            assert answer.int16() == STORAGE_ERROR
            assert (answer.int64(), answer.int64(), answer.int64(), answer.int32()) == (-1, -1, -1, 0)
            assert re.fullmatch(rf"write {disk.path}/t-0/0{{20}}\.log at \d+: No space left on device", answer.string())
        body = struct.pack(">i", 1) + string("new") + struct.pack(">ihiiib", 20, 1, 0, 0, 10000, 0)
        for _ in range(10):
            answer = Reader(client.call(19, 2, body))
            answer.int32()
            assert (answer.int32(), answer.string(), answer.int16()) == (1, "new", STORAGE_ERROR)
            assert "No space left on device" in (message := answer.string()) and str(disk.path) in message
    told = [line for line in weir.output().splitlines() if "No space left" in line]
    assert any("append.failed" in line and f"{disk.path}/t-0/" in line for line in told), told
    assert any("topic.create_failed" in line and f"{disk.path}/" in line for line in told), told
    # Once in ten seconds for each event, not once for each request.
    assert len(told) < 12, told


def test_everything_else_says_that_the_disk_is_full(full, tmp_path):
    weir, disk = full
    with Wire(weir.kafka) as client:
        client.create_topic("t")
        assert client.produce("t", batch([b"x" * 1000]))[0] == 0
    consumer = Consumer({"bootstrap.servers": weir.kafka, "group.id": "g", "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.subscribe(["t"])
    wait_for(lambda: consumer.poll(0.1), "a record")
    schema = {"schema": '{"type":"string","doc":"%s"}' % ("d" * 100000)}
    path = tmp_path / "in.txt"
    path.write_text("one\n")
    config = {"connector.class": FILE, "file": str(path), "topic": "lines", "unknown": "u" * 100000}

    disk.fill()
    admin = AdminClient({"bootstrap.servers": weir.kafka})
    refused = admin.create_topics([NewTopic("new", 50, 1)], request_timeout=20, operation_timeout=20)["new"]
    with pytest.raises(KafkaException) as caught:
        refused.result()
    assert caught.value.args[0].name() in ("KAFKA_STORAGE_ERROR", "UNKNOWN_SERVER_ERROR"), caught.value
    assert "space" in caught.value.args[0].str().lower() or caught.value.args[0].name() == "KAFKA_STORAGE_ERROR"
    failed = False
    for _ in range(300):  # a block of the offsets' log may have room for some
        try:
            consumer.commit(offsets=[TopicPartition("t", 0, 1)], asynchronous=False)
        except KafkaException as error:
            failed = error.args[0].name()
            break
    assert failed in ("COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS", "KAFKA_STORAGE_ERROR", "UNKNOWN_SERVER_ERROR",
                      "_TIMED_OUT", "NOT_COORDINATOR", "UNKNOWN"), failed
    # Both try for as long as their time limit allows; Connect's is 30 s, by then there is room.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        create = pool.submit(requests.put, f"{weir.connect}/connectors/c/config", json=config, timeout=100)
        answer = requests.post(f"{weir.registry}/subjects/s/versions", json=schema, timeout=100)
        assert answer.status_code == 500 and answer.json()["error_code"] in (50001, 50002), answer.text
        assert weir.alive() and not create.done()
        assert http(weir, "registry", "GET", "/subjects", content_type=None) == (200, [])
        disk.free()
        assert create.result().status_code == 201, create.result().text

    def created():
        future = admin.create_topics([NewTopic("new", 2, 1)])["new"]
        try:
            future.result()
            return True
        except KafkaException as error:
            assert error.args[0].name() != "TOPIC_ALREADY_EXISTS"
            return False
    wait_for(created, "topic created when there is room")
    wait_for(lambda: requests.post(f"{weir.registry}/subjects/s/versions", json=schema, timeout=100).status_code == 200, "registered")
    consumer.commit(offsets=[TopicPartition("t", 0, 1)], asynchronous=False)
    consumer.close()
    weir.kill()
    weir.start()
    wait_for(lambda: http(weir, "registry", "GET", "/subjects", content_type=None) == (200, ["s"]), "the subject after a restart")
    wait_for(lambda: http(weir, "connect", "GET", "/connectors", content_type=None) == (200, ["c"]), "the connector after a restart")
    committed = Consumer({"bootstrap.servers": weir.kafka, "group.id": "g"})
    assert committed.committed([TopicPartition("t", 0)], timeout=30)[0].offset == 1
    committed.close()


def test_a_config_that_cannot_be_written_says_why(full):
    """The worker tries for 30 s, as the original does; then the answer names the topic and the broker's reason."""
    weir, disk = full
    disk.fill()
    config = {"connector.class": FILE, "topic": "lines", "unknown": "u" * 100000}
    answer = requests.put(f"{weir.connect}/connectors/c/config", json=config, timeout=100)
    assert answer.status_code == 500
    assert answer.json()["message"] == ("Request timed out: write to topic _connect-configs: not done in time: "
                                        "Broker: Disk error when trying to access log file on disk")
    disk.free()
    assert requests.put(f"{weir.connect}/connectors/c/config", json=config, timeout=100).status_code in (200, 201)


def test_a_full_disk_of_state_stores(tmp_path, make_weir, postgres):
    """The stores are on a disk of their own. When it is full the topology says so; with room again it counts every row."""
    disk = Disk(tmp_path / "state", "24m")
    weir = None
    try:
        weir = make_weir("--streams-state-dir", str(disk.path), *fraud.start_args("count"))
        fraud.create_topics(weir.kafka)
        postgres.execute(fraud.TABLES)
        fraud.start_connectors(weir.connect, weir.registry, postgres.jdbc_url, **{"poll.interval.ms": "50"})

        def insert(cards):
            postgres.execute("INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) SELECT "
                             "'c', 1, %s || n, 1, to_timestamp(1700000000) FROM generate_series(1, 400) n", (cards,))

        def counted():
            try:
                return {m.key()[:-8] for m in fraud.read_topic(weir.kafka, fraud.CHANGELOG)}
            except KafkaException:  # not there yet
                return set()
        insert("a")
        wait_for(lambda: len(counted()) == 400, "400 cards counted")
        disk.fill()
        for cards in "bcde":
            insert(cards)
        wait_for(lambda: len(fraud.read_topic(weir.kafka, "purchases")) == 2000, "2,000 purchases")
        # The stores go to the disk when the process stops; what does not fit is in the changelog.
        weir.stop()
        assert "space" in weir.output(), weir.output()[-3000:]
        weir.start()
        wait_for(lambda: "No space left" in weir.output(), f"the log says so:\n{weir.output()[-3000:]}")
        assert weir.alive() and http(weir, "connect", "GET", "/health", content_type=None)[0] == 200
        disk.free()
        insert("f")
        wait_for(lambda: len(counted()) == 2400, f"2,400 cards counted; now {len(counted())}:\n{weir.output()[-3000:]}")
    finally:
        if weir is not None and weir.alive():
            weir.kill()
        disk.close()


def test_starting_on_a_full_disk(tmp_path):
    """The first start says so and leaves nothing that would keep the next from working; a later one serves what there is."""
    disk = Disk(tmp_path / "weir/data", "16m")
    weir = Weir(tmp_path / "weir", "--roles", "broker", *ANY_PORTS)
    try:
        disk.fill()
        weir.start(wait=False)
        assert weir.process.wait(timeout=20) == 1
        assert "No space left on device" in weir.output() and str(disk.path) in weir.output()
        disk.free()
        weir.start()
        with Wire(weir.kafka) as client:
            client.create_topic("t")
            assert client.produce("t", batch([b"x"])) == (0, 0)
        weir.kill()
        disk.fill()
        weir.start()
        with Wire(weir.kafka) as client:
            assert len(values(client, "t")) == 1
        weir.stop()
    finally:
        if weir.process is not None and weir.alive():
            weir.kill()
        disk.close()
