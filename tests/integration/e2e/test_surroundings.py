"""What surrounds the process: addresses, limits of the system, closed descriptors, settings from every source."""
import os
import re
import resource
import signal
import socket
import subprocess
import time

import pytest
import requests
import yaml

import fraud
from harness import ANY_PORTS, ROOT, WEIR_BIN, free_port, wait_for


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def address(weir, role):
    return re.search(rf"^{role} +listening on (\S+)$", weir.output(), re.M)[1]


def produce_and_consume(kafka):
    subprocess.run(["kcat", "-b", kafka, "-P", "-t", "t"], input=b"hello", check=True, timeout=30)
    out = subprocess.run(["kcat", "-b", kafka, "-C", "-t", "t", "-e", "-q"], check=True, timeout=30, capture_output=True).stdout
    assert b"hello" in out


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6(make_weir, host):
    weir = make_weir("--kafka-host", host, "--registry-host", host, "--connect-host", host, "--admin-host", host, start=False)
    weir.start()
    assert f"[{host}]:" in address(weir, "kafka") and "weir is ready" in weir.output()
    port = address(weir, "kafka").rsplit(":", 1)[1]
    produce_and_consume(f"[::1]:{port}")
    for role, path in (("registry", "/subjects"), ("connect", "/connectors"), ("admin", "/status/ready")):
        assert requests.get(address(weir, role).replace("[::]", "[::1]") + path, timeout=10).status_code == 200
    fraud.weir_cli(f"[::1]:{port}", "topic", "list")


@pytest.mark.parametrize("arguments", [["--kafka-host", "localhost", "--registry-host", "localhost"], ["--kafka-host", "0.0.0.0"],
                                       ["--kafka-host", "0.0.0.0", "--kafka-advertised-host", "localhost"]])
def test_names_and_all_addresses(make_weir, arguments):
    weir = make_weir(*arguments)
    assert "weir is ready" in weir.output()
    produce_and_consume(f"localhost:{weir.ports['kafka']}")


def test_an_advertised_name_that_does_not_resolve(make_weir):
    """Every client would fail at it, the parts of this process too: the log says why, /status/ready says who."""
    weir = make_weir("--kafka-host", "0.0.0.0", "--kafka-advertised-host", "no.such.host.invalid")
    assert "registry still waits for the Kafka cluster at no.such.host.invalid:" in weir.output()
    assert "Failed to resolve 'no.such.host.invalid" in weir.output()
    answer = requests.get(address(weir, "admin") + "/status/ready", timeout=10)
    assert (answer.status_code, answer.json()) == (503, {"status": "booting", "waiting": "registry"})


def test_two_wholes_side_by_side(make_weir):
    first, second = make_weir(), make_weir()
    produce_and_consume(first.kafka)
    assert "t" not in fraud.weir_cli(second.kafka, "topic", "list").stdout.split()
    for weir in (first, second):
        assert requests.get(address(weir, "admin") + "/status/ready", timeout=10).json() == {"status": "ready"}


def test_standard_streams_that_are_closed_or_full(tmp_path):
    """Nothing that is printed or logged may end up in a file of the data directory, and nothing stops for it."""
    port = free_port()
    for redirection in ("<&- >&- 2>&-", ">/dev/full 2>/dev/full", "| head -n 1"):
        data = tmp_path / f"data{len(redirection)}"
        run = f'echo $$ >{tmp_path}/pid; exec "$0" "$@" '
        script = f"sh -c '{run}' \"$0\" \"$@\" {redirection}" if "|" in redirection else run + redirection
        process = subprocess.Popen(["sh", "-c", script, WEIR_BIN, "start", "--roles", "broker", "--data-dir", str(data), *ANY_PORTS[2:],
                                    "--kafka-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), timeout=1), "listening")
        pid = int((tmp_path / "pid").read_text())
        try:
            produce_and_consume(f"127.0.0.1:{port}")
            files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)]
        finally:
            os.kill(pid, signal.SIGTERM)
        assert not [f for f in files if str(data) in f], redirection
        assert process.wait(timeout=30) == 0, redirection
        assert (data / ".kafka_cleanshutdown").exists()


def test_few_open_files(make_weir):
    """256 files carry the whole stack; a topic that would need more is refused with the limit, and leaves nothing behind."""
    weir = make_weir()
    resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (256, 256))
    produce_and_consume(weir.kafka)
    refused = fraud.weir_cli(weir.kafka, "topic", "create", "big", "-p", "100", check=False)
    assert refused.returncode == 1 and "100 partitions" in refused.stdout and "ulimit -n" in refused.stdout, refused.stdout
    assert not list((weir.directory / "data").glob("big-*"))
    fraud.weir_cli(weir.kafka, "topic", "create", "big", "-p", "2")
    produce_and_consume(weir.kafka)
    assert "partition.stopped" not in weir.output()


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 6000, reason="few files may be open here")
def test_many_partitions(make_weir):
    """Thousands are made, survive a restart and are deleted in seconds: not one by one with a disk write each."""
    weir = make_weir("--roles", "broker")
    fraud.weir_cli(weir.kafka, "topic", "create", "big", "-p", "4000")
    subprocess.run(["kcat", "-b", weir.kafka, "-P", "-t", "big", "-p", "3999"], input=b"last", check=True, timeout=30)
    weir.stop()
    weir.start()
    out = subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", "big", "-p", "3999", "-e", "-q"], check=True, timeout=30, capture_output=True)
    assert out.stdout == b"last\n"
    begin = time.monotonic()
    fraud.weir_cli(weir.kafka, "topic", "delete", "big")
    assert time.monotonic() - begin < 10
    fraud.weir_cli(weir.kafka, "topic", "create", "big", "-p", "1")
    produce_and_consume(weir.kafka)


def options():
    """Every row of docs/configuration.md: (key, type, default)."""
    text = (ROOT / "docs/configuration.md").read_text()
    return [(m[1], m[2], m[3]) for m in re.finditer(r"^\| `([a-z.]+)` \| (\w+) \| (.*?) \|", text, re.M)]


def settings(tmp_path):
    """A value that is allowed for each key, ports being any."""
    special = {"bootstrap.servers": None, "connect.properties": None, "streams.schema.registry.url": None, "streams.app": None,
               "data.dir": str(tmp_path / "data"), "streams.state.dir": str(tmp_path / "state"), "kafka.advertised.host": "127.0.0.1",
               "kafka.advertised.port": None, "roles": ["broker", "registry", "connect", "streams"]}
    found = {}
    for key, kind, default in options():
        value = special[key] if key in special else "0" if key.endswith(".port") else default
        if value is not None:
            found[key] = value
    assert len(found) > 30
    return found


@pytest.mark.parametrize("form", ["flat", "nested", "environment", "flags"])
def test_every_setting_from_every_source(tmp_path, form):
    given = settings(tmp_path)
    command, env = [WEIR_BIN, "start"], dict(os.environ)
    if form in ("flat", "nested"):
        tree = {}
        for key, value in given.items():
            first, _, rest = key.partition(".")
            if form == "flat" or not rest:
                tree[key] = value
            else:
                tree.setdefault(first, {})[rest] = value
        path = tmp_path / "weir.yaml"
        path.write_text(yaml.safe_dump(tree))
        command += ["--config", str(path)]
    for key, value in given.items():
        value = ",".join(value) if isinstance(value, list) else value
        if form == "environment":
            env["WEIR_" + key.upper().replace(".", "_")] = value
        elif form == "flags":
            command += ["--" + key.replace(".", "-"), value]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "weir is ready" in line:
                break
        assert lines and "weir is ready" in lines[-1], process.stderr.read()
        assert (tmp_path / "data/.lock").exists()
    finally:
        process.send_signal(signal.SIGTERM)
        process.stderr.close()
        assert process.wait(timeout=60) == 0


def test_a_list_may_be_given_in_several_flags(make_weir):
    apps = [fraud.APPS["count"], fraud.APPS["distance"]]
    weir = make_weir(*(word for app in apps for word in ("--streams-app", str(app))))
    for app in apps:
        assert f"path={app}" in weir.output()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user, and to mount")
def test_as_nobody_and_on_a_read_only_file_system(tmp_path):
    directory = tmp_path / "disk"
    directory.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=777", "weir-test", str(directory)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr}")
    try:
        binary = directory / "weir"
        binary.write_bytes(open(WEIR_BIN, "rb").read())
        binary.chmod(0o755)
        for path in tmp_path.parents:
            if str(path).startswith("/tmp/") and path.stat().st_uid == 0:
                path.chmod(path.stat().st_mode | 0o011)
        tmp_path.chmod(tmp_path.stat().st_mode | 0o011)
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(binary), "start", "--data-dir",
                     str(directory / "data"), *ANY_PORTS]
        process = subprocess.Popen(as_nobody, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert any("weir is ready" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        subprocess.run(["mount", "-o", "remount,ro", str(directory)], check=True)
        refused = subprocess.run(as_nobody, capture_output=True, text=True, timeout=30)
        assert refused.returncode == 1
        assert "Read-only file system" in refused.stderr and str(directory / "data") in refused.stderr, refused.stderr
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
