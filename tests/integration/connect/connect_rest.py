"""What the tests of the Connect worker say to it and read back."""
import json
import subprocess
import urllib.error
import urllib.request

from harness import wait_for

JSON = {"Content-Type": "application/json"}
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
JSON_CONVERTER = "org.apache.kafka.connect.json.JsonConverter"
AVRO_CONVERTER = "io.confluent.connect.avro.AvroConverter"


def call(weir, method, path, body=None, headers=JSON):
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(weir.connect + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text, status, got = answer.read(), answer.status, answer.headers
    except urllib.error.HTTPError as error:
        text, status, got = error.read(), error.code, error.headers
    return status, json.loads(text) if text else None, got


def ready(weir):
    wait_for(lambda: call(weir, "GET", "/health")[0] == 200, "worker ready")
    return weir


def status(weir, name):
    return call(weir, "GET", f"/connectors/{name}/status")[1]


def wait_state(weir, name, connector, *tasks):
    def right():
        now = status(weir, name)
        return "connector" in now and now["connector"]["state"] == connector and \
            [t["state"] for t in now["tasks"]] == list(tasks) and now
    return wait_for(right, f"{name} {connector} {tasks}; now {status(weir, name)}")


def consume(weir, topic, count=None):
    """Values (and nothing else) of a topic from its beginning; waits for `count` of them."""
    def read():
        out = subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", topic, "-o", "beginning", "-e", "-q"],
                             capture_output=True, text=True, timeout=30)
        lines = out.stdout.splitlines()
        return lines if count is None or len(lines) >= count else None
    return wait_for(read, f"{count} records in {topic}")


def file_config(path, topic, **more):
    return {"connector.class": FILE_SOURCE, "file": str(path), "topic": topic, **more}
