"""ExecuteCommand with a session behind it: the agent that AWS puts into tasks, here a process of the laboratory.

It runs the command in a real terminal: in the task's container where tasks are containers, else in the laboratory
itself.
"""

import fcntl
import json
import os
import pty
import shlex
import signal
import struct
import termios

from ministack.services import ecs

from . import channel


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
        said = json.loads(body)
        identity, url, token = channel.begin(Session, words(data, task))
        said["session"] = {"sessionId": identity, "streamUrl": url, "tokenValue": token}
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


class Session(channel.Channel):
    """A command in a terminal."""

    def __init__(self, stream, token, command):
        super().__init__(stream, token)
        self.command = command
        self.terminal, self.child, self.typed, self.odd = None, None, b"", b""

    def begun(self):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            try:
                os.execvp(self.command[0], self.command)
            finally:
                os._exit(127)
        os.set_blocking(self.terminal, False)

    def waiting(self):
        terminal = [self.terminal] if self.terminal is not None else []
        return terminal, terminal if self.typed else []

    def turn(self, readable, writable):
        if writable:
            self.type()
        if self.terminal not in readable:
            return
        try:
            data = os.read(self.terminal, 1000)
        except OSError:  # the terminal's other end is gone
            data = b""
        if data:
            self.write(data)
        else:
            os.waitpid(self.child, 0)
            self.child, self.terminal, self.typed = None, None, b""
            self.close()

    def input(self, of, payload):
        if self.terminal is None:
            return
        if of == channel.SIZE:
            said = json.loads(payload)
            fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", said["rows"], said["cols"], 0, 0))
        elif of == channel.OUTPUT:
            self.typed += payload
            self.type()

    def type(self):
        """What the terminal has no room for waits: the command may first have to get rid of its output."""
        try:
            self.typed = self.typed[os.write(self.terminal, self.typed) :]
        except BlockingIOError:
            pass

    def write(self, data):
        """The agent reads text: of U+FFFD, which stands for what is no text, it passes on the first byte alone."""
        data, self.odd = self.odd + data, b""
        while data[-1:] == b"\xef" or data[-2:] == b"\xef\xbf":
            data, self.odd = data[:-1], data[-1:] + self.odd
        data = data.replace(b"\xef\xbf\xbd", b"\xef")
        if data:
            self.output(data)

    def end(self):
        if self.child:
            os.kill(self.child, signal.SIGKILL)
