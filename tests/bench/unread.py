"""What others wait for by TCP while some ask for much and never read what comes."""

import gc
import socket
import struct
import time

CLIENTS = 48
PATIENCE_S = 5   # with the one that reads; who is slower has this for its worst
QUESTIONS = 200  # for a large set, in one write of each client
SOA, PTR = 6, 12


def question(name, kind):
    """A query without EDNS, behind its length."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = b"\0\1\0\0\0\1" + bytes(6) + labels + b"\0" + struct.pack("!2H", kind, 1)
    return struct.pack("!H", len(message)) + message


def connect(port, room=None):
    client = socket.socket()
    if room is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.settimeout(PATIENCE_S)
    client.connect(("127.0.0.1", port))
    return client


def receive(client, size):
    octets = b""
    while len(octets) < size:
        more = client.recv(size - len(octets))
        if not more:
            raise ConnectionError("bench: the server closed the connection of one that reads")
        octets += more
    return octets


def ask(client, wire):
    """Seconds until the reply is there; it has an answer. PATIENCE_S: it is not."""
    begin = time.monotonic()
    try:
        client.sendall(wire)
        reply = receive(client, struct.unpack("!H", receive(client, 2))[0])
    except TimeoutError:
        return PATIENCE_S
    took = time.monotonic() - begin
    if struct.unpack_from("!H", reply, 6)[0] == 0:
        raise SystemExit("bench: no SOA in the answer")
    return took


def push(clients, wire):
    """Each asks on as long as the server takes it. Who is closed has got what it deserves."""
    for client in clients:
        try:
            client.send(wire)
        except (BlockingIOError, ConnectionError):
            pass


def measure(port, zone, seconds):
    """Milliseconds, median and worst, of a connection that asks for the SOA and reads."""
    clients = [connect(port, 4096) for _ in range(CLIENTS)]
    much = question(f"_t0._tcp.{zone}", PTR) * QUESTIONS
    little = question(zone, SOA)
    times = []
    for client in clients:
        client.setblocking(False)
    gc.disable()
    with connect(port) as reader:
        end = time.monotonic() + seconds
        while time.monotonic() < end and (not times or times[-1] < PATIENCE_S * 1000):
            push(clients, much)
            times.append(ask(reader, little) * 1000)
    gc.enable()
    for client in clients:
        client.close()
    times.sort()
    return {"asked": len(times), "median_ms": times[len(times) // 2], "worst_ms": times[-1]}
