"""A gate in front of a broker: what is produced to a topic does not get through while the topic is held.

A client that is given the gate's address stays behind it: addresses in the broker's answers are replaced by the gate's.
The request vanishes without an answer, as when the broker dies with it; requests behind it on the same connection go on.
"""
import socket
import struct
import threading

PRODUCE = 0


class ProduceGate:
    def __init__(self, broker):
        host, port = broker.rsplit(":", 1)
        self.broker = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.held = {}  # topic -> requests that did not get through
        self.closed = False
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def kafka(self):
        return f"127.0.0.1:{self.port}"

    def hold(self, *topics):
        self.held = {topic: 0 for topic in topics}

    def close(self):
        self.closed = True
        for s in self.sockets:
            s.close()

    def _accept(self):
        while not self.closed:
            try:
                client, _ = self.listener.accept()
                broker = socket.create_connection(self.broker)
            except OSError:
                continue
            self.sockets += [client, broker]
            for source, target, pass_on in ((client, broker, self._request), (broker, client, self._response)):
                threading.Thread(target=self._pump, args=(source, target, pass_on), daemon=True).start()

    def _pump(self, source, target, pass_on):
        stream = source.makefile("rb")
        try:
            while len(head := stream.read(4)) == 4:
                frame = pass_on(stream.read(struct.unpack(">i", head)[0]))
                if frame is not None:
                    target.sendall(head + frame)
        except (OSError, ValueError):
            pass  # one side has gone
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _request(self, frame):
        if struct.unpack(">h", frame[:2])[0] == PRODUCE:
            for topic in self.held:
                if topic.encode() in frame:
                    self.held[topic] += 1
                    return None
        return frame

    def _response(self, frame):
        port = struct.pack(">i", self.broker[1])
        for host in (b"127.0.0.1", b"localhost"):
            frame = frame.replace(host + port, host + struct.pack(">i", self.port))
        return frame
