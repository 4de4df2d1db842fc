"""Stopping the worker takes a few seconds at most, whoever does not answer, and loses nothing that was acknowledged."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import sqlite3
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from connect_rest import AVRO_CONVERTER, call, consume, file_config, ready, status, wait_state  # noqa: E402
from harness import free_port, wait_for  # noqa: E402

JDBC = "io.confluent.connect.jdbc.JdbcSourceConnector"


class Silent:
    """Accepts connections and never says a word."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        return self

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.accepted.append(self.listener.accept()[0])

    def __exit__(self, *_):
        self.listener.close()
        for s in self.accepted:
            s.close()


def stop_in(weir, seconds):
    began = time.monotonic()
    weir.stop()
    took = time.monotonic() - began
    assert took < seconds, f"stopping took {took:.1f} s:\n{weir.output()[-3000:]}"


def test_a_registry_that_never_answers(make_weir, tmp_path):
    weir = ready(make_weir("--roles", "broker,registry,connect"))
    path = tmp_path / "in.txt"
    path.write_text("one\n")
    with Silent() as registry:
        avro = {"value.converter": AVRO_CONVERTER,
                "value.converter.schema.registry.url": f"http://127.0.0.1:{registry.port},http://127.0.0.1:{registry.port}"}
        assert call(weir, "PUT", "/connectors/f/config", file_config(path, "t", **avro, **{"errors.tolerance": "all"}))[0] == 201
        wait_for(lambda: registry.accepted, "the registry is asked")
        stop_in(weir, 4)
    ready(weir.start())
    # errors.tolerance=all does not make a record whose conversion was cancelled one that is skipped.
    assert call(weir, "PATCH", "/connectors/f/config", {"value.converter.schema.registry.url": weir.registry})[0] == 200
    assert len(consume(weir, "t", 1)) == 1


@pytest.mark.parametrize("when", ["start", "poll"])
def test_a_postgres_that_never_answers(make_weir, postgres, when):
    weir = ready(make_weir())
    config = {"connector.class": JDBC, "mode": "incrementing", "incrementing.column.name": "id", "topic.prefix": "",
              "poll.interval.ms": "10", "table.whitelist": "t"}
    if when == "start":
        with Silent() as database:
            config["connection.url"] = f"jdbc:postgresql://127.0.0.1:{database.port}/root?user=root"
            assert call(weir, "PUT", "/connectors/j/config", config)[0] == 201
            wait_for(lambda: database.accepted, "the database is asked")
            stop_in(weir, 4)
        return
    postgres.execute("CREATE TABLE t (id serial PRIMARY KEY, v int); INSERT INTO t (v) VALUES (1)")
    config["connection.url"] = postgres.jdbc_url
    assert call(weir, "PUT", "/connectors/j/config", config)[0] == 201
    consume(weir, "t", 1)
    with contextlib.closing(postgres.connect()) as holder:
        holder.autocommit = False
        cursor = holder.cursor()
        cursor.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")

        def waited_for():
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return cursor.fetchone()[0] > 0
        wait_for(waited_for, "the task waits for the lock")
        stop_in(weir, 4)


def test_a_sqlite_database_that_stays_locked(make_weir, tmp_path):
    weir = ready(make_weir())
    path = tmp_path / "db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
        holder.execute("BEGIN EXCLUSIVE")
        config = {"connector.class": JDBC, "mode": "incrementing", "incrementing.column.name": "id", "topic.prefix": "",
                  "connection.url": f"jdbc:sqlite:{path}", "validate.non.null": "false"}
        assert call(weir, "PUT", "/connectors/j/config", config)[0] == 201
        wait_for(lambda: "connection" in status(weir, "j")["connector"] or status(weir, "j"), "the connector is there")
        stop_in(weir, 4)


def test_a_pipe_that_nobody_writes_to(make_weir, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    weir = ready(make_weir())
    assert call(weir, "PUT", "/connectors/f/config", file_config(path, "t"))[0] == 201
    wait_state(weir, "f", "RUNNING", "RUNNING")
    with open(path, "w") as pipe:
        pipe.write("one\n")
    assert consume(weir, "t", 1) == ["one"]
    stop_in(weir, 4)


def test_a_broker_that_hangs(make_weir, tmp_path):
    """Records under way, a config being written, offsets not committed: what Kafka has acknowledged is there, the rest comes
    with the next start."""
    port = free_port()
    path = tmp_path / "in.txt"
    path.write_text("".join(f"{i}\n" for i in range(1000)))
    broker = make_weir("--roles", "broker", "--kafka-port", str(port), name="broker")
    worker = ready(make_weir("--roles", "connect", "--bootstrap-servers", f"127.0.0.1:{port}", name="worker"))
    assert call(worker, "PUT", "/connectors/f/config", file_config(path, "lines"))[0] == 201
    wait_state(worker, "f", "RUNNING", "RUNNING")
    consume(broker, "lines", 1000)
    broker.process.send_signal(signal.SIGSTOP)
    try:
        with open(path, "a") as f:
            f.write("".join(f"{i}\n" for i in range(1000, 2000)))
        answers = []
        waiting = threading.Thread(
            target=lambda: answers.append(call(worker, "PUT", "/connectors/g/config", file_config(path, "g"))))
        waiting.start()
        for _ in range(20):  # the request has arrived by then
            assert status(worker, "f")["tasks"][0]["state"] == "RUNNING"
        stop_in(worker, 12)
        waiting.join(10)
        # Its write is given up, or its turn never comes.
        assert answers and answers[0][0] == 503 and re.search("is (stopping|shutting down)", answers[0][1]["message"])
    finally:
        broker.process.send_signal(signal.SIGCONT)
    ready(worker.start())
    wait_for(lambda: set(consume(broker, "lines")) == {str(i) for i in range(2000)}, "every line")
    first = list(dict.fromkeys(consume(broker, "lines")))
    assert first == [str(i) for i in range(2000)]


def test_a_broker_that_hangs_from_the_start(make_weir):
    with Silent() as broker:
        worker = make_weir("--roles", "connect", "--bootstrap-servers", f"127.0.0.1:{broker.port}", start=False)
        worker.start(wait=False)
        wait_for(lambda: broker.accepted, "the broker is asked")
        stop_in(worker, 10)
