"""A streams application as a program of its own."""
import pathlib
import re
import signal
import subprocess

from harness import DEADLINE_S, WEIR_BIN, wait_for

EXAMPLES = pathlib.Path(WEIR_BIN).resolve().parents[1] / "examples"


class App:
    def __init__(self, directory, name, cluster, registry=None):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state = self.directory / "state"
        self.arguments = [str(EXAMPLES / name.split("-")[0] / f"{name}-app"), f"bootstrap.servers={cluster}",
                          f"state.dir={self.state}", "consumer.session.timeout.ms=6000", "topic.retention.ms=-1"]
        if registry is not None:
            self.arguments.append(f"schema.registry.url={registry}")
        self.log = self.directory / "app.log"
        self.process = None

    def start(self, *settings):
        self.mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.arguments, *settings], stdout=log, stderr=subprocess.STDOUT)
        return self

    def wait_running(self):
        wait_for(lambda: re.search(r"^\S+ RUNNING$", self.output(), re.M), f"running\n{self.output()}")

    def wait_logged(self, event):
        wait_for(lambda: event in self.output(), f"{event}\n{self.output()}")

    def wait_failed(self):
        """The output of an application that gives up by itself."""
        wait_for(lambda: self.process.poll() is not None, "the end of the application")
        assert self.process.returncode == 1, self.output()
        return self.output()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=DEADLINE_S) == 0, self.output()

    def output(self):
        """Of the last start, at most the end of it."""
        if self.process is None:
            return ""
        with open(self.log, "rb") as log:
            log.seek(self.mark)
            return log.read().decode(errors="replace")[-6000:]
