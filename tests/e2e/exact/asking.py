"""Many messages to one server: by UDP a window of them, by TCP some to a connection.

Some are never answered. Which ones is known without waiting for long: behind them goes a question
that is surely answered (`last`), and each of these servers has one thread, which takes one after the
other. What is not answered then is asked again, as a datagram may be lost.
"""
import selectors
import socket
import struct
import time

import lib

WINDOW = 200
QUIET_S = (0, 0.1, 0.3)  # of each round: how long a reply may come behind the one to `last`
AGAIN_S = 1  # `last` itself is asked again, and at last given up
LAST = 0xFFFF  # its ID


def ask_udp(servers, wires, last):
    """{server name: [octets or None]}; each message has its ID set to its index."""
    replies = {server.name: [None] * len(wires) for server in servers}
    left = {server.name: list(range(len(wires))) for server in servers}
    for quiet_s in QUIET_S:
        with selectors.DefaultSelector() as selector:
            lanes = [
                Lane(server, wires, left[server.name], last, quiet_s * lib.PATIENCE, selector)
                for server in servers
            ]
            run_lanes(lanes, selector, replies)
            for lane in lanes:
                lane.socket.close()
                left[lane.name] = sorted(lane.lost)
        if not any(left.values()):
            break
    return replies


class Lane:
    """What goes to one server."""

    def __init__(self, server, wires, todo, last, quiet_s, selector):
        self.name = server.name
        self.wires = wires
        self.todo = list(reversed(todo))
        self.last = numbered(last, LAST)
        self.quiet_s = quiet_s
        self.flying = set()
        self.lost = []
        self.asked_last = 0  # when
        self.tries = 0
        self.over = None  # when what flies is given up: `last` is answered
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.socket.connect((server.address, server.port))
        selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self, now):
        """A window, and `last` behind it."""
        if not self.flying and self.todo:
            while self.todo and len(self.flying) < WINDOW:
                index = self.todo.pop()
                self.socket.send(numbered(self.wires[index], index))
                self.flying.add(index)
            self.over = None
            self.tries = 0
            self.asked_last = 0
        if self.flying and self.over is None and now > self.asked_last + AGAIN_S:
            self.tries += 1
            if self.tries > 2 * lib.DEADLINE_S:
                raise lib.Failure(f"{self.name} does not answer")
            self.socket.send(self.last)
            self.asked_last = now

    def receive(self, replies, now):
        while True:
            try:
                wire = self.socket.recv(65535)
            except BlockingIOError:
                break
            index = struct.unpack("!H", wire[:2])[0]
            if index == LAST and self.over is None:
                self.over = now + self.quiet_s
            elif index in self.flying:
                self.flying.remove(index)
                replies[index] = wire
        if self.over is not None and now >= self.over:
            self.lost += self.flying
            self.flying.clear()

    def is_over(self):
        return not self.flying and not self.todo


def run_lanes(lanes, selector, replies):
    while not all(lane.is_over() for lane in lanes):
        for lane in lanes:
            lane.send(time.monotonic())
        selector.select(0.02)
        now = time.monotonic()
        for lane in lanes:
            lane.receive(replies[lane.name], now)


def numbered(wire, number):
    return struct.pack("!H", number) + wire[2:]


def ask_tcp(server, wires, last, on_connection=20):
    """[octets or None]; what a closed connection leaves is asked on one of its own."""
    replies = []
    for at in range(0, len(wires), on_connection):
        some = wires[at : at + on_connection]
        got = exchange(server, some, at, last)
        if None in got:
            got = [one or exchange(server, [wire], at + i, last)[0] for i, (one, wire) in
                   enumerate(zip(got, some))]  # fmt: skip
        replies += got
    return replies


def exchange(server, wires, first, last):
    got = [None] * len(wires)
    with socket.create_connection((server.address, server.port), lib.DEADLINE_S) as client:
        some = [numbered(wire, first + i & 0x7FFF) for i, wire in enumerate(wires)]
        try:
            client.sendall(b"".join(map(lib.framed, [*some, numbered(last, LAST)])))
            while None in got:
                wire = lib.receive_message(client)
                (number,) = struct.unpack("!H", wire[:2])
                if number == LAST:
                    client.settimeout(0.2 * lib.PATIENCE)  # the others were answered, or never are
                else:
                    got[number - first & 0x7FFF] = wire
        except (TimeoutError, ConnectionError):
            pass
    return got
