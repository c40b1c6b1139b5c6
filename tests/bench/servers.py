"""The servers that are measured: how each is started on the same zone, and what it has cost."""

import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time

ZONE = "svc.example"
SERVER_CORE, LOAD_CORE = 0, 1
KEY, SECRET = "bench", "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU="
MEMBERS = 100  # of a type: BIND refuses larger sets, and those over 64 KiB whatever it is told


def program(name):
    """Where it is; servers are in sbin, which is not in everybody's PATH."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        raise SystemExit(f"bench: there is no {name} here; contrib/setup --tests installs it")
    return path


def free_port():
    """A port that nobody has now, by UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue


class Server:
    """A process, with those that it starts, on the servers' core."""

    def __init__(self, name, command, port, log, stdout=None):
        self.name = name
        self.command = command
        self.port = port
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE)] + command, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log)

    def stats(self):
        """PID and what /proc/PID/stat says behind the name, of each process of its session."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rsplit(") ", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == self.process.pid:
                yield int(pid), fields

    def cpu_s(self):
        """User and system time, of ended threads too, by the processes' CPU clocks: to the nanosecond,
        where /proc/PID/stat has hundredths of a second (clock_getcpuclockid(3), which Python lacks)."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid, _ in self.stats())

    def rss(self):
        """Octets in memory; pages that its processes share count once for each."""
        return sum(int(fields[21]) for _, fields in self.stats()) * resource.getpagesize()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the session is ours
        except ProcessLookupError:
            pass
        self.process.wait()


def ask_soa(port):
    """rcode of the zone's SOA, or None."""
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\3svc\7example\0" + b"\0\6\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.2)
        try:
            udp.connect(("127.0.0.1", port))
            udp.send(query)
            return udp.recv(1500)[3] & 15
        except OSError:
            return None


def wait_for(server, limit_s=120):
    deadline = time.monotonic() + limit_s
    while ask_soa(server.port) != 0:
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: {server.name} does not answer")
        time.sleep(0.05)
    return server


def write_zone(path, instances, types=None):
    """The zone in a master file: for each instance PTR, SRV and TXT, and its host; MEMBERS to a type,
    or of so many types in turn."""
    with open(path, "w") as file:
        file.write(f"$ORIGIN {ZONE}.\n$TTL 120\n@ SOA ns1 hostmaster 1 3600 900 86400 5\n"
                   f"@ NS ns1\nns1 A 127.0.0.1\n")
        for i in range(instances):
            kind = f"_t{i % types if types else i // MEMBERS}._tcp"
            file.write(f"{kind} PTR web-{i:06}.{kind}\nweb-{i:06}.{kind} SRV 0 0 8080 host-{i:06}\n"
                       f"web-{i:06}.{kind} TXT \"path=/\"\n"
                       f"host-{i:06} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n")
    return path


def write_flood(path, is_signed):
    """UPDATEs that nobody lets in, each behind its length: unsigned, or with a MAC that is wrong."""
    def name(text):
        return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"

    def record(owner, kind, rdclass, ttl, rdata):
        return name(owner) + struct.pack("!HHIH", kind, rdclass, ttl, len(rdata)) + rdata

    with open(path, "wb") as file:
        for i in range(1000):
            instance = f"bad-{i}._t{i % 100}._tcp.{ZONE}"
            message = struct.pack("!6H", i, 5 << 11, 1, 0, 2, int(is_signed))
            message += name(ZONE) + struct.pack("!2H", 6, 1)
            message += record(f"_t{i % 100}._tcp.{ZONE}", 12, 1, 120, name(instance))
            message += record(instance, 33, 1, 120, struct.pack("!3H", 0, 0, 666) + name(f"bad.{ZONE}"))
            if is_signed:
                when = struct.pack("!Q", int(time.time()))[2:]
                message += record(KEY, 250, 255, 0, name("hmac-sha256") + when + struct.pack(
                    "!2H", 300, 32) + bytes(32) + struct.pack("!3H", i, 0, 0))
            file.write(struct.pack("!H", len(message)) + message)
    return path


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(text)
    return path


class House:
    """Starts servers, each in a directory of its own, and stops them all."""

    def __init__(self, build, directory):
        self.build = build
        self.directory = directory
        self.log = open(os.path.join(directory, "log"), "w+")
        self.servers = []
        self.count = 0
        self.starters = {"waggled": self.waggled, "guarded": self.guarded, "knot": self.knot, "nsd": self.nsd,
                         "bind": self.bind, "powerdns": self.powerdns}

    def start(self, name, zone_file=None, prefix=()):
        """One of `starters`, maybe under a tool. waggled needs no zone file."""
        self.count += 1
        data = os.path.join(self.directory, f"{name}-{self.count}")
        os.mkdir(data)
        port = free_port()
        command = [*prefix, *self.starters[name](data, port, zone_file)]
        return self.keep(Server(name, command, port, self.log))

    def again(self, server):
        """Kills it and starts the same again, with what it has on disk."""
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        self.servers.remove(server)
        return self.keep(Server(server.name, server.command, server.port, self.log))

    def metric(self, waggled, name):
        control = os.path.join(os.path.dirname(waggled.command[-1]), "control")
        text = subprocess.run([os.path.join(self.build, "src/waggle/waggle"), "--control", control,
                               "metrics"], check=True, stdout=subprocess.PIPE, text=True).stdout
        return int(re.search(rf"^{name} (\d+)", text, re.M).group(1))

    def echo(self, name, size, prefix=(), syncs=0):
        """The bound; `syncs` times a second it writes a page to the disk as well, in another thread."""
        file = [os.path.join(self.directory, "synced"), str(syncs)] if syncs else []
        command = [*prefix, self.program("echo"), str(size), *file]
        server = Server(name, command, 0, self.log, subprocess.PIPE)
        server.port = int(server.process.stdout.readline())
        return self.keep(server)

    def keep(self, server):
        self.servers.append(server)
        return server

    def stop(self, server):
        server.stop()
        self.servers.remove(server)

    def close(self):
        for server in list(self.servers):
            self.stop(server)
        shutil.rmtree(self.directory)

    def program(self, name):
        return os.path.join(self.build, "tests/bench", name)

    def guarded(self, data, port, zone_file):
        """waggled that lets nobody register without the key."""
        return self.waggled(data, port, zone_file, f"rules: [{{allow: {{key: {KEY}}}}}]")

    def waggled(self, data, port, zone_file, more=""):
        base = f"base: {zone_file}" if zone_file else more
        return [os.path.join(self.build, "src/waggled/waggled"), "-c", write(
            data, "waggled.conf",
            f"server:\n  listen: [\"127.0.0.1@{port}\"]\n  threads: 1\n"
            f"  stream-threads: 1\n  name: ns1.{ZONE}\n  data: {data}\n"
            f"key:\n  - {{name: {KEY}, secret: {SECRET}}}\n"
            f"zone:\n  - {{name: {ZONE}, registry: {{{base}}}}}\n")]

    def flooder(self, port, rate, seconds, path):
        """Messages of a file from 10,000 addresses, on the generator's core."""
        command = [os.path.join(self.build, "tests/e2e/flood/flooder"), "127.0.0.1", port, rate,
                   seconds, 10000, "127.1.0.0", path]
        return subprocess.Popen(["taskset", "-c", str(LOAD_CORE), *map(str, command)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def knot(self, data, port, zone_file):
        return [program("knotd"), "-c", write(
            data, "knot.conf",
            f"server:\n  rundir: {data}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n"
            f"  tcp-workers: 1\n  background-workers: 1\n"
            f"database:\n  storage: {data}\n"
            f"log:\n  - target: stderr\n    any: error\n"
            f"key:\n  - id: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
            f"acl:\n  - id: signed\n    key: {KEY}\n    action: update\n"
            f"  - id: local\n    address: 127.0.0.1\n    action: update\n"
            f"zone:\n  - domain: {ZONE}\n    file: {zone_file}\n    acl: [local, signed]\n"
            f"    zonefile-sync: -1\n    zonefile-load: whole\n")]

    def nsd(self, data, port, zone_file):
        return [program("nsd"), "-d", "-c", write(
            data, "nsd.conf",
            f"server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n"
            f"  database: \"\"\n  pidfile: {data}/pid\n  xfrdfile: {data}/xfrd\n"
            f"  zonelistfile: {data}/zones\n  xfrdir: {data}\n  zonesdir: {data}\n"
            f"  rrl-ratelimit: 0\n  tcp-count: 200\n  tcp-query-count: 0\n  verbosity: 0\n"
            f"remote-control:\n  control-enable: no\n"
            f"zone:\n  name: {ZONE}\n  zonefile: {zone_file}\n")]

    def bind(self, data, port, zone_file):
        return [program("named"), "-f", "-n", "1", "-c", write(
            data, "named.conf",
            f"options {{\n  directory \"{data}\";\n  pid-file none;\n  lock-file none;\n"
            f"  session-keyfile none;\n  listen-on port {port} {{ 127.0.0.1; }};\n"
            f"  listen-on-v6 {{ none; }};\n  recursion no;\n  notify no;\n"
            f"  minimal-responses no-auth;\n  tcp-clients 300;\n  dnssec-validation no;\n}};\n"
            f"controls {{ }};\nlogging {{ category default {{ null; }}; }};\n"
            f"key {KEY} {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n"
            f"zone {ZONE} {{ type primary; file \"{zone_file}\"; max-records-per-type 0;\n"
            f"  allow-update {{ 127.0.0.1; key {KEY}; }}; }};\n")]

    def powerdns(self, data, port, zone_file):
        zones = write(data, "named.conf",
                      f"zone \"{ZONE}\" {{ type master; file \"{zone_file}\"; }};\n")
        write(data, "pdns.conf",
              f"launch=bind\nbind-config={zones}\nsocket-dir={data}\ndaemon=no\nguardian=no\n"
              f"local-address=127.0.0.1\nlocal-port={port}\nreceiver-threads=1\n"
              f"distributor-threads=1\nmax-tcp-connections=300\n"
              f"max-tcp-transactions-per-conn=0\nmax-tcp-connections-per-client=0\n"
              f"disable-syslog=yes\nloglevel=2\nwrite-pid=no\nsecurity-poll-suffix=\n")
        return [program("pdns_server"), f"--config-dir={data}"]
