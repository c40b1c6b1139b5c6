"""What the cases share: a waggled of one's own, and the programs that speak to it.

Everything waits for an event with a deadline. A server is ended by its process id when the case
ends, however it ends.
"""
import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update

WAGGLED = os.environ.get("WAGGLED", "src/waggled/waggled")
CASE = pathlib.Path(os.environ.get("CASE", "."))
TOP = pathlib.Path(os.environ.get("TOP", "."))
SLOW = 5 if "tsan" in os.environ.get("BUILD", "") or "asan" in os.environ.get("BUILD", "") else 1
UPDATE_LEASE = 2  # EDNS option, RFC 9664


def fail(text):
    print(f"FAILED: {text}", flush=True)
    for server in Server.all:
        print(f"---- log of {server.conf}", flush=True)
        print("\n".join(server.lines[-40:]), flush=True)
    sys.exit(1)


def check(is_true, text):
    if not is_true:
        fail(text)


def equal(seen, wanted, text=""):
    if seen != wanted:
        fail(f"{text}\n  wanted: {wanted!r}\n  seen:   {seen!r}")


def skip(text):
    print(text, flush=True)
    sys.exit(77)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None and not os.access(f"/usr/sbin/{program}", os.X_OK):
            skip(f"{program} is not installed")


def until(fn, what, seconds=10):
    """What fn returns as soon as it is true."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > deadline:
            fail(f"not seen in {seconds * SLOW} s: {what}")
        time.sleep(0.02)


def free_port():
    """A port of 127.0.0.1 that is free for UDP and TCP now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue


REGISTRY = """
  - name: svc.example
    registry:
      lease: {min: 1s, max: 2h, default: permanent}
      ttl: {derived: 1s}
"""


def write_conf(zones=REGISTRY, keys="", listen="127.0.0.1@0", extra="", name="waggled.conf"):
    """A configuration in the working directory; data in ./data."""
    text = f"""server:
  listen: ["{listen}"]
  threads: 1
  data: data
  name: ns1.example.
{extra}
"""
    if keys:
        text += f"key:\n{keys}\n"
    text += f"zone:\n{zones}\n"
    pathlib.Path(name).write_text(text)
    return name


class Server:
    all = []

    def __init__(self, conf="waggled.conf", args=None, ready=True, cwd=None):
        self.conf = conf
        self.lines = []
        self.news = threading.Condition()
        self.port = None
        self.address = "127.0.0.1"
        self.process = subprocess.Popen(
            args if args is not None else [WAGGLED, "-c", conf],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
        )
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        Server.all.append(self)
        if ready:
            self.wait_ready()

    def _read(self):
        for line in self.process.stderr:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.lines.append("(end of log)")
            self.news.notify_all()

    def wait_log(self, pattern, seconds=20, start=0):
        """The first line from `start` on that matches."""
        deadline = time.monotonic() + seconds * SLOW
        with self.news:
            while True:
                for line in self.lines[start:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or self.lines[-1:] == ["(end of log)"]:
                    break
                self.news.wait(left)
        fail(f"not in the log: {pattern}")

    def count_log(self, pattern):
        return sum(1 for line in list(self.lines) if re.search(pattern, line))

    def wait_ready(self):
        found = self.wait_log(r'msg="?ready"? listen=([0-9.]+)@([0-9]+)')
        self.address, self.port = found.group(1), int(found.group(2))

    def kill(self):
        """As a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=20):
        """SIGTERM; the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds=20):
        try:
            code = self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            fail("waggled does not end")
        self.reader.join(5)
        return code

    def hup(self):
        """Asks for a reload; the number of log lines before."""
        count = len(self.lines)
        os.kill(self.pid, signal.SIGHUP)
        return count

    # ---- the control socket

    def control(self, request, path="data/control"):
        """One request, as octets or as an object; its answer."""
        if not isinstance(request, bytes):
            request = json.dumps(request).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(10 * SLOW)
            sock.connect(path)
            sock.sendall(request + b"\n")
            return json.loads(read_line(sock))

    def status(self):
        answer = self.control({"command": "status"})
        check(answer.get("ok") is True, f"status: {answer}")
        return answer

    def zone_status(self, name="svc.example."):
        for zone in self.status()["zones"]:
            if zone["name"] == name:
                return zone
        return None

    def instance_status(self, name, zone="svc.example."):
        for instance in self.zone_status(zone)["instances"]:
            if instance["name"] == name:
                return instance
        return None

    # ---- DNS

    def query(self, name, rdtype, tcp=False, timeout=5, **options):
        message = dns.message.make_query(name, rdtype, **options)
        message.flags &= ~dns.flags.RD
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(message, self.address, timeout * SLOW, self.port)

    def texts(self, name, rdtype, **options):
        """The answer's RDATA as sorted texts."""
        reply = self.query(name, rdtype, **options)
        kind = dns.rdatatype.from_text(rdtype)
        return sorted(rr.to_text() for rrset in reply.answer if rrset.rdtype == kind for rr in rrset)

    def send(self, message, tcp=False, timeout=5):
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(message, self.address, timeout * SLOW, self.port)

    def dig(self, *args):
        return run("dig", f"@{self.address}", "-p", str(self.port), "+norec", "+tries=1", *args)

    def nsupdate(self, script, *options):
        """The completed process; a failed update has code 2."""
        lines = f"server {self.address} {self.port}\n{script}\nsend\n"
        return subprocess.run(
            ["nsupdate", *options],
            input=lines,
            capture_output=True,
            text=True,
            timeout=30 * SLOW,
        )


def read_line(sock):
    data = b""
    while not data.endswith(b"\n"):
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def end_servers():
    for server in Server.all:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


atexit.register(end_servers)


def run(*args, code=0, **options):
    """Standard output of a program that must end with `code`."""
    done = subprocess.run(
        [str(arg) for arg in args], capture_output=True, text=True, timeout=60 * SLOW, **options
    )
    if code is not None and done.returncode != code:
        fail(f"{' '.join(map(str, args))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- UPDATE with leases, which nsupdate cannot


def lease_option(lease_s, key_lease_s=None):
    if key_lease_s is None:
        return dns.edns.GenericOption(UPDATE_LEASE, struct.pack("!I", lease_s))
    return dns.edns.GenericOption(UPDATE_LEASE, struct.pack("!II", lease_s, key_lease_s))


def granted(reply):
    """The lease of a reply: (lease,), (lease, key lease), or None."""
    for option in reply.options:
        if int(option.otype) == UPDATE_LEASE:
            data = option.to_wire() if not hasattr(option, "data") else option.data
            return struct.unpack("!" + "I" * (len(data) // 4), data)
    return None


def reasons(reply):
    """The extended errors of a reply: [(code, text)]."""
    return [
        (int(option.code), option.text or "")
        for option in reply.options
        if int(option.otype) == 15
    ]


def update(zone="svc.example", lease=None, key_lease=None, key=None, edns=True):
    """An empty UPDATE. `key`: (name, secret in BASE64)."""
    message = dns.update.UpdateMessage(zone)
    if edns:
        options = [] if lease is None else [lease_option(lease, key_lease)]
        message.use_edns(0, payload=1232, options=options)
    if key is not None:
        message.use_tsig(
            dns.tsigkeyring.from_text({key[0]: key[1]}), algorithm=dns.tsig.HMAC_SHA256
        )
    return message


def register(server, number, lease=None, zone="svc.example", kind="_http._tcp", tcp=False, **options):
    """Registers web-NUMBER with a host of its own; the reply."""
    message = update(zone, lease, **options)
    add_instance(message, number, zone, kind)
    return server.send(message, tcp)


def add_instance(message, number, zone="svc.example", kind="_http._tcp"):
    name = f"web-{number}.{kind}.{zone}."
    host = f"host-{number}.{zone}."
    message.add(f"{kind}.{zone}.", 60, "PTR", name)
    message.add(name, 60, "SRV", f"0 0 {8000 + number % 1000} {host}")
    message.add(name, 60, "TXT", f'"number={number}"')
    message.add(host, 60, "A", f"192.0.{2 + number // 250 % 250}.{number % 250 + 1}")


def is_whole(server, number, zone="svc.example", kind="_http._tcp"):
    """How many of an instance's own three records are there: 0 or 3, unless something is wrong."""
    name = f"web-{number}.{kind}.{zone}."
    return (
        len(server.texts(name, "SRV"))
        + len(server.texts(name, "TXT"))
        + len(server.texts(f"host-{number}.{zone}.", "A"))
    )


def rcode(reply):
    return dns.rcode.to_text(reply.rcode())
