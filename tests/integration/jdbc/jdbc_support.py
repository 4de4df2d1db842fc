"""Runs tests/support/jdbc_dump: the JDBC connector without a worker."""
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
JDBC_DUMP = os.environ.get("JDBC_DUMP", str(ROOT / "build/dev/tests/support/jdbc_dump"))
DEADLINE_S = float(os.environ.get("WEIR_TEST_DEADLINE", "60"))


def wait_for(condition, what, deadline_s=DEADLINE_S):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s} s: {what}")


class Dump:
    def __init__(self, directory, url, *settings, name="dump", offsets=None, arguments=()):
        self.out = pathlib.Path(directory) / f"{name}.out"
        self.err = pathlib.Path(directory) / f"{name}.err"
        self.command = [JDBC_DUMP, *arguments]
        if offsets:
            self.command += ["--offsets", str(pathlib.Path(directory) / offsets)]
        self.command += [f"connection.url={url}", *settings]
        self.process = None
        self.parsed = []
        self.position = 0

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=open(self.out, "wb"),
                                        stderr=open(self.err, "wb"))
        return self

    def __exit__(self, kind, value, trace):
        code = self.stop()
        if kind is None:
            assert code == 0, self.errors()
        else:
            print(self.errors())

    def stop(self):
        """SIGTERM; must end at once, whatever it waits for."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE_S)
        assert time.monotonic() - began < 10
        return code

    def wait_exit(self):
        return self.process.wait(timeout=DEADLINE_S)

    def errors(self):
        return self.err.read_text(errors="replace")

    def records(self):
        """All records so far. Complete lines only."""
        assert not self.process.poll(), self.errors()
        with open(self.out, "rb") as f:
            f.seek(self.position)
            data = f.read()
        end = data.rfind(b"\n") + 1
        self.position += end
        self.parsed += [json.loads(line) for line in data[:end].splitlines()]
        return self.parsed

    def never(self, condition, seconds, what):
        """The condition must stay false for a while: the one place where a test has to wait."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert not condition(), what
            time.sleep(0.02)


def dump_all(directory, url, *settings, count, name="dump", schema=False):
    """Exactly `count` records, then ends."""
    arguments = ["--count", str(count)] + (["--schema"] if schema else [])
    with Dump(directory, url, *settings, name=name, arguments=arguments) as dump:
        assert dump.wait_exit() == 0, dump.errors()
    return dump.records()


def dump_failure(directory, url, *settings, name="failure"):
    """The error that ends it."""
    dump = Dump(directory, url, *settings, name=name)
    dump.__enter__()
    assert dump.wait_exit() == 1, dump.errors()
    return [line for line in dump.errors().splitlines() if line.startswith("FAILED ")][-1] + dump.errors()
