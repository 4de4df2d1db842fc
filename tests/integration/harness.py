"""The real weir binary, a private Postgres and a real Apache Kafka, each in a temporary directory.

The binary under test is $WEIR_BIN (default: build/dev/cli/weir). Nothing here sleeps: wait_for() polls a condition
until a deadline. Ports are 0 wherever a program allows it.
"""
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from confluent_kafka import KafkaException

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIR_BIN = os.environ.get("WEIR_BIN", str(ROOT / "build/dev/cli/weir"))
# Sanitizer builds on two busy cores are slow; a deadline only has to be finite.
DEADLINE_S = float(os.environ.get("WEIR_TEST_DEADLINE", "60"))


def wait_for(condition, what, deadline_s=DEADLINE_S):
    """Polls until condition() is true-ish and returns its value. Fails with `what` at the deadline."""
    end = time.monotonic() + deadline_s
    last = None
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
        except (OSError, AssertionError, KeyError, ValueError, KafkaException, subprocess.CalledProcessError) as error:
            last = error
        time.sleep(0.02)
    pytest.fail(f"not within {deadline_s} s: {what}" + (f" (last error: {last!r})" if last else ""))


def free_port(count=1):
    """The first of `count` neighbouring ports that are free now: only for programs that cannot take port 0. They lie below
    the range that the kernel hands out, so that nobody gets one of them by chance a moment later."""
    for _ in range(1000):
        first = random.randrange(20000, 32000)
        try:
            for port in range(first, first + count):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    pytest.fail("no free port between 20000 and 32000")


class Weir:
    """One `weir start` process. Listeners are parsed from what it prints: "<role> listening on http://host:port"."""

    def __init__(self, directory, *args, env=None):
        self.directory = pathlib.Path(directory)
        self.args = list(args)
        self.env = env or {}
        self.process = None
        self.ports = {}
        self.log = self.directory / "weir.log"
        self.starts = 0

    def start(self, wait=True):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.starts += 1
        out = open(self.log, "ab")
        self.mark = self.log.stat().st_size
        # A restart keeps the ports: connectors hold the registry's address, clients the broker's.
        kept = [a for role, port in self.ports.items() for a in (f"--{role}-port", str(port))]
        self.process = subprocess.Popen(
            [WEIR_BIN, "start", "--data-dir", str(self.directory / "data"), *self.args, *kept],
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env={**os.environ, **self.env})
        out.close()
        if wait:
            self.wait_ready()
        return self

    def output(self):
        with open(self.log, "rb") as f:
            f.seek(self.mark)
            return f.read().decode(errors="replace")

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                pytest.fail(f"weir exited with {self.process.returncode}:\n{self.output()[-4000:]}")
            return re.search(r"^weir is (ready|started)", self.output(), re.M)
        wait_for(ready, f"weir ready; output:\n{self.output()[-2000:]}")
        self.ports = {m[1]: int(m[2]) for m in
                      re.finditer(r"^(\w+)\s+listening on \S*?:(\d+)\s*$", self.output(), re.M)}

    @property
    def kafka(self):
        return f"127.0.0.1:{self.ports['kafka']}"

    @property
    def registry(self):
        return f"http://127.0.0.1:{self.ports['registry']}"

    @property
    def connect(self):
        return f"http://127.0.0.1:{self.ports['connect']}"

    def kill(self):
        """kill -9: what a power cut does to the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; a clean stop exits 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"weir did not stop:\n{self.output()[-4000:]}")
        assert code == 0, f"weir exited with {code}:\n{self.output()[-6000:]}"

    def alive(self):
        return self.process.poll() is None


ANY_PORTS = ("--kafka-port", "0", "--registry-port", "0", "--connect-port", "0", "--admin-port", "0")


class Postgres:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.data = self.directory / "pgdata"
        self.port = free_port()
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        # Postgres refuses to run as root: it then runs as the packaged user.
        self.as_user = []
        if os.geteuid() == 0:
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def create(self, *options):
        self.directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            for parent in self.directory.parents:
                if parent.stat().st_uid == os.geteuid() and parent != pathlib.Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "-D", self.data, "-U", "root", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as f:
            f.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nfsync = off\n"
                    f"unix_socket_directories = '{self.directory}'\nmax_prepared_transactions = 10\n")
            for option in options:
                f.write(option + "\n")
        return self

    def _run(self, program, *args):
        return subprocess.run([*self.as_user, str(self.bin / program), *map(str, args)], check=True,
                              cwd=self.directory, capture_output=True, text=True)

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-l", self.directory / "postgres.log", "-w", "-t", "60", "start")
        return self

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-m", mode, "stop")

    def connect(self, dbname="root"):
        import psycopg2
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="root", dbname=dbname)
        connection.autocommit = True
        return connection

    def execute(self, sql, parameters=None):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    @property
    def jdbc_url(self):
        return f"jdbc:postgresql://127.0.0.1:{self.port}/root?user=root&password=secret"


class ApacheKafka:
    def __init__(self, directory, version=None):
        self.directory = pathlib.Path(directory)
        self.environment = {**os.environ, **({"KAFKA_VERSION": version} if version else {})}
        self.port = free_port(2)  # its controller listens on the next one
        self.script = ROOT / "tests/support/apache-kafka"

    def start(self):
        subprocess.run([self.script, "start", "--port", str(self.port), "--dir", str(self.directory)], check=True,
                       env=self.environment)
        return self

    def stop(self, kill=False):
        subprocess.run([self.script, "stop", "--dir", str(self.directory), *(["--kill"] if kill else [])], check=True)

    @property
    def kafka(self):
        return f"127.0.0.1:{self.port}"
