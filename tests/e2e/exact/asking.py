"""Many messages to one server: by UDP a window of them, by TCP some to a connection."""
import selectors
import socket
import struct
import time

import lib

WINDOW = 200
QUIET_S = 0.4  # what is not answered by then is asked again, at last given up
ROUNDS = 3


def ask_udp(servers, wires):
    """{server name: [octets or None]}; each message has its ID set to its index."""
    replies = {server.name: [None] * len(wires) for server in servers}
    left = {server.name: list(range(len(wires))) for server in servers}
    for _ in range(ROUNDS):
        with selectors.DefaultSelector() as selector:
            lanes = [Lane(server, wires, left[server.name], selector) for server in servers]
            run_lanes(lanes, selector, replies)
            for lane in lanes:
                lane.socket.close()
                left[lane.name] = sorted(lane.lost)
        if not any(left.values()):
            break
    return replies


class Lane:
    """What goes to one server."""

    def __init__(self, server, wires, todo, selector):
        self.name = server.name
        self.wires = wires
        self.todo = list(reversed(todo))
        self.flying = {}
        self.lost = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.socket.connect((server.address, server.port))
        selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self):
        while self.todo and len(self.flying) < WINDOW:
            index = self.todo.pop()
            self.socket.send(struct.pack("!H", index) + self.wires[index][2:])
            self.flying[index] = time.monotonic()

    def receive(self, replies):
        while True:
            try:
                wire = self.socket.recv(65535)
            except BlockingIOError:
                return
            index = struct.unpack("!H", wire[:2])[0]
            if self.flying.pop(index, None):
                replies[index] = wire

    def is_over(self):
        """Also gives up what flies for too long."""
        limit = time.monotonic() - QUIET_S * lib.PATIENCE
        late = [index for index, sent in self.flying.items() if sent < limit]
        for index in late:
            del self.flying[index]
        self.lost += late
        return not self.flying and not self.todo


def run_lanes(lanes, selector, replies):
    while not all(lane.is_over() for lane in lanes):
        for lane in lanes:
            lane.send()
        for key, _ in selector.select(0.05):
            key.data.receive(replies[key.data.name])


def ask_tcp(server, wires, on_connection=20):
    """[octets or None]; what a closed connection leaves is asked on one of its own."""
    replies = []
    for at in range(0, len(wires), on_connection):
        some = wires[at : at + on_connection]
        got = exchange(server, some, at)
        if None in got:
            got = [one or exchange(server, [wire], at + i)[0] for i, (one, wire) in
                   enumerate(zip(got, some))]  # fmt: skip
        replies += got
    return replies


def exchange(server, wires, first):
    got = [None] * len(wires)
    with socket.create_connection((server.address, server.port), 0.5 * lib.PATIENCE) as client:
        numbered = (struct.pack("!H", first + i & 0xFFFF) + w[2:] for i, w in enumerate(wires))
        try:
            client.sendall(b"".join(lib.framed(wire) for wire in numbered))
            while None in got:
                wire = lib.receive_message(client)
                got[struct.unpack("!H", wire[:2])[0] - first & 0xFFFF] = wire
        except (TimeoutError, ConnectionError):
            pass
    return got
