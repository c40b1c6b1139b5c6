"""What the e2e cases share: a waggled to start and to talk to, the usual programs, promises.

A case reads like this:

    from lib import expect, main, promise, start

    server = start(CONF)

    @promise
    def what_is_registered_is_found():
        expect(server.register("web-1"), "NOERROR")
        expect(server.rcode("web-1._http._tcp.svc.example", "SRV"), "NOERROR")

    main()

Each promise is tried even when one before it failed; all count. Nothing sleeps for luck: what takes
time is waited for with a deadline, by wait_until() and the methods made of it.
"""
import ctypes
import functools
import json
import os
import pathlib
import random
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.wire

WAGGLED = os.environ.get("WAGGLED", "")
SRCDIR = pathlib.Path(os.environ.get("SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
PATIENCE = float(os.environ.get("WAGGLE_E2E_PATIENCE", "1"))
DEADLINE_S = 10 * PATIENCE
START_S = 20 * PATIENCE

# Addresses of a case's own network (in_own_network()): they are not loopback to anybody.
HERE, AFAR, FURTHER = "192.0.2.1", "192.0.2.53", "198.51.100.53"
HERE_6, AFAR_6 = "2001:db8::1", "2001:db8::53"
OWN_ADDRESSES = [["address", "add", f"{address}/32", "dev", "lo"] for address in (HERE, AFAR, FURTHER)]
OWN_ADDRESSES += [
    ["address", "add", f"{address}/128", "dev", "lo", "nodad"] for address in (HERE_6, AFAR_6)
]

OPTION_LEASE = 2  # RFC 9664 section 4
OPTION_EDE = 15  # RFC 8914

scratch = pathlib.Path(tempfile.mkdtemp(prefix="case-"))
servers = []
promises = []


# ---- promises ----------------------------------------------------------------------------------


class Failure(Exception):
    """A promise that was not kept."""


def promise(function):
    """Marks what main() has to try; its name says what is promised."""
    promises.append(function)
    return function


def expect(got, wanted, what=""):
    if got != wanted:
        raise Failure(f"{what + ': ' if what else ''}expected {wanted!r}, got {got!r}")


def expect_in(part, whole, what=""):
    if part not in whole:
        raise Failure(f"{what + ': ' if what else ''}expected {part!r} in {whole!r}")


def expect_not_in(part, whole, what=""):
    if part in whole:
        raise Failure(f"{what + ': ' if what else ''}did not expect {part!r} in {whole!r}")


def expect_between(low, got, high, what=""):
    if not low <= got <= high:
        raise Failure(f"{what + ': ' if what else ''}expected {low}..{high}, got {got!r}")


def skip(reason):
    """Ends the case: it cannot be tried here."""
    stop_all()
    print(reason, flush=True)
    os._exit(77)


def main():
    """Tries all promises, stops all servers (exit 0, no sanitizer's report), ends the process."""
    failed = 0
    for function in promises:
        name = function.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            function()
            print(f"kept: {name} ({time.monotonic() - begin:.1f}s)")
        except Exception:  # noqa: BLE001: the next promise is tried whatever this one met
            failed += 1
            print(f"NOT KEPT: {name}")
            print(trace_text())
    try:
        stop_all(is_strict=True)
    except Failure as failure:
        failed += 1
        print(f"NOT KEPT: a clean stop: {failure}")
    if failed:
        for server in servers:
            print(f"---- log of {server.name}, its end")
            print("\n".join(server.log().splitlines()[-60:]))
    shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(1 if failed else 0)


def trace_text():
    """The trace without this file's own frames, where there are others."""
    kind, error, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)
    shown = [frame for frame in frames if frame.filename != __file__] or frames
    lines = traceback.format_list(shown) + traceback.format_exception_only(kind, error)
    return "".join(lines).rstrip()


def wait_until(condition, deadline_s=None, what="", every_s=0.01):
    """The first true value of `condition`; a Failure that says `what` after the deadline."""
    limit_s = DEADLINE_S if deadline_s is None else deadline_s * PATIENCE
    end = time.monotonic() + limit_s
    while True:
        is_last = time.monotonic() > end  # a process that was asleep looks once more
        value = condition()
        if value:
            return value
        if is_last:
            raise Failure(f"not within {limit_s:.0f} s: {what or condition.__name__}")
        time.sleep(every_s)


# ---- programs ----------------------------------------------------------------------------------


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self):
        return f"exit {self.code}, stdout {self.out!r}, stderr {self.err!r}"


def run(*command, stdin=None, cwd=None, env=None, deadline_s=None):
    limit_s = 30 * PATIENCE if deadline_s is None else deadline_s * PATIENCE
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        cwd=cwd or scratch,
        env=dict(os.environ, **(env or {})),
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def need(*programs):
    for program in programs:
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        if shutil.which(program, path=path) is None:
            skip(f"there is no {program} here")


def free_port():
    """A port that UDP and TCP have free now; somebody may be faster, so starts are tried again."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.bind(("127.0.0.1", 0))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
                try:
                    datagram.bind(stream.getsockname())
                except OSError:
                    continue
                return stream.getsockname()[1]


def in_own_namespace(kind):
    """Runs the case again in a namespace of its own, as its root; skips where none is had."""
    if os.environ.get("WAGGLE_E2E_NAMESPACE") == kind:
        return
    need("unshare")
    for options in ([f"--{kind}"], ["--user", "--map-root-user", f"--{kind}"]):
        if run("unshare", *options, "true").code == 0:
            shutil.rmtree(scratch)
            environment = dict(os.environ, WAGGLE_E2E_NAMESPACE=kind)
            os.execvpe("unshare", ["unshare", *options, "--", *sys.argv], environment)
    skip(f"the kernel gives no {kind} namespace")


def in_own_network():
    """A network with loopback and OWN_ADDRESSES, seen by nobody else."""
    in_own_namespace("net")
    need("ip")
    for words in (["link", "set", "lo", "up"], *OWN_ADDRESSES):
        done = run("ip", *words)
        if done.code != 0:
            skip(f"ip {' '.join(words)}: {done.err.strip()}")


def die_with_parent():
    """In a child before exec: SIGKILL when the case is no more, however it ended."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Digest:
    """What dig or kdig printed."""

    def __init__(self, text):
        self.text = text
        found = re.search(r"status: (\w+)", text)
        self.status = found.group(1) if found else None
        found = re.search(r"[Ff]lags: ([a-z ]*)", text)
        self.flags = set(found.group(1).split()) if found else set()
        self.answer = self.section("ANSWER")
        self.authority = self.section("AUTHORITY")
        self.additional = self.section("ADDITIONAL")

    def section(self, name):
        """Its records as (name, ttl, type, rdata)."""
        found = re.search(rf";; {name} SECTION:\n(.*?)(?:\n\n|\n;;|\Z)", self.text, re.S)
        records = []
        for line in (found.group(1) if found else "").splitlines():
            words = line.split(None, 4)
            if len(words) == 5 and not line.startswith(";"):
                records.append((words[0], int(words[1]), words[3], words[4]))
        return records

    def values(self, rdtype):
        return sorted(rdata for _, _, kind, rdata in self.answer if kind == rdtype)

    def __repr__(self):
        return self.text


# ---- replies -----------------------------------------------------------------------------------


def rcode_of(reply):
    return dns.rcode.to_text(reply.rcode())


def extended_errors(reply):
    """[(code, text)] (RFC 8914)."""
    return [(int(o.code), o.text or "") for o in reply.options if o.otype == OPTION_EDE]


def extended_text(reply):
    return "; ".join(text for _, text in extended_errors(reply))


def granted(reply):
    """(lease,) or (lease, key lease) as granted (RFC 9664); None where there is none."""
    for option in reply.options:
        if option.otype == OPTION_LEASE:
            data = option.to_wire()
            return struct.unpack(f"!{len(data) // 4}I", data)
    return None


def records(section):
    """{(name, type, rdata)} of a section of a message."""
    found = set()
    for rrset in section:
        for rdata in rrset:
            kind = dns.rdatatype.to_text(rrset.rdtype)
            found.add((rrset.name.to_text(), kind, rdata.to_text()))
    return found


def values(reply, rdtype):
    """The rdata of this type in the answer section, sorted."""
    return sorted(rdata for _, kind, rdata in records(reply.answer) if kind == rdtype)


def ttls(reply):
    return {rrset.ttl for rrset in reply.answer}


def tsig_of(wire):
    """(rcode, TSIG error, MAC size, other data, time signed) of a reply, unverified."""
    parser = dns.wire.Parser(wire, 0)
    _, flags, *counts = parser.get_struct("!6H")
    for _ in range(counts[0]):
        parser.get_name()
        parser.get_struct("!HH")
    code = dns.rcode.to_text(flags & 15)
    for _ in range(sum(counts[1:])):
        parser.get_name()
        rdtype, _, _, size = parser.get_struct("!HHIH")
        with parser.restrict_to(size):
            if rdtype != dns.rdatatype.TSIG:
                parser.get_remaining()
                continue
            parser.get_name()
            high, low, _, mac_size = parser.get_struct("!HIHH")
            parser.get_bytes(mac_size)
            _, error, other_size = parser.get_struct("!HHH")
            return code, error, mac_size, parser.get_bytes(other_size), (high << 32) + low
    return code, None, None, None, None


def asked_udp(query, address, port, source=None, deadline_s=DEADLINE_S, ask_again=True):
    """The reply by UDP. What may be asked twice is asked again, late, as a datagram may be lost."""
    for is_last in (False, True) if ask_again else (True,):
        try:
            return dns.query.udp(query, address, timeout=deadline_s, port=port, source=source)
        except dns.exception.Timeout:
            if is_last:
                raise


def serial_is_newer(one, other):
    """RFC 1982."""
    return one != other and (one - other) % 2**32 < 2**31


# ---- updates -----------------------------------------------------------------------------------


class Update(dns.update.UpdateMessage):
    """A DNS UPDATE (RFC 2136) that may ask for a lease (RFC 9664: one number or two)."""

    def __init__(self, zone="svc.example", lease=None, key_lease=None):
        super().__init__(zone)
        self.lease(lease, key_lease)

    def lease(self, lease, key_lease=None):
        times = [time_s for time_s in (lease, key_lease) if time_s is not None]
        options = []
        if times:
            data = struct.pack(f"!{len(times)}I", *times)
            options = [dns.edns.GenericOption(OPTION_LEASE, data)]
        self.use_edns(0, payload=1232, request_payload=65535, options=options)
        return self

    def register(
        self,
        label,
        rdtype="_http._tcp",
        host=None,
        port=8080,
        address="192.0.2.1",
        txt="path=/",
        ttl=60,
        priority=0,
        weight=0,
    ):
        """What one provider says of itself: PTR, SRV, TXT and the address of its host."""
        host = host or f"host-{label}"
        self.add(rdtype, ttl, "PTR", f"{label}.{rdtype}")
        self.add(f"{label}.{rdtype}", ttl, "SRV", f"{priority} {weight} {port} {host}")
        self.add(f"{label}.{rdtype}", ttl, "TXT", f'"{txt}"')
        return self.add_host(host, address, ttl) if address else self

    def add_host(self, host, address, ttl=60):
        self.add(host, ttl, "AAAA" if ":" in address else "A", address)
        return self

    def delete_ptr(self, label, rdtype="_http._tcp"):
        self.delete(rdtype, "PTR", f"{label}.{rdtype}")
        return self

    def withdraw(self, label, rdtype="_http._tcp", host=None):
        self.delete_ptr(label, rdtype)
        self.delete(f"{label}.{rdtype}")
        self.delete(host or f"host-{label}")
        return self

    def signed(self, name, secret, algorithm="hmac-sha256"):
        self.use_tsig(dns.tsigkeyring.from_text({name: secret}), name, algorithm=algorithm)
        return self


# ---- waggled -----------------------------------------------------------------------------------


def write(name, text, mode=None):
    """A file of the case, by its path below the scratch directory."""
    path = scratch / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if mode is not None:
        path.chmod(mode)
    return path


def start(conf, name="waggled", files=None, **arguments):
    """Writes the configuration and the files beside it, starts waggled, waits until it is ready."""
    for file_name, text in (files or {}).items():
        write(f"{name}.d/{file_name}", text)
    server = Server(name, conf, **arguments)
    server.start()
    return server


def stop_all(is_strict=False):
    wrong = []
    for server in servers:
        try:
            server.stop()
        except Failure as failure:
            wrong.append(str(failure))
        found = re.search(r".*(Sanitizer|runtime error:).*", server.log())
        if found:
            wrong.append(f"{server.name}: {found.group(0)}")
    if wrong and is_strict:
        raise Failure("; ".join(wrong))


def proc_address(text):
    """An address as /proc/net writes it: 32-bit words in the machine's order."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))


class Server:
    """One waggled with a directory of its own. Addresses with port 0 keep what they got."""

    def __init__(self, name, conf, options=None, prefix=(), env=None):
        self.name = name
        self.directory = scratch / f"{name}.d"
        self.directory.mkdir(exist_ok=True)
        self.path = self.directory / "waggled.conf"
        self.log_path = self.directory / "log"
        self.log_path.touch()
        self.command = [*prefix, WAGGLED, *(options or ["-c", str(self.path)])]
        self.env = dict(os.environ, **(env or {}))
        self.ports = []
        self.kept = []  # sockets
        self.process = None
        self.configure(conf)
        servers.append(self)

    # -- its life

    def configure(self, conf):
        """Replaces the configuration; takes effect at the next start or SIGHUP.

        By a rename: a reload that is under way reads the old or the new, never half of it.
        """
        self.conf = conf
        ports = list(self.ports)
        text = re.sub(r"@0\b", lambda _: f"@{ports.pop(0) if ports else 0}", conf)
        written = self.path.with_suffix(".new")
        written.write_text(text, encoding="utf-8")
        written.replace(self.path)

    def launch(self):
        """Starts the process and returns at once."""
        self.begun = self.mark()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=scratch,
                env=self.env,
                preexec_fn=die_with_parent,
            )

    def wait_ready(self):
        def is_ready():
            if self.process.poll() is not None:
                raise Failure(f"{self.name} did not start: {self.log(self.begun)}")
            return re.search(r'msg="ready" listen=(\S+)', self.log(self.begun))

        listen = wait_until(is_ready, START_S / PATIENCE, "the ready line").group(1)
        self.addresses = [text.rsplit("@", 1) for text in listen.split(",")]
        self.addresses = [(address, int(port)) for address, port in self.addresses]
        self.address, self.port = self.addresses[0]
        self.ports = [port for _, port in self.addresses]
        self.keep_ports()
        self.configure(self.conf)

    def keep_ports(self):
        """While it is down, the kernel gives its ports to no connection: one of these would keep a
        port for a minute after its end. A socket that does not listen is in nobody's way."""
        for kept in self.kept:
            kept.close()
        self.kept = []
        for address, port in self.addresses:
            kept = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                kept.bind((address, port))
            except OSError:
                kept.close()
            else:
                self.kept.append(kept)

    def start(self):
        """A port of an earlier run may be lent to somebody for a moment: tried again for a while."""
        end = time.monotonic() + DEADLINE_S
        while True:
            self.launch()
            try:
                self.wait_ready()
                return
            except Failure:
                is_lent = self.ports and "cannot listen on" in self.log(self.begun)
                if not is_lent or time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; it has to end with 0."""
        if not self.is_running():
            return
        self.process.terminate()
        self.wait_exit()
        expect(self.process.returncode, 0, f"exit code of {self.name} after SIGTERM")

    def wait_exit(self, deadline_s=None):
        try:
            self.process.wait(DEADLINE_S if deadline_s is None else deadline_s * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end") from None
        return self.process.returncode

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        """SIGHUP; waits until it was taken up or refused and returns that log line."""
        mark = self.mark()
        self.process.send_signal(signal.SIGHUP)
        return self.wait_log(r'msg="(configuration reloaded|reload refused)', mark)

    def sockets(self):
        """The internet sockets it waits at, sorted: ("udp", "127.0.0.1", 5300)."""
        inodes = set()
        for path in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                found = re.match(r"socket:\[(\d+)\]", os.readlink(path))
            except OSError:
                continue
            if found:
                inodes.add(found.group(1))
        sockets = {}  # by inode: the kernel may list one twice while others come and go
        for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
            path = pathlib.Path(f"/proc/{self.process.pid}/net/{table}")
            for line in path.read_text().splitlines()[1:] if path.exists() else []:
                words = line.split()
                is_waiting = words[3] == "0A" or not table.startswith("tcp")
                if words[9] in inodes and is_waiting:
                    address, port = words[1].split(":")
                    sockets[words[9]] = (table.rstrip("6"), proc_address(address), int(port, 16))
        return sorted(sockets.values())

    # -- its log

    def mark(self):
        return self.log_path.stat().st_size

    def log(self, mark=0):
        with open(self.log_path, "rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    def log_lines(self, pattern, mark=0):
        return [line for line in self.log(mark).splitlines() if re.search(pattern, line)]

    def wait_log(self, pattern, mark=0, deadline_s=None):
        """The first line behind the mark that matches."""
        return wait_until(
            lambda: self.log_lines(pattern, mark), deadline_s, f"log line {pattern!r}"
        )[0]

    # -- its control socket

    @property
    def data(self):
        found = re.search(r"\bdata: *(\S+)", self.conf)
        return self.directory / found.group(1)

    def control(self, *lines, deadline_s=None):
        """Sends these lines, octets or text; returns as many answers, as text."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE_S if deadline_s is None else deadline_s)
            connection.connect(str(self.data / "control"))
            for line in lines:
                connection.sendall((line if isinstance(line, bytes) else line.encode()) + b"\n")
            reader = connection.makefile("rb")
            return [reader.readline().decode() for _ in lines]

    def status(self):
        return json.loads(self.control('{"command":"status"}')[0])

    def zone_status(self, zone="svc.example"):
        for found in self.status()["zones"]:
            if found["name"].rstrip(".") == zone:
                return found
        raise Failure(f"no zone {zone} in status")

    def instance(self, label, rdtype="_http._tcp", zone="svc.example"):
        """What status says of it; None: nothing."""
        wanted = f"{label}.{rdtype}.{zone}"
        for found in self.zone_status(zone)["instances"]:
            if found["name"].rstrip(".").lower() == wanted.lower():
                return found
        return None

    def counter(self, name):
        status = self.status()
        return status["core"][name] if name in status["core"] else status["net"][name]

    # -- queries

    def query(self, query, tcp=False, address=None, port=None, source=None, deadline_s=None):
        """Sends a message of dnspython, returns the reply."""
        where = (address or self.address, port or self.port, source)
        limit_s = DEADLINE_S if deadline_s is None else deadline_s * PATIENCE
        if tcp:
            return dns.query.tcp(query, where[0], timeout=limit_s, port=where[1], source=source)
        return asked_udp(query, *where, limit_s, query.opcode() != dns.opcode.UPDATE)

    def ask(self, name, rdtype="A", tcp=False, edns=1232, rdclass="IN", **arguments):
        query = dns.message.make_query(name, rdtype, rdclass)
        query.flags &= ~dns.flags.RD
        if edns:
            query.use_edns(0, payload=edns)
        return self.query(query, tcp=tcp, **arguments)

    def rcode(self, name, rdtype="A", **arguments):
        return rcode_of(self.ask(name, rdtype, **arguments))

    def values(self, name, rdtype, **arguments):
        """The rdata of the answer by TCP, sorted; [] where there is none, whatever the reason."""
        return values(self.ask(name, rdtype, tcp=True, **arguments), rdtype)

    def serial(self, zone="svc.example"):
        return self.ask(zone, "SOA").answer[0][0].serial

    def exchange(self, wire, tcp=False, deadline_s=DEADLINE_S):
        """Octets there and back; None where nothing comes back. Who expects that says how long."""
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as connection:
            connection.settimeout(deadline_s)
            connection.connect((self.address, self.port))
            try:
                if not tcp:
                    connection.send(wire)
                    return connection.recv(65535)
                connection.sendall(struct.pack("!H", len(wire)) + wire)
                return receive_message(connection)
            except (TimeoutError, ConnectionError):
                return None

    def dig(self, *words):
        return Digest(self.dig_with("dig", f"+time={DEADLINE_S:.0f}", "+tries=2", *words))

    def kdig(self, *words):
        return Digest(self.dig_with("kdig", f"+timeout={DEADLINE_S:.0f}", "+retry=1", *words))

    def dig_with(self, program, *words):
        done = run(program, f"@{self.address}", "-p", self.port, "+norecurse", *words)
        expect(done.code, 0, f"{program} {' '.join(map(str, words))}: {done.out} {done.err}")
        return done.out

    # -- updates

    def send(self, update, **arguments):
        return self.query(update, **arguments)

    def update(self, update, **arguments):
        """The rcode of its reply."""
        return rcode_of(self.send(update, **arguments))

    def register(self, label, lease=None, key_lease=None, tcp=False, key=None, **instance):
        """Registers one instance; `key` is (name, secret). The rcode of the reply."""
        update = Update(lease=lease, key_lease=key_lease).register(label, **instance)
        if key is not None:
            update.signed(*key)
        return self.update(update, tcp=tcp)

    def withdraw(self, label, **instance):
        return self.update(Update().withdraw(label, **instance))

    def nsupdate(self, script, *words, zone="svc.example"):
        """nsupdate's Result; the script needs no `server`, `zone` (None: none) and `send`."""
        head = f"server {self.address} {self.port}\n" + (f"zone {zone}\n" if zone else "")
        text = f"{head}{script}\nsend\nanswer\n"
        return run("nsupdate", "-t", f"{2 * DEADLINE_S:.0f}", "-u", f"{DEADLINE_S:.0f}", *words, stdin=text)


LINES_A_SECOND = 10  # a thread's log lines for refusals; more are counted and left out
refusals = {}  # by second of the monotonic clock, as the server counts them


def wait_for_a_line():
    """Until another refusal will surely have its log line, where all wait for theirs here."""
    wait_until(lambda: refusals.get(int(time.monotonic()), 0) < LINES_A_SECOND - 3)
    refusals[int(time.monotonic())] = refusals.get(int(time.monotonic()), 0) + 1


def wait_for_a_second():
    """Until the server's log has room again, whatever it was told before."""
    now = int(time.monotonic())
    wait_until(lambda: int(time.monotonic()) != now)


# ---- TCP ---------------------------------------------------------------------------------------


def receive_exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def receive_message(connection):
    """One message behind its length (RFC 1035 4.2.2)."""
    (size,) = struct.unpack("!H", receive_exactly(connection, 2))
    return receive_exactly(connection, size)


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


# ---- many messages, fast -----------------------------------------------------------------------

TYPES = {"A": 1, "SOA": 6, "PTR": 12, "TXT": 16, "SRV": 33, "ANY": 255}
CLASS_IN, CLASS_NONE, CLASS_ANY = 1, 254, 255


@functools.lru_cache(maxsize=100000)
def wire_name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"


def wire_record(name, rdtype, rdclass=CLASS_IN, ttl=0, rdata=b""):
    fixed = struct.pack("!HHIH", TYPES[rdtype], rdclass, ttl, len(rdata))
    return wire_name(name) + fixed + rdata


def wire_update(zone, changes, lease=None):
    """The octets of an UPDATE without prerequisites; the ID is set when it is sent."""
    head = struct.pack("!6H", 0, 5 << 11, 1, 0, len(changes), 0 if lease is None else 1)
    message = head + wire_name(zone) + struct.pack("!HH", TYPES["SOA"], CLASS_IN)
    message += b"".join(changes)
    if lease is not None:
        option = struct.pack("!HHI", OPTION_LEASE, 4, lease)
        message += struct.pack("!BHHIH", 0, 41, 1232, 0, len(option)) + option
    return message


def wire_query(name, rdtype):
    head = struct.pack("!6H", random.getrandbits(16), 0, 1, 0, 0, 0)
    return head + wire_name(name) + struct.pack("!HH", TYPES[rdtype], CLASS_IN)


def wire_instance(zone, rdtype, label, host, port, address, txt, ttl=60):
    """The four records of an instance, as additions."""
    instance = f"{label}.{rdtype}.{zone}"
    srv = struct.pack("!HHH", 0, 0, port) + wire_name(f"{host}.{zone}")
    text = txt.encode()
    return [
        wire_record(f"{rdtype}.{zone}", "PTR", ttl=ttl, rdata=wire_name(instance)),
        wire_record(instance, "SRV", ttl=ttl, rdata=srv),
        wire_record(instance, "TXT", ttl=ttl, rdata=bytes([len(text)]) + text),
        wire_record(f"{host}.{zone}", "A", ttl=ttl, rdata=socket.inet_aton(address)),
    ]


class Pump:
    """Keeps a number of messages in flight over one UDP socket."""

    def __init__(self, server, window=64):
        self.window = window
        self.flying = {}
        self.id = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.socket.connect((server.address, server.port))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.socket, selectors.EVENT_READ)

    def close(self):
        self.selector.close()
        self.socket.close()

    def send(self, wire, tag):
        self.id = (self.id + 1) % 65536
        try:
            self.socket.send(struct.pack("!H", self.id) + wire[2:])
        except ConnectionRefusedError:
            return False
        self.flying[self.id] = tag
        return True

    def receive(self):
        """What has come: (tag, octets)."""
        while True:
            try:
                wire = self.socket.recv(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            (number,) = struct.unpack("!H", wire[:2])
            if number in self.flying:
                yield self.flying.pop(number), wire

    def wait(self, timeout_s):
        return bool(self.selector.select(timeout_s))

    def all(self, messages, on_reply, deadline_s=30):
        """Sends all of [(wire, tag)] and waits for every reply."""
        end = time.monotonic() + deadline_s * PATIENCE
        source = iter(messages)
        is_dry = False
        while not is_dry or self.flying:
            while not is_dry and len(self.flying) < self.window:
                message = next(source, None)
                if message is None:
                    is_dry = True
                else:
                    self.send(*message)
            self.wait(0.1)
            for tag, wire in self.receive():
                on_reply(tag, wire)
            if time.monotonic() > end:
                raise Failure(f"{len(self.flying)} messages were never answered")


def wire_rcode(wire):
    return wire[3] & 15


def fill(server, count, zone="svc.example", rdtype="_http._tcp", lease=7200):
    """Registers `count` instances, i-0 and so on, each on a host of its own."""
    wrong = []

    def messages():
        for i in range(count):
            address = f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
            instance = wire_instance(
                zone, rdtype, f"i-{i}", f"h-{i}", 1024 + i % 60000, address, f"n={i}"
            )
            yield wire_update(zone, instance, lease), i

    pump = Pump(server)
    pump.all(messages(), lambda tag, wire: wrong.append(tag) if wire_rcode(wire) else None, 60)
    pump.close()
    expect(wrong, [], "registrations refused")
