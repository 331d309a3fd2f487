"""The agent's end of a session's data channel: the protocol of Systems Manager's sessions over a WebSocket.

It loses each third message the first time it comes, and sends some output in the wrong order and twice: the client must
put up with that.
"""

import hashlib
import json
import select
import socket
import struct
import threading
import time
import uuid

import wsproto
import wsproto.events as ws

HEADER = struct.Struct(">I32sIQqQ8s8s32sI")
OUTPUT, SIZE, REQUEST, RESPONSE, COMPLETE, FLAG = 1, 3, 5, 6, 7, 10


def begin(session, *arguments):
    """Waits for a client of a new session; the result is the session's id, its address and its token."""
    token = uuid.uuid4().hex
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, session, token, *arguments), daemon=True).start()
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/data-channel/{token[:8]}?role=publish_subscribe"
    return f"ecs-execute-command-{token[:8]}", url, token


def serve(listener, session, token, *arguments):
    listener.settimeout(30)
    stream, _ = listener.accept()
    listener.close()
    session(stream, token, *arguments).run()


class Channel:
    """What kinds of sessions have in common: they say in `begun`, `input` and `turn` what they do."""

    # What the client is asked to be.
    kind, properties = "InteractiveCommands", None

    def __init__(self, stream, token):
        self.stream, self.token = stream, token
        self.web = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self.next, self.expected, self.closed = 0, 0, False
        self.seen, self.sent, self.early = 0, {}, {}
        self.version, self.partly = None, b""

    def run(self):
        deadline = time.monotonic() + 120
        while not self.closed and time.monotonic() < deadline:
            reading, writing = self.waiting()
            readable, writable, _ = select.select([self.stream, *reading], writing, [], 0.2)
            if self.stream in readable:
                data = self.stream.recv(65536)
                self.web.receive_data(data or None)
                for event in self.web.events():
                    self.take(event)
            self.turn(readable, writable)
        self.end()
        self.stream.close()

    def waiting(self):
        """What else is read, and written."""
        return [], []

    def turn(self, readable, writable):
        pass

    def begun(self):
        pass

    def input(self, of, payload):
        pass

    def end(self):
        pass

    def close(self, why=""):
        closed = {"MessageType": "channel_closed", "Output": why}
        self.frame("channel_closed", 0, 0, json.dumps(closed).encode())

    def take(self, event):
        if isinstance(event, ws.Request):
            self.send(ws.AcceptConnection())
        elif isinstance(event, ws.CloseConnection):
            self.closed = True
        elif isinstance(event, ws.Ping):
            self.send(event.response())
        elif isinstance(event, ws.TextMessage):
            said = json.loads(event.data)
            assert said["TokenValue"] == self.token and said["MessageSchemaVersion"] == "1.0", said
            uuid.UUID(said["ClientId"]), uuid.UUID(said["RequestId"])
            parameters = {"SessionType": self.kind, "Properties": self.properties}
            actions = [{"ActionType": "SessionType", "ActionParameters": parameters}]
            request = {"AgentVersion": "3.3.987.0", "RequestedClientActions": actions}
            self.numbered(REQUEST, json.dumps(request).encode())
        elif isinstance(event, ws.BytesMessage):
            # A message comes in parts when its frame does.
            self.partly += event.data
            if event.message_finished:
                message, self.partly = bytes(self.partly), b""
                self.message(message)

    def message(self, data):
        length, kind, version, _, sequence, _, low, high, digest, of = HEADER.unpack_from(data)
        (size,) = struct.unpack_from(">I", data, length)
        payload = data[length + 4 :]
        assert (length, version, size) == (116, 1, len(payload)), (length, version, size)
        assert digest == hashlib.sha256(payload).digest()
        kind, identity = kind.decode().rstrip(), str(uuid.UUID(bytes=high + low))
        if kind == "acknowledge":
            said = json.loads(payload)
            assert said["AcknowledgedMessageType"] == "output_stream_data", said
            assert said["AcknowledgedMessageId"] in self.sent[said["AcknowledgedMessageSequenceNumber"]], said
            return
        assert kind == "input_stream_data", kind
        self.seen += 1
        if self.seen % 3 == 0 and sequence >= self.expected and sequence not in self.early:
            return  # lost on its way
        said = {
            "AcknowledgedMessageType": kind,
            "AcknowledgedMessageId": identity,
            "AcknowledgedMessageSequenceNumber": sequence,
            "IsSequentialMessage": True,
        }
        self.frame("acknowledge", 0, 0, json.dumps(said).encode())
        if sequence >= self.expected:
            self.early[sequence] = (of, payload)
        while self.expected in self.early:
            self.arrived(*self.early.pop(self.expected))
            self.expected += 1

    def arrived(self, of, payload):
        if of != RESPONSE:
            self.input(of, payload)
            return
        said = json.loads(payload)
        statuses = [action["ActionStatus"] for action in said["ProcessedClientActions"]]
        assert statuses == [1] and not said["Errors"], said
        self.version = said["ClientVersion"]
        self.numbered(COMPLETE, json.dumps({"HandshakeTimeToComplete": 1, "CustomerMessage": ""}).encode())
        self.begun()

    def output(self, data):
        """Cut in two, of which the second goes first, and the first then twice."""
        first = self.reserve()
        self.numbered(OUTPUT, data[1:])
        self.numbered(OUTPUT, data[:1], first)
        self.numbered(OUTPUT, data[:1], first)

    def reserve(self):
        self.next += 1
        return self.next - 1

    def numbered(self, of, payload, sequence=None):
        sequence = self.reserve() if sequence is None else sequence
        self.sent.setdefault(sequence, []).append(self.frame("output_stream_data", sequence, of, payload))

    def frame(self, kind, sequence, of, payload):
        identity = uuid.uuid4()
        digest = hashlib.sha256(payload).digest()
        now, halves = int(time.time() * 1000), (identity.bytes[8:], identity.bytes[:8])
        header = HEADER.pack(116, kind.ljust(32).encode(), 1, now, sequence, 0, *halves, digest, of)
        self.send(ws.BytesMessage(header + struct.pack(">I", len(payload)) + payload))
        return str(identity)

    def send(self, event):
        try:
            self.stream.sendall(self.web.send(event))
        except OSError:
            self.closed = True
