"""The Kafka port of the real binary: every request of every version cut at every byte, trickled frames, a crowd of idlers."""
import os
import pathlib
import resource
import select
import socket
import struct
import subprocess
import sys
import time

import pytest

from harness import WEIR_BIN

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "broker"))
from wire import Wire, batch, string  # noqa: E402

DUMP = pathlib.Path(WEIR_BIN).resolve().parents[1] / "tests/support/message_dump"
# API: key, first version with a flexible header.
APIS = {"produce": (0, 9), "fetch": (1, 12), "list_offsets": (2, 6), "metadata": (3, 9), "offset_commit": (8, 8), "offset_fetch": (9, 6),
        "find_coordinator": (10, 3), "join_group": (11, 6), "heartbeat": (12, 4), "leave_group": (13, 4), "sync_group": (14, 4),
        "describe_groups": (15, 5), "list_groups": (16, 3), "api_versions": (18, 3), "create_topics": (19, 5), "delete_topics": (20, 4),
        "delete_records": (21, 2), "init_producer_id": (22, 2), "offset_for_leader_epoch": (23, 4), "describe_configs": (32, 4),
        "create_partitions": (37, 2), "delete_groups": (42, 2), "incremental_alter_configs": (44, 1), "describe_cluster": (60, 0),
        "describe_topic_partitions": (75, 0)}


def frames(seed):
    """A request of every API and version with random content, as the message tests write them."""
    if not DUMP.exists():
        pytest.skip(f"{DUMP} is not built: cmake --build --preset dev --target message_dump")
    out = subprocess.run([DUMP, str(seed)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        name, version, *body = line.split(" ")
        if name.endswith("_request"):
            key, flexible = APIS[name.removesuffix("_request")]
            head = struct.pack(">hhi", key, int(version), 7) + string("cut") + (b"\0" if int(version) >= flexible else b"")
            yield name, int(version), head, bytes.fromhex(body[0] if body else "")


def all_closed(address, payloads):
    """Sends each on a connection of its own; every one must be closed by the broker without an answer."""
    host, port = address.rsplit(":", 1)
    waiting = {}
    for what, payload in payloads:
        s = socket.create_connection((host, int(port)), timeout=30)
        s.sendall(payload)
        waiting[s.fileno()] = (s, what)
    poller = select.poll()
    for fd in waiting:
        poller.register(fd, select.POLLIN)
    end = time.monotonic() + 30
    while waiting:
        assert time.monotonic() < end, f"still open: {[what for _, what in waiting.values()][:5]}"
        for fd, _ in poller.poll(1000):
            s, what = waiting.pop(fd)
            poller.unregister(fd)
            try:
                answer = s.recv(100)
            except ConnectionResetError:
                answer = b""
            s.close()
            assert answer == b"", (what, answer)


def test_every_request_cut_at_every_byte(broker):
    seen, cases = set(), []
    for name, version, head, body in frames(1):
        seen.add(name.removesuffix("_request"))
        cases += [((name, version, cut), struct.pack(">i", cut) + (head + body)[:cut]) for cut in range(len(head) + len(body))]
    assert seen == set(APIS)
    assert len(cases) > 10000
    for at in range(0, len(cases), 400):
        all_closed(broker.kafka, cases[at:at + 400])
    with Wire(broker.kafka) as client:
        client.create_topic("still")
        assert client.produce("still", batch([b"x"])) == (0, 0)


def test_every_request_with_wild_content(broker):
    """Random but well-formed requests, and the same with every byte of the body turned over: an answer or a closed connection."""
    for name, version, head, body in frames(2):
        for data in (body, bytes(b ^ 0xFF for b in body), b"\xff" * len(body), b"\x7f" * len(body), b"\0" * 64):
            with Wire(broker.kafka) as client:
                client.socket.sendall(struct.pack(">i", len(head) + len(data)) + head + data)
                client.socket.shutdown(socket.SHUT_WR)
                client.expect_closed()
        assert broker.alive(), (name, version)
    with Wire(broker.kafka) as client:
        client.create_topic("still")
        assert client.produce("still", batch([b"x"])) == (0, 0)


def test_trickled_frames_harm_nobody(broker):
    """Bytes one at a time, on a hundred connections, while another is served; each gets its answer in the end."""
    frame = struct.pack(">hhi", 18, 0, 5) + string("slow")
    data = struct.pack(">i", len(frame)) + frame
    slow = [Wire(broker.kafka) for _ in range(100)]
    with Wire(broker.kafka) as client:
        client.create_topic("t")
        for i, byte in enumerate(data):
            for other in slow:
                other.socket.sendall(bytes([byte]))
            assert client.produce("t", batch([b"x"])) == (0, i)
    for other in slow:
        assert other.receive()[0] == 5
        other.close()


def test_a_thousand_silent_connections(broker):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        pytest.skip(f"needs 1,200 open files, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    announced = struct.pack(">i", 100 << 20) + b"x"
    silent = [Wire(broker.kafka) for _ in range(1000)]
    for client in silent[::2]:
        client.socket.sendall(announced)  # 500 times 100 MB that never come must not be set aside
    with Wire(broker.kafka) as client:
        client.create_topic("t")
        assert client.produce("t", batch([b"x"])) == (0, 0)
    with open(f"/proc/{broker.process.pid}/statm", encoding="ascii") as f:
        assert int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") < 600 << 20
    for client in silent:
        client.close()
    assert broker.alive()


def test_a_limit_on_connections(make_weir):
    weir = make_weir("--roles", "broker", "--broker-max-connections", "20")
    held = [Wire(weir.kafka) for _ in range(15)]
    for client in held:
        client.call(18, 0, b"")
    crowd = [Wire(weir.kafka) for _ in range(50)]
    closed = 0
    for client in crowd:
        try:
            client.send(18, 0, b"")
            client.receive()
        except (EOFError, ConnectionResetError, BrokenPipeError):
            closed += 1
    assert closed >= 40
    for client in held:
        client.call(18, 0, b"")  # who was there first is not the one to go
        client.close()
