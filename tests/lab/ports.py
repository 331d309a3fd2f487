"""StartSession that forwards to a port: ministack does not know it.

As the agent of a task does, it carries many connections at once over one session, in frames of smux, version 1. Where
tasks are no containers, a port of theirs is one of this machine.
"""

import json
import socket
import struct

from ministack.core import iam_actions
from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs, ssm

from . import channel
from .agent import enabled

FRAME = struct.Struct("<BBHI")
OPEN, END, DATA, ALIVE = 0, 1, 2, 3
TERMINATE, NO_CONNECTION = 2, 3
DOCUMENTS = {"AWS-StartPortForwardingSession", "AWS-StartPortForwardingSessionToRemoteHost"}


def install():
    handle = ssm.handle_request

    async def handle_sessions(method, path, headers, body, query_params):
        action = headers.get("x-amz-target", "").split(".")[-1]
        if action == "StartSession":
            return start(json.loads(body))
        if action == "TerminateSession":
            return json_response({"SessionId": json.loads(body)["SessionId"]})
        return await handle(method, path, headers, body, query_params)

    ssm.handle_request = handle_sessions
    authorize()


def authorize():
    """A session is started in a task, and ended under its own name; ministack knows neither as a resource."""
    extract = iam_actions.extract_resource_arn

    def with_sessions(service, method, path, headers, body, query_params, region, account):
        action = headers.get("x-amz-target", "").split(".")[-1]
        if service == "ssm" and action == "StartSession":
            cluster, task, _ = json.loads(body)["Target"].removeprefix("ecs:").rsplit("_", 2)
            return f"arn:aws:ecs:{region}:{account}:task/{cluster}/{task}"
        if service == "ssm" and action == "TerminateSession":
            return f"arn:aws:ssm:{region}:{account}:session/{json.loads(body)['SessionId']}"
        return extract(service, method, path, headers, body, query_params, region, account)

    iam_actions.extract_resource_arn = with_sessions


def start(data):
    cluster, task_id, runtime = data["Target"].removeprefix("ecs:").rsplit("_", 2)
    task = ecs._resolve_task(task_id, cluster)
    runs = task and task["lastStatus"] == "RUNNING" and enabled(task)
    if not runs or runtime not in [container["runtimeId"] for container in task["containers"]]:
        return error_response_json("TargetNotConnected", f"{data['Target']} is not connected.", 400)
    assert data["DocumentName"] in DOCUMENTS, data
    parameters = data["Parameters"]
    inside = ecs._task_ip(task) if task.get("_docker_ids") else "127.0.0.1"
    host = parameters.get("host", [inside])[0]
    assert ("host" in parameters) == data["DocumentName"].endswith("RemoteHost"), data
    identity, url, token = channel.begin(Session, task, host, parameters)
    return json_response({"SessionId": identity, "StreamUrl": url, "TokenValue": token})


class Connection:
    def __init__(self, stream):
        self.stream, self.unwritten, self.ended = stream, b"", False


class Session(channel.Channel):
    kind = "Port"

    def __init__(self, stream, token, task, host, parameters):
        super().__init__(stream, token)
        self.task = task
        self.address = host, int(parameters["portNumber"][0])
        self.properties = {name: values[0] for name, values in parameters.items()} | {"type": "LocalPortForwarding"}
        self.partial, self.connections = b"", {}

    def begun(self):
        # The agent carries one connection at a time for an older client, in another way.
        assert [int(part) for part in self.version.split(".")][:3] >= [1, 1, 70], self.version

    def waiting(self):
        connections = self.connections.values()
        writing = [connection.stream for connection in connections if connection.unwritten]
        return [connection.stream for connection in connections], writing

    def turn(self, readable, writable):
        if self.task["lastStatus"] == "STOPPED":
            self.close()
            self.closed = True
        for number, connection in list(self.connections.items()):
            if connection.stream in writable:
                self.write(number, connection)
            if connection.stream in readable and number in self.connections:
                try:
                    data = connection.stream.recv(1000)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if data:
                    self.say(DATA, number, data)
                else:
                    self.drop(number)

    def input(self, of, payload):
        if of == channel.FLAG:
            assert struct.unpack(">I", payload) == (TERMINATE,), payload
            self.close()
            self.closed = True
            return
        assert of == channel.OUTPUT, of
        self.partial += payload
        while len(self.partial) >= FRAME.size:
            version, command, length, number = FRAME.unpack_from(self.partial)
            assert version == 1 and command <= ALIVE, self.partial[:8]
            if len(self.partial) < FRAME.size + length:
                return
            data, self.partial = self.partial[FRAME.size : FRAME.size + length], self.partial[FRAME.size + length :]
            self.hear(command, number, data)

    def hear(self, command, number, data):
        connection = self.connections.get(number)
        if command == OPEN:
            assert number % 2 == 1 and connection is None, number
            self.connect(number)
        elif command == DATA and connection:
            connection.unwritten += data
            self.write(number, connection)
        elif command == END and connection:
            # As the agent does: it knows no connection of which one half has ended.
            connection.ended = True
            self.write(number, connection)

    def connect(self, number):
        try:
            stream = socket.create_connection(self.address, timeout=5)
        except OSError:
            self.numbered(channel.FLAG, struct.pack(">I", NO_CONNECTION))
            self.say(END, number)
            return
        stream.setblocking(False)
        self.connections[number] = Connection(stream)

    def write(self, number, connection):
        try:
            while connection.unwritten:
                connection.unwritten = connection.unwritten[connection.stream.send(connection.unwritten) :]
        except BlockingIOError:
            return
        except OSError:
            connection.ended, connection.unwritten = True, b""
        if connection.ended:
            self.drop(number)

    def drop(self, number):
        self.connections.pop(number).stream.close()
        self.say(END, number)

    def say(self, command, number, data=b""):
        self.output(FRAME.pack(1, command, len(data), number) + data)

    def end(self):
        for connection in self.connections.values():
            connection.stream.close()
