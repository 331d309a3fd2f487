"""ExecuteCommand with a session behind it: the agent that AWS puts into tasks, here a process of the laboratory.

It speaks the protocol of Systems Manager's sessions over a WebSocket, and runs the command in a real terminal: in the
task's container where tasks are containers, else in the laboratory itself. It loses each third message the first time
it comes, and sends some output in the wrong order and twice: the client must put up with that.
"""

import fcntl
import hashlib
import json
import os
import pty
import select
import shlex
import signal
import socket
import struct
import termios
import threading
import time
import uuid

import wsproto
import wsproto.events as ws
from ministack.services import ecs

HEADER = struct.Struct(">I32sIQqQ8s8s32sI")
OUTPUT, SIZE, REQUEST, RESPONSE, COMPLETE = 1, 3, 5, 6, 7


def install():
    original = ecs._execute_command

    def execute_command(data):
        status, headers, body = original(data)
        if status != 200:
            return status, headers, body
        task = ecs._resolve_task(data["task"], ecs._resolve_cluster_name(data.get("cluster", "default")))
        if not enabled(task):
            message = (
                "The execute command failed because execute command was not enabled when the task was run or the "
                "execute command agent isn't running. Wait and try again or run a new task with execute command "
                "enabled and try again."
            )
            return ecs.error_response_json("InvalidParameterException", message, 400)
        said, token = json.loads(body), uuid.uuid4().hex
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener, token, words(data, task)), daemon=True).start()
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/data-channel/{token[:8]}?role=publish_subscribe"
        said["session"] = {"sessionId": f"ecs-execute-command-{token[:8]}", "streamUrl": url, "tokenValue": token}
        return ecs.json_response(said)

    ecs._execute_command = execute_command
    tables = [value for value in vars(ecs).values() if isinstance(value, dict) and "ExecuteCommand" in value]
    assert tables, "ministack keeps its actions elsewhere"
    for table in tables:
        table["ExecuteCommand"] = execute_command


def enabled(task):
    """Whether the task, or the service that started it, lets sessions in."""
    name = task.get("group", "").removeprefix("service:")
    services = [service for service in ecs._services.values() if service.get("serviceName") == name]
    return task.get("enableExecuteCommand") or any(service.get("enableExecuteCommand") for service in services)


def words(data, task):
    """What to run, as the agent splits it."""
    command, identities = shlex.split(data["command"]), task.get("_docker_ids") or []
    for container, identity in zip(task["containers"], identities):
        if container["name"] == data["container"]:
            return ["docker", "exec", "-it", identity, *command]
    return command


def serve(listener, token, command):
    listener.settimeout(30)
    stream, _ = listener.accept()
    listener.close()
    Session(stream, token, command).run()


class Session:
    def __init__(self, stream, token, command):
        self.stream, self.token, self.command = stream, token, command
        self.web = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self.next, self.expected, self.closed = 0, 0, False
        self.seen, self.sent, self.early = 0, {}, {}
        self.terminal, self.child, self.typed = None, None, b""

    def run(self):
        deadline = time.monotonic() + 120
        while not self.closed and time.monotonic() < deadline:
            waiting = [self.stream] + ([self.terminal] if self.terminal is not None else [])
            writing = [self.terminal] if self.typed else []
            readable, writable, _ = select.select(waiting, writing, [], 0.2)
            if writable:
                self.type()
            if self.stream in readable:
                data = self.stream.recv(65536)
                self.web.receive_data(data or None)
                for event in self.web.events():
                    self.take(event)
            if self.terminal in readable:
                try:
                    data = os.read(self.terminal, 1000)
                except OSError:  # the terminal's other end is gone
                    data = b""
                if data:
                    self.output(data)
                else:
                    os.waitpid(self.child, 0)
                    self.child, self.terminal, self.typed = None, None, b""
                    closed = {"MessageType": "channel_closed", "Output": ""}
                    self.frame("channel_closed", 0, 0, json.dumps(closed).encode())
        if self.child:
            os.kill(self.child, signal.SIGKILL)
        self.stream.close()

    def take(self, event):
        if isinstance(event, ws.Request):
            self.send(ws.AcceptConnection())
        elif isinstance(event, ws.CloseConnection):
            self.closed = True
        elif isinstance(event, ws.TextMessage):
            said = json.loads(event.data)
            assert said["TokenValue"] == self.token and said["MessageSchemaVersion"] == "1.0", said
            uuid.UUID(said["ClientId"]), uuid.UUID(said["RequestId"])
            parameters = {"SessionType": "InteractiveCommands", "Properties": None}
            actions = [{"ActionType": "SessionType", "ActionParameters": parameters}]
            request = {"AgentVersion": "3.3.987.0", "RequestedClientActions": actions}
            self.numbered(REQUEST, json.dumps(request).encode())
        elif isinstance(event, ws.BytesMessage):
            self.message(bytes(event.data))

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
            self.input(*self.early.pop(self.expected))
            self.expected += 1

    def input(self, of, payload):
        if of == RESPONSE:
            said = json.loads(payload)
            statuses = [action["ActionStatus"] for action in said["ProcessedClientActions"]]
            assert statuses == [1] and not said["Errors"], said
            self.numbered(COMPLETE, json.dumps({"HandshakeTimeToComplete": 1, "CustomerMessage": ""}).encode())
            self.child, self.terminal = pty.fork()
            if self.child == 0:
                try:
                    os.execvp(self.command[0], self.command)
                finally:
                    os._exit(127)
            os.set_blocking(self.terminal, False)
        elif self.terminal is None:
            return
        elif of == SIZE:
            said = json.loads(payload)
            fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", said["rows"], said["cols"], 0, 0))
        elif of == OUTPUT:
            self.typed += payload
            self.type()

    def type(self):
        """What the terminal has no room for waits: the command may first have to get rid of its output."""
        try:
            self.typed = self.typed[os.write(self.terminal, self.typed) :]
        except BlockingIOError:
            pass

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
