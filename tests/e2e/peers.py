"""Knot, NSD and BIND with the zones of this case, each a process in its own directory."""
import socket
import subprocess

import lib

KNOT = """
server:
    listen: 127.0.0.1@{port}
    rundir: {directory}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {directory}
log:
  - target: stderr
    any: info
zone:
{zones}
"""
KNOT_ZONE = """
  - domain: {name}
    file: {file}
    zonefile-sync: -1
    journal-content: none"""

NSD = """
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    zonesdir: {directory}
    zonelistfile: {directory}/zone.list
    xfrdfile: {directory}/xfrd.state
    xfrdir: {directory}
    pidfile: {directory}/nsd.pid
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    minimal-responses: {minimal}
    refuse-any: no
    tcp-count: 100
remote-control:
    control-enable: no
{zones}
"""
NSD_ZONE = "zone:\n    name: {name}\n    zonefile: {file}"

BIND = """
options {{
    directory "{directory}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    allow-query {{ any; }};
    allow-transfer {{ none; }};
    dnssec-validation no;
    minimal-responses no-auth;
    minimal-any no;
    zero-no-soa-ttl no;
    notify no;
    check-names primary ignore;
    check-integrity no;
}};
controls {{ }};
{zones}
"""
BIND_ZONE = 'zone "{name}" {{ type primary; file "{file}"; }};'


class Peer:
    """One of the three; `address` and `port` as a waggled of lib.py has them."""

    address = "127.0.0.1"

    def __init__(self, name, conf, zone_conf, command, zones, **settings):
        self.name = name
        self.directory = lib.scratch / f"{name}.d"
        self.directory.mkdir()
        self.conf = conf
        self.command = command
        self.settings = settings
        self.zones = "\n".join(
            zone_conf.format(name=zone, file=path) for zone, path in zones.items()
        )
        self.process = None

    def launch(self):
        self.port = lib.free_port()
        path = self.directory / "conf"
        path.write_text(
            self.conf.format(
                port=self.port, directory=self.directory, zones=self.zones, **self.settings
            ),
            encoding="utf-8",
        )
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                preexec_fn=lib.die_with_parent,
            )

    def answers(self, probes):
        """It is up when it has every zone; False: it ended, as when somebody took the port."""

        def is_up():
            if self.process.poll() is not None:
                return "ended"
            if "address already in use" in self.log() or "address in use" in self.log():
                self.stop()  # BIND goes on without it
                return "ended"
            return "up" if all(self.rcode(probe) == 0 for probe in probes) else None

        return lib.wait_until(is_up, 20, f"{self.name} answers: {self.log()}") == "up"

    def rcode(self, probe):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect((self.address, self.port))
            try:
                client.send(probe)
                return client.recv(4096)[3] & 15
            except OSError:
                return None

    def start(self, probes):
        for _ in range(5):
            self.launch()
            if self.answers(probes):
                return
        raise lib.Failure(f"{self.name} did not start: {self.log()}")

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10 * lib.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_all(zones):
    """{name: Peer}, all of them up; `zones` is {name: path}."""
    lib.need("knotd", "nsd", "named")
    peers = [
        Peer("knot", KNOT, KNOT_ZONE, ["knotd", "-c"], zones),
        Peer("nsd", NSD, NSD_ZONE, ["nsd", "-d", "-c"], zones, minimal="no"),
        Peer("bind", BIND, BIND_ZONE, ["named", "-g", "-n", "1", "-c"], zones),
    ]
    probes = [lib.wire_query(zone, "SOA") for zone in zones]
    for peer in peers:
        peer.start(probes)
    return peers
