"""A Kafka client made of struct.pack: for what proper clients would never send."""
import socket
import struct
import time

DEADLINE_S = 30

CRC_TABLE = []
for byte in range(256):
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    CRC_TABLE.append(crc)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(values, *, timestamp=None, attributes=0, producer_id=-1, epoch=-1, sequence=-1, base_offset=0,
          last_delta=None, count=None, crc=None, magic=2, key=None, max_timestamp=None, delta=None, extra=b""):
    """A record batch v2 of values with the same key."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    max_timestamp = timestamp if max_timestamp is None else max_timestamp
    key = varint(-1) if key is None else varint(len(key)) + key
    records = b""
    for i, value in enumerate(values):
        body = b"\0" + varint(0) + varint(i if delta is None else delta) + key + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    count = len(values) if count is None else count
    last_delta = len(values) - 1 if last_delta is None else last_delta
    rest = struct.pack(">hiqqqhii", attributes, last_delta, timestamp, max_timestamp, producer_id, epoch, sequence,
                       count) + records + extra
    crc = crc32c(rest) if crc is None else crc
    return struct.pack(">qiibI", base_offset, 4 + 1 + 4 + len(rest), -1, magic, crc) + rest


def string(text):
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text.encode()


class Wire:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, key, version, body, client_id="wire"):
        self.correlation += 1
        frame = struct.pack(">hhi", key, version, self.correlation) + string(client_id) + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)
        return self.correlation

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        """(correlation id, body)"""
        length, = struct.unpack(">i", self.read(4))
        frame = self.read(length)
        return struct.unpack(">i", frame[:4])[0], frame[4:]

    def call(self, key, version, body):
        sent = self.send(key, version, body)
        correlation, answer = self.receive()
        assert correlation == sent
        return answer

    def expect_closed(self):
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def create_topic(self, topic):
        """By asking for its metadata."""
        for _ in range(100):
            answer = Reader(self.call(3, 4, struct.pack(">i", 1) + string(topic) + b"\1"))
            answer.int32()  # throttle
            for _ in range(answer.int32()):
                answer.int32(), answer.string(), answer.int32(), answer.string()
            answer.string(), answer.int32()
            assert answer.int32() == 1
            error = answer.int16()
            if error == 0:
                return
            assert error in (3, 5), error
        raise AssertionError("topic was not created")

    def produce(self, topic, data, *, partition=0, acks=-1, timeout=10000, version=7):
        """(error, base offset)"""
        self.send_produce(topic, data, partition=partition, acks=acks, timeout=timeout, version=version)
        return self.receive_produce(version)

    def send_produce(self, topic, data, *, partition=0, acks=-1, timeout=10000, version=7):
        records = struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data
        head = string(None) if version >= 3 else b""
        return self.send(0, version, head + struct.pack(">hii", acks, timeout, 1) + string(topic)
                         + struct.pack(">ii", 1, partition) + records)

    def receive_produce(self, version=7):
        _, body = self.receive()
        answer = Reader(body)
        assert answer.int32() == 1
        answer.string()
        assert answer.int32() == 1
        answer.int32()
        error = answer.int16()
        return error, answer.int64()

    def fetch(self, topic, offset, *, version=4, **options):
        self.send_fetch(topic, offset, version=version, **options)
        return self.receive_fetch(version)

    def send_fetch(self, topic, offset, *, partition=0, max_wait=0, min_bytes=1, max_bytes=1 << 20,
                   partition_bytes=1 << 20, isolation=0, version=4, session=(0, -1), epoch=-1):
        body = struct.pack(">iii", -1, max_wait, min_bytes)
        body += struct.pack(">i", max_bytes) if version >= 3 else b""
        body += struct.pack(">b", isolation) if version >= 4 else b""
        body += struct.pack(">ii", *session) if version >= 7 else b""
        body += struct.pack(">i", 1) + string(topic) + struct.pack(">ii", 1, partition)
        body += struct.pack(">i", epoch) if version >= 9 else b""
        body += struct.pack(">q", offset)
        body += struct.pack(">q", -1) if version >= 5 else b""
        body += struct.pack(">i", partition_bytes)
        body += struct.pack(">i", 0) if version >= 7 else b""
        body += string("") if version >= 11 else b""
        return self.send(1, version, body)

    def receive_fetch(self, version=4):
        """(error, high watermark, record bytes); the top-level error of v7+ as (error, None, None)"""
        _, body = self.receive()
        answer = Reader(body)
        if version >= 1:
            answer.int32()
        if version >= 7:
            error = answer.int16()
            answer.int32()
            if error:
                return error, None, None
        assert answer.int32() == 1
        answer.string()
        assert answer.int32() == 1
        answer.int32()
        error, high_watermark = answer.int16(), answer.int64()
        if version >= 4:
            answer.int64()
        if version >= 5:
            answer.int64()
        if version >= 4:
            for _ in range(max(answer.int32(), 0)):
                answer.int64(), answer.int64()
        if version >= 11:
            answer.int32()
        return error, high_watermark, answer.bytes()


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def unpack(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def int16(self):
        return self.unpack(">h")

    def int32(self):
        return self.unpack(">i")

    def int64(self):
        return self.unpack(">q")

    def string(self):
        length = self.int16()
        return None if length < 0 else self.take(length).decode()

    def bytes(self):
        length = self.int32()
        return None if length < 0 else self.take(length)

    def take(self, n):
        assert n <= len(self.data) - self.at
        self.at += n
        return self.data[self.at - n:self.at]


def batches(data):
    """[(base offset, last offset, bytes)] of what a fetch returned."""
    found = []
    while len(data) >= 61:
        base, length = struct.unpack_from(">qi", data)
        if len(data) < 12 + length:
            break
        delta, = struct.unpack_from(">i", data, 23)
        found.append((base, base + delta, data[:12 + length]))
        data = data[12 + length:]
    return found
