"""The protocol, byte by byte: what is refused and how, order, long poll, limits."""
import re
import struct
import threading
import time

import pytest

from wire import Reader, Wire, batch, batches, crc32c, string


@pytest.fixture
def wire(broker):
    with Wire(broker.kafka) as client:
        yield client


def versions(wire, version=0):
    return Reader(wire.call(18, version, b""))


def test_api_versions_lists_what_is_served(wire):
    answer = versions(wire)
    assert answer.int16() == 0
    ranges = {answer.int16(): (answer.int16(), answer.int16()) for _ in range(answer.int32())}
    # Old librdkafka looks at the lowest version of Produce before it compresses.
    assert ranges[0] == (0, 12)
    assert ranges[1] == (0, 17)
    assert ranges[18] == (0, 4)
    assert not set(ranges) & {4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 71, 72, 73}


def test_api_versions_from_the_future(wire):
    wire.send(18, 77, b"\0junk that must not be read")
    _, body = wire.receive()
    answer = Reader(body)
    assert (answer.int16(), answer.int32()) == (35, 1)
    assert (answer.int16(), answer.int16(), answer.int16()) == (18, 0, 4)
    assert versions(wire).int16() == 0


@pytest.mark.parametrize("key, version", [(3, 99), (0, 99), (999, 0), (-1, 0), (1, -1), (4, 0), (24, 0)])
def test_unknown_key_or_version_closes(broker, wire, key, version):
    wire.send(key, version, b"")
    wire.expect_closed()
    with Wire(broker.kafka) as again:
        assert versions(again).int16() == 0


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    struct.pack(">i", -5),
    struct.pack(">i", 104857601),
    struct.pack(">i", 3) + b"abc",
], ids=["http", "tls", "negative", "too long", "too short"])
def test_other_protocols_are_closed(broker, wire, data):
    wire.socket.sendall(data)
    wire.expect_closed()
    with Wire(broker.kafka) as again:
        assert versions(again).int16() == 0


def test_kafka_python_probes_back_to_back(wire):
    first = wire.send(18, 0, b"")
    second = wire.send(3, 0, struct.pack(">i", 0))
    assert wire.receive()[0] == first
    assert wire.receive()[0] == second


def test_produce_and_fetch_every_version(wire):
    wire.create_topic("t")
    offset = 0
    for version in range(3, 9):
        assert wire.produce("t", batch([b"a", b"b"]), version=version) == (0, offset)
        offset += 2
    for version in range(4, 12):
        error, high_watermark, data = wire.fetch("t", 0, version=version)
        assert (error, high_watermark) == (0, offset)
        assert [b[:2] for b in batches(data)] == [(o, o + 1) for o in range(0, offset, 2)]


def test_old_formats_are_refused_per_partition(wire):
    wire.create_topic("t")
    message = struct.pack(">bbii", 0, 0, -1, 1) + b"x"
    legacy = struct.pack(">qiI", 0, 4 + len(message), 0) + message
    assert wire.produce("t", legacy, version=2)[0] == 43
    assert wire.produce("t", legacy, version=3)[0] == 87
    assert wire.fetch("t", 0, version=3)[0] == 0  # nothing there yet: nothing to convert
    assert wire.produce("t", batch([b"x"])) == (0, 0)
    assert wire.fetch("t", 0, version=3)[0] == 35


BAD_BATCHES = {
    "wrong crc": (batch([b"x"], crc=1), 2),
    "cut by one": (batch([b"x"])[:-1], 2),
    "cut in the header": (batch([b"x"])[:40], 2),
    "unknown magic": (batch([b"x"], magic=3), 2),
    "no bytes": (b"", 87),
    "null": (None, 87),
    "two batches": (batch([b"x"]) + batch([b"y"]), 87),
    "base offset": (batch([b"x"], base_offset=5), 87),
    "count without records": (batch([b"x"], count=2, last_delta=1), 87),
    "last offset delta": (batch([b"x"], last_delta=3), 87),
    "control bit": (batch([b"x"], attributes=0x20), 87),
    "producer without sequence": (batch([b"x"], producer_id=5, epoch=0, sequence=-1), 87),
    "not gzip": (batch([b"x"], attributes=1), 87),
    "offset delta of a record": (batch([b"x"], delta=1), 87),
    "bytes behind the records": (batch([b"x"], extra=b"\0"), 87),
    "a record longer than the batch": (batch([], count=1, last_delta=0, extra=b"\x7e\0\0\0"), 87),
    "an endless varint": (batch([], count=1, last_delta=0, extra=b"\xff" * 12), 87),
    "LogAppendTime set by the client": (batch([b"x"], attributes=8), 32),
    "a transaction": (batch([b"x"], attributes=16, producer_id=5, epoch=0, sequence=0), 48),
    "too large": (batch([b"x" * 1100000], crc=0), 10),
}


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_bad_batches(wire, name):
    data, error = BAD_BATCHES[name]
    wire.create_topic("t")
    assert wire.produce("t", data)[0] == error
    assert wire.produce("t", batch([b"good"])) == (0, 0)


def create(wire, topic, partitions=1, **config):
    body = struct.pack(">i", 1) + string(topic) + struct.pack(">ihi", partitions, 1, 0) + struct.pack(">i", len(config))
    for key, value in config.items():
        body += string(key.replace("_", ".")) + string(value)
    answer = Reader(wire.call(19, 0, body + struct.pack(">i", 10000)))
    assert (answer.int32(), answer.string(), answer.int16()) == (1, topic, 0)


def test_a_compacted_topic_wants_keys(wire):
    create(wire, "t", cleanup_policy="compact")
    records = batch([b"x"])
    assert wire.produce("t", records)[0] == 87
    body = string(None) + struct.pack(">hii", -1, 10000, 1) + string("t") + struct.pack(">iii", 1, 0, len(records)) + records
    answer = Reader(wire.call(0, 8, body))
    assert (answer.int32(), answer.string(), answer.int32(), answer.int32(), answer.int16()) == (1, "t", 1, 0, 87)
    answer.int64(), answer.int64(), answer.int64()
    assert (answer.int32(), answer.int32()) == (1, 0)  # the record at fault
    assert "key" in answer.string() + answer.string()
    assert wire.produce("t", batch([b"x"], key=b"")) == (0, 0)  # an empty key is one


def test_a_set_larger_than_a_segment(wire):
    create(wire, "t", segment_bytes="1000")
    assert wire.produce("t", batch([b"x" * 1000]))[0] == 18
    assert wire.produce("t", batch([b"x" * 800])) == (0, 0)


def test_internal_topics_are_written_by_the_broker_only(broker, wire):
    answer = Reader(wire.call(10, 1, string("g") + b"\0"))
    answer.int32()
    assert answer.int16() == 0
    assert wire.produce("__consumer_offsets", batch([b"x"], key=b"k"))[0] == 17
    assert wire.produce("__consumer_offsets", batch([b"x"], key=b"k"), partition=1)[0] == 17


def test_one_bad_partition_does_not_harm_the_others(wire):
    create(wire, "t", partitions=3)
    good, bad = batch([b"x"]), batch([b"x"], crc=7)
    body = string(None) + struct.pack(">hii", -1, 10000, 1) + string("t") + struct.pack(">i", 4)
    for partition, records in ((0, good), (1, bad), (2, good), (9, good)):
        body += struct.pack(">ii", partition, len(records)) + records
    answer = Reader(wire.call(0, 3, body))
    assert (answer.int32(), answer.string(), answer.int32()) == (1, "t", 4)
    found = {}
    for _ in range(4):
        partition, error, offset = answer.int32(), answer.int16(), answer.int64()
        answer.int64()
        found[partition] = (error, offset)
    assert found == {0: (0, 0), 1: (2, -1), 2: (0, 0), 9: (3, -1)}


@pytest.mark.parametrize("claimed", [-1, 5, 1 << 50])
def test_the_largest_timestamp_is_that_of_the_records(wire, claimed):
    """Whatever the batch claims: it decides where a look-up by time goes, and how long the segment is kept."""
    create(wire, "t")
    assert wire.produce("t", batch([b"a"], timestamp=1000)) == (0, 0)
    assert wire.produce("t", batch([b"b"], timestamp=2000, max_timestamp=claimed)) == (0, 1)
    stored = batches(wire.fetch("t", 0)[2])[1][2]
    assert struct.unpack_from(">q", stored, 35)[0] == 2000
    assert struct.unpack_from(">I", stored, 17)[0] == crc32c(stored[21:])
    answer = Reader(wire.call(2, 1, struct.pack(">ii", -1, 1) + string("t") + struct.pack(">iiq", 1, 0, 1500)))
    assert (answer.int32(), answer.string(), answer.int32(), answer.int32(), answer.int16()) == (1, "t", 1, 0, 0)
    assert (answer.int64(), answer.int64()) == (2000, 1)


def test_zstd_needs_new_versions(wire):
    wire.create_topic("t")
    assert wire.produce("t", batch([b"x"], attributes=4), version=6)[0] in (76, 87)


@pytest.mark.parametrize("acks", [2, -2, 100])
def test_bad_acks(wire, acks):
    wire.create_topic("t")
    assert wire.produce("t", batch([b"x"]), acks=acks)[0] == 21


def test_unknown_topic_and_partition(wire):
    wire.create_topic("t")
    assert wire.produce("nope", batch([b"x"]))[0] == 3
    assert wire.produce("t", batch([b"x"]), partition=1)[0] == 3
    assert wire.produce("t", batch([b"x"]), partition=-1)[0] == 3
    assert wire.fetch("nope", 0)[0] == 3
    assert wire.fetch("t", 0, partition=7)[0] == 3


def test_acks_0_gets_no_answer(wire):
    wire.create_topic("t")
    for i in range(10):
        wire.send_produce("t", batch([b"%d" % i]), acks=0)
    assert wire.produce("t", batch([b"last"])) == (0, 10)


def test_an_error_of_acks_0_closes(broker, wire):
    wire.create_topic("t")
    wire.send_produce("t", batch([b"x"], crc=1), acks=0)
    wire.expect_closed()
    with Wire(broker.kafka) as again:
        assert again.produce("t", batch([b"x"])) == (0, 0)


def test_acks_0_then_close_is_not_lost(broker, wire):
    wire.create_topic("t")
    with Wire(broker.kafka) as other:
        for i in range(200):
            other.send_produce("t", batch([b"%d" % i]), acks=0)
    # Asked until then: the producer's connection is another.
    end = time.monotonic() + 30
    while wire.fetch("t", 0)[1] < 200:
        assert time.monotonic() < end


def test_pipelined_produces_keep_their_order(wire):
    wire.create_topic("t")
    sent = [wire.send_produce("t", batch([b"%d" % i]), acks=(-1, 1)[i % 2]) for i in range(200)]
    for i, correlation in enumerate(sent):
        got, body = wire.receive()
        assert got == correlation
        answer = Reader(body)
        answer.int32(), answer.string(), answer.int32(), answer.int32()
        assert (answer.int16(), answer.int64()) == (0, i)


def test_the_next_request_waits_for_the_creation_before_it(wire):
    wire.send(3, 4, struct.pack(">i", 1) + string("new") + b"\1")
    wire.send_produce("new", batch([b"x"]))
    wire.receive()
    assert wire.receive_produce() == (0, 0)


def test_a_fetch_behind_produces_sees_them(wire):
    wire.create_topic("t")
    for i in range(20):
        wire.send_produce("t", batch([b"%d" % i]))
    wire.send_fetch("t", 0, min_bytes=20 * len(batch([b"00"])) - 10, max_wait=20000)
    for i in range(20):
        assert wire.receive_produce() == (0, i)
    error, _, data = wire.receive_fetch()
    assert error == 0
    assert batches(data)[-1][1] == 19


def test_long_poll_wakes_up(broker, wire):
    wire.create_topic("t")
    started = time.monotonic()
    wire.send_fetch("t", 0, max_wait=30000)
    with Wire(broker.kafka) as producer:
        assert producer.produce("t", batch([b"news"])) == (0, 0)
    error, high_watermark, data = wire.receive_fetch()
    assert (error, high_watermark, len(batches(data))) == (0, 1, 1)
    assert time.monotonic() - started < 20


def test_long_poll_waits_for_min_bytes(broker, wire):
    wire.create_topic("t")
    size = len(batch([b"x" * 100]))
    assert wire.produce("t", batch([b"x" * 100])) == (0, 0)
    wire.send_fetch("t", 0, max_wait=30000, min_bytes=3 * size)
    with Wire(broker.kafka) as producer:
        for i in range(1, 3):
            assert producer.produce("t", batch([b"x" * 100])) == (0, i)
    error, _, data = wire.receive_fetch()
    assert (error, len(batches(data))) == (0, 3)


def test_long_poll_ends_at_max_wait(wire):
    wire.create_topic("t")
    started = time.monotonic()
    assert wire.fetch("t", 0, max_wait=300) == (0, 0, b"")
    assert time.monotonic() - started >= 0.29


def test_long_poll_ends_when_the_topic_is_deleted(broker, wire):
    wire.create_topic("t")
    wire.send_fetch("t", 0, max_wait=30000)
    with Wire(broker.kafka) as admin:
        answer = Reader(admin.call(20, 1, struct.pack(">i", 1) + string("t") + struct.pack(">i", 10000)))
        answer.int32(), answer.int32(), answer.string()
        assert answer.int16() == 0
    assert wire.receive_fetch()[0] in (3, 6)


def test_many_long_polls_at_a_time(broker, wire):
    wire.create_topic("t")
    clients = [Wire(broker.kafka) for _ in range(100)]
    for client in clients:
        client.send_fetch("t", 0, max_wait=60000)
    assert wire.produce("t", batch([b"all"])) == (0, 0)
    for client in clients:
        error, _, data = client.receive_fetch()
        assert (error, len(batches(data))) == (0, 1)
        client.close()


def test_at_least_one_batch_whatever_the_limits(wire):
    wire.create_topic("t")
    big = batch([b"x" * 500000])
    for i in range(3):
        assert wire.produce("t", big) == (0, i)
    error, _, data = wire.fetch("t", 1, max_bytes=10, partition_bytes=10)
    assert (error, [b[:2] for b in batches(data)]) == (0, [(1, 1)])
    assert len(data) == len(big)
    error, _, data = wire.fetch("t", 0, max_bytes=len(big) * 2 + 10, partition_bytes=1 << 30)
    assert [b[:2] for b in batches(data)] == [(0, 0), (1, 1)]


def test_fetch_offsets_outside_the_log(wire):
    wire.create_topic("t")
    assert wire.produce("t", batch([b"a", b"b"])) == (0, 0)
    assert wire.fetch("t", 3)[0] == 1
    assert wire.fetch("t", -5)[0] == 1
    assert wire.fetch("t", 2) == (0, 2, b"")
    error, _, data = wire.fetch("t", 1)
    assert (error, batches(data)[0][:2]) == (0, (0, 1))


def test_fetch_sessions_and_epochs(wire):
    wire.create_topic("t")
    assert wire.fetch("t", 0, version=7, session=(0, 0))[0] == 0
    assert wire.fetch("t", 0, version=7, session=(5, 1))[0] == 70
    assert wire.fetch("t", 0, version=7, session=(0, 3))[0] == 71
    assert wire.fetch("t", 0, version=9, epoch=0)[0] == 0
    assert wire.fetch("t", 0, version=9, epoch=4)[0] == 75


def test_a_slow_reader_gets_all_and_harms_nobody(broker, wire):
    wire.create_topic("t")
    big = batch([b"x" * 900000])
    for i in range(20):
        assert wire.produce("t", big) == (0, i)
    slow = Wire(broker.kafka)
    for _ in range(5):
        slow.send_fetch("t", 0, max_bytes=1 << 28, partition_bytes=1 << 28)
    assert wire.produce("t", batch([b"meanwhile"])) == (0, 20)
    for _ in range(5):
        error, _, data = slow.receive_fetch()
        assert error == 0
        assert [b[:2] for b in batches(data)][:20] == [(i, i) for i in range(20)]
        assert batches(data)[7][2][61:] == big[61:]
    slow.close()


def test_idempotent_sequences(wire):
    wire.create_topic("t")
    answer = Reader(wire.call(22, 0, string(None) + struct.pack(">i", 60000)))
    answer.int32()
    assert answer.int16() == 0
    producer_id, epoch = answer.int64(), answer.int16()
    assert (producer_id >= 0, epoch) == (True, 0)

    def send(sequence, values=(b"x",), epoch=0):
        return wire.produce("t", batch(list(values), producer_id=producer_id, epoch=epoch, sequence=sequence))

    assert send(0) == (0, 0)
    assert send(1, (b"a", b"b")) == (0, 1)
    assert send(1, (b"a", b"b")) == (0, 1)  # again: the same answer, nothing appended
    assert send(4)[0] == 45
    assert send(3) == (0, 3)
    assert send(0, epoch=1) == (0, 4)
    assert send(4)[0] == 47


def test_producer_ids_survive_restarts(broker):
    seen = []
    for _ in range(3):
        with Wire(broker.kafka) as client:
            for _ in range(5):
                answer = Reader(client.call(22, 0, string(None) + struct.pack(">i", 60000)))
                answer.int32()
                assert answer.int16() == 0
                seen.append(answer.int64())
        broker.kill()
        broker.start()
    assert len(set(seen)) == len(seen)


def test_transactional_ids_are_refused_clearly(wire):
    answer = Reader(wire.call(22, 0, string("tx") + struct.pack(">i", 60000)))
    answer.int32()
    assert answer.int16() == 53  # final for every client
    answer = Reader(wire.call(10, 1, string("tx") + b"\1"))
    answer.int32()
    assert answer.int16() == 53
    assert "no transactions" in answer.string()


def test_metadata_null_and_empty(wire):
    wire.create_topic("t")

    def topics(version, body):
        answer = Reader(wire.call(3, version, body))
        if version >= 3:
            answer.int32()
        for _ in range(answer.int32()):
            answer.int32(), answer.string(), answer.int32()
            if version >= 1:
                answer.string()
        if version >= 2:
            assert len(answer.string()) == 22
        if version >= 1:
            answer.int32()
        return answer.int32()

    assert topics(0, struct.pack(">i", 0)) >= 1
    assert topics(1, struct.pack(">i", 0)) == 0
    assert topics(1, struct.pack(">i", -1)) >= 1
    assert topics(2, struct.pack(">i", -1)) >= 1


@pytest.mark.parametrize("name, error", [("", 17), (".", 17), ("..", 17), ("a b", 17), ("x" * 250, 17)],
                         ids=["empty", "dot", "dots", "space", "long"])
def test_metadata_of_bad_names(wire, name, error):
    answer = Reader(wire.call(3, 4, struct.pack(">i", 1) + string(name) + b"\1"))
    answer.int32()
    for _ in range(answer.int32()):
        answer.int32(), answer.string(), answer.int32(), answer.string()
    answer.string(), answer.int32(), answer.int32()
    assert answer.int16() == error


def test_metadata_without_auto_create(wire):
    for _ in range(2):
        answer = Reader(wire.call(3, 4, struct.pack(">i", 1) + string("ghost") + b"\0"))
        answer.int32()
        for _ in range(answer.int32()):
            answer.int32(), answer.string(), answer.int32(), answer.string()
        answer.string(), answer.int32(), answer.int32()
        assert answer.int16() == 3


def list_offset(wire, topic, timestamp, version=1):
    body = struct.pack(">i", -1) + (b"\0" if version >= 2 else b"") + struct.pack(">i", 1) + string(topic)
    body += struct.pack(">ii", 1, 0) + struct.pack(">q", timestamp) + (struct.pack(">i", 1) if version == 0 else b"")
    answer = Reader(wire.call(2, version, body))
    if version >= 2:
        answer.int32()
    answer.int32(), answer.string(), answer.int32(), answer.int32()
    error = answer.int16()
    if version == 0:
        return error, [answer.int64() for _ in range(answer.int32())]
    answer.int64()
    return error, answer.int64()


def test_list_offsets(wire):
    wire.create_topic("t")
    for i in range(5):
        assert wire.produce("t", batch([b"x"], timestamp=1000 * (i + 1))) == (0, i)
    assert list_offset(wire, "t", -1) == (0, 5)
    assert list_offset(wire, "t", -2) == (0, 0)
    assert list_offset(wire, "t", 2500) == (0, 2)
    assert list_offset(wire, "t", 3000) == (0, 2)
    assert list_offset(wire, "t", 99999) == (0, -1)
    assert list_offset(wire, "t", -3)[0] == 35
    assert list_offset(wire, "nope", -1)[0] == 3
    assert list_offset(wire, "t", -1, version=0) == (0, [5])
    assert list_offset(wire, "t", -2, version=0) == (0, [0])
    assert list_offset(wire, "t", -1, version=2) == (0, 5)


def test_delete_records(wire):
    wire.create_topic("t")
    for i in range(5):
        assert wire.produce("t", batch([b"x"])) == (0, i)

    def delete(offset):
        answer = Reader(wire.call(21, 1, struct.pack(">i", 1) + string("t") + struct.pack(">iiqi", 1, 0, offset, 10000)))
        answer.int32(), answer.int32(), answer.string(), answer.int32(), answer.int32()
        low = answer.int64()
        return answer.int16(), low

    assert delete(3) == (0, 3)
    assert wire.fetch("t", 2)[0] == 1
    assert list_offset(wire, "t", -2) == (0, 3)
    assert delete(6)[0] == 1
    assert delete(-7)[0] == 1
    assert delete(-1) == (0, 5)
    assert list_offset(wire, "t", -2) == (0, 5)
    assert wire.produce("t", batch([b"x"])) == (0, 5)


def test_two_connections_at_once(broker, wire):
    """Appends of several connections never mix up and each sees its own offsets."""
    wire.create_topic("t")
    offsets = []

    def run():
        with Wire(broker.kafka) as client:
            for _ in range(50):
                error, offset = client.produce("t", batch([b"x"]))
                assert error == 0
                offsets.append(offset)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(offsets) == list(range(200))


def test_acknowledged_records_survive_kill(broker):
    with Wire(broker.kafka) as client:
        client.create_topic("t")
        for i in range(50):
            assert client.produce("t", batch([b"%d" % i])) == (0, i)
    broker.kill()
    broker.start()
    with Wire(broker.kafka) as client:
        error, high_watermark, data = client.fetch("t", 0)
        assert (error, high_watermark, batches(data)[-1][1]) == (0, 50, 49)


def test_lengths_that_promise_much_cost_nothing(broker):
    clients = [Wire(broker.kafka) for _ in range(200)]
    for client in clients:
        client.socket.sendall(struct.pack(">ihhi", 100000000, 0, 7, 1))
    with Wire(broker.kafka) as other:
        assert versions(other).int16() == 0
    status = open(f"/proc/{broker.process.pid}/status", encoding="ascii").read()
    kilobytes = int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1])
    for client in clients:
        client.close()
    assert kilobytes < 400_000  # 200 MB are 1 MB each; sanitizers need their part


def test_a_request_of_90_megabytes_is_read(broker, wire):
    wire.create_topic("t")
    error, _ = wire.produce("t", batch([b"x" * 90_000_000], crc=0))
    assert error == 10
    assert wire.produce("t", batch([b"small"])) == (0, 0)


@pytest.mark.parametrize("key, value, shift, error", [
    ("message.timestamp.before.max.ms", "60000", -120000, 32),
    ("message.timestamp.before.max.ms", "60000", -1000, 0),
    ("message.timestamp.after.max.ms", "60000", 120000, 32),
    ("message.timestamp.after.max.ms", "60000", 1000, 0),
])
def test_timestamps_out_of_range(wire, key, value, shift, error):
    body = struct.pack(">i", 1) + string("t") + struct.pack(">ihii", 1, 1, 0, 1) + string(key) + string(value)
    wire.call(19, 0, body + struct.pack(">i", 10000))
    now = int(time.time() * 1000)
    assert wire.produce("t", batch([b"x"], timestamp=now + shift))[0] == error
    assert wire.produce("t", batch([b"x"], timestamp=-1))[0] == 0


def test_log_append_time(wire):
    body = struct.pack(">i", 1) + string("t") + struct.pack(">ihii", 1, 1, 0, 1)
    wire.call(19, 0, body + string("message.timestamp.type") + string("LogAppendTime") + struct.pack(">i", 10000))
    before = int(time.time() * 1000)
    assert wire.produce("t", batch([b"x"], timestamp=5)) == (0, 0)
    _, _, data = wire.fetch("t", 0)
    stored = batches(data)[0][2]
    attributes, = struct.unpack_from(">h", stored, 21)
    maximum, = struct.unpack_from(">q", stored, 35)
    assert (attributes & 8, maximum >= before) == (8, True)
    assert struct.unpack_from(">I", stored, 17)[0] == crc32c(stored[21:])
    assert wire.produce("t", batch([b"x"], attributes=8))[0] == 32


def test_stops_with_requests_parked(broker):
    with Wire(broker.kafka) as client:
        client.create_topic("t")
        client.send_fetch("t", 0, max_wait=600000)
        started = time.monotonic()
        broker.stop()
        assert time.monotonic() - started < 20
        assert client.receive_fetch()[0] == 0
        client.expect_closed()
