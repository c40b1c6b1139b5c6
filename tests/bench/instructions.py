"""Instructions in user space for each query, counted by callgrind: the figure that noise cannot touch."""

import glob
import os
import re
import subprocess
import time

import servers

WINDOW = 128  # in flight: under valgrind every batch is full
PASSES = 5    # over all names before counting begins: the memo has what it keeps


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


def count(house, server, out, load, instances, queries, needle):
    """Instructions for each of `queries`, in threads that run the function `needle`: of questions
    that were asked before, and of such as never were."""
    pid = server.process.pid  # taskset, then valgrind, each in the place of the one before
    load(server, PASSES * instances, False)
    control("-z", pid)
    load(server, queries, False)
    control("-d", pid)
    load(server, queries, True)
    control("-d", pid)
    house.stop(server)
    return [totals(f"{out}.{dump}*", needle) / queries for dump in (1, 2)]


def measure(house, load, size, instances, queries):
    """(of waggled, of the echo), each (asked before, new). `load` asks so many queries."""
    tool = ["valgrind", "-q", "--tool=callgrind", "--separate-threads=yes"]
    zone = servers.write_zone(os.path.join(house.directory, "counted"), instances)
    found = []
    for name, needle in (("waggled", "udp_run"), ("echo", "main")):
        out = os.path.join(house.directory, f"callgrind-{name}")
        prefix = tool + [f"--callgrind-out-file={out}"]
        if name == "echo":
            server = house.echo(name, size, prefix)
        else:
            server = servers.wait_for(house.start(name, zone, prefix))
        found.append(count(house, server, out, load, instances, queries, needle))
    return found
