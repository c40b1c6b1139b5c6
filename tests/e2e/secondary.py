"""Stock servers that follow a waggled as secondaries."""
import os
import signal
import subprocess

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query

from lib import DEADLINE_S, PATIENCE, START_S, Failure, die_with_parent, expect, free_port, need, rcode_of
from lib import asked_udp, run, scratch, wait_until


def transferred(port, zone, *words):
    """The zone as dig takes it from there, in its own spelling, sorted."""
    done = run("dig", "@127.0.0.1", "-p", port, "+tcp", f"+time={DEADLINE_S:.0f}", zone, "AXFR", *words)
    lines = [" ".join(line.split()) for line in done.out.splitlines() if line[:1] not in (";", "")]
    return sorted(line for line in lines if " TSIG " not in line)


def serial_of(port, zone):
    query = dns.message.make_query(zone, "SOA")
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1)
    except (dns.exception.DNSException, OSError):
        return None
    return reply.answer[0][0].serial if reply.answer else None


class Secondary:
    def __init__(self, name, primary, zone, conf, command, **words):
        need(command[0])
        self.name = name
        self.primary = primary
        self.words = words  # of its configuration, beside port, primary, directory
        self.zone = zone
        self.conf = conf
        self.command = command
        self.directory = scratch / f"{name}.d"
        self.directory.mkdir()

    def start(self):
        self.starts = getattr(self, "starts", 0) + 1
        self.port = free_port()
        path = self.directory / "conf"
        text = self.conf.format(
            port=self.port, primary=self.primary.port, directory=self.directory, **self.words
        )
        path.write_text(text, encoding="utf-8")
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_for(self, zone, serial):
        def is_here():
            if self.process.poll() is not None:
                if self.starts == 3 or "in use" not in self.log():
                    raise Failure(f"{self.name} ended: {self.log()}")
                self.start()  # somebody was faster
            return serial_of(self.port, zone) == serial

        try:
            wait_until(is_here, START_S / PATIENCE)
        except Failure:
            raise Failure(f"no {zone} {serial} at {self.name}: {self.log()}") from None

    def zone_lines(self, zone):
        """Knot does not transfer a set larger than a message, so its zone file is read."""
        if self.name != "knot":
            return transferred(self.port, zone)
        path = self.directory / f"{zone}.zone"
        serial = f" {self.primary.serial(zone)} "
        wait_until(lambda: path.exists() and serial in " ".join(path.read_text().split()))
        words = [line.split(None, 3) for line in path.read_text().splitlines() if line[0] != ";"]
        lines = [" ".join((name, ttl, "IN", kind, rdata)) for name, ttl, kind, rdata in words]
        return sorted(lines + [line for line in lines if " SOA " in line])

    def notify(self, zone):
        """As a primary does (RFC 1996)."""
        message = dns.message.make_query(zone, "SOA")
        message.flags = dns.opcode.to_flags(dns.opcode.NOTIFY) | dns.flags.AA
        reply = asked_udp(message, "127.0.0.1", self.port)
        expect(rcode_of(reply), "NOERROR", f"NOTIFY to {self.name}")

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # NSD is several processes
            self.process.wait()
