"""Instructions in user space for each query, counted by callgrind: the figure that noise cannot touch."""

import glob
import os
import re
import subprocess
import time

import servers

INSTANCES = 2000  # in the zone; a deeper tree costs little more
WINDOW = 128      # in flight: under valgrind every batch is full
WARM = 256        # asked before counting begins


def totals(pattern, needle):
    """The sum of those profiles that have this function."""
    total = 0
    for path in glob.glob(pattern):
        with open(path) as file:
            text = file.read()
        if needle in text:
            total += int(re.search(r"^(?:summary|totals): (\d+)", text, re.M).group(1))
    return total


def control(option, pid):
    subprocess.run(["callgrind_control", option, str(pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def count(house, server, out, load, queries, needle):
    """Instructions for each of `queries`, in threads that run the function `needle`."""
    pid = server.process.pid  # taskset, then valgrind, each in the place of the one before
    load(server, WARM)
    control("-z", pid)
    load(server, queries)
    control("-d", pid)
    house.stop(server)
    return totals(out + ".1*", needle) / queries


def measure(house, load, size, queries):
    """(of waggled, of the echo). `load` asks a server so many queries."""
    tool = ["valgrind", "-q", "--tool=callgrind", "--separate-threads=yes"]
    zone = servers.write_zone(os.path.join(house.directory, "counted"), INSTANCES)
    found = []
    for name, needle in (("waggled", "udp_run"), ("echo", "main")):
        out = os.path.join(house.directory, f"callgrind-{name}")
        prefix = tool + [f"--callgrind-out-file={out}"]
        if name == "echo":
            server = house.echo(name, size, prefix)
        else:
            server = servers.wait_for(house.start(name, zone, prefix))
        found.append(count(house, server, out, load, queries, needle))
    return found
