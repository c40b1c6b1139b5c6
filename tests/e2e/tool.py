"""What the cases of the tool `waggle` share: running it once, and keeping a provider running."""
import json
import os
import pathlib
import re
import signal
import subprocess

from lib import DEADLINE_S, PATIENCE, Failure, Result, die_with_parent, scratch, wait_until

BUILDDIR = pathlib.Path(os.environ.get("BUILDDIR", "build"))
WAGGLE = os.environ.get("WAGGLE") or str(BUILDDIR / "src/waggle/waggle")
# Before its installation that is libtool's script, which finds the library and is ten times as slow.
BUILT = BUILDDIR / "src/waggle/.libs/waggle"
if "WAGGLE" not in os.environ and BUILT.exists():
    WAGGLE = str(BUILT)
    os.environ["LD_LIBRARY_PATH"] = str(BUILDDIR / "libclient/.libs")
NO_ANSWER, REFUSED, NOTHING, USAGE = 3, 4, 1, 2

# Of 32 octets; for tests, as everybody can read it here.
SECRETS = {
    "ops": "b3BzLW9wcy1vcHMtb3BzLW9wcy1vcHMtb3BzLW9wcy0=",
    "dev": "ZGV2LWRldi1kZXYtZGV2LWRldi1kZXYtZGV2LWRldi0=",
}


def key_file(name):
    path = scratch / f"{name}.key"
    path.write_text(f'key "{name}" {{ algorithm hmac-sha256; secret "{SECRETS[name]}"; }};\n')
    path.chmod(0o600)
    return path


def key_conf(*names):
    """The `key:` section of a configuration."""
    return "key:\n" + "".join(f"  - {{name: {n}, secret: {SECRETS[n]}}}\n" for n in names)


def environment(server=None, zone="svc.example", cache="cache"):
    """Nothing but what the case says; a cache of its own."""
    kept = {name: os.environ[name] for name in os.environ if not name.startswith("WAGGLE_")}
    kept.update(HOME=str(scratch), XDG_CACHE_HOME=str(scratch / cache), WAGGLE_ZONE=zone)
    for name in os.environ:
        if name.startswith("WAGGLE_E2E"):
            kept[name] = os.environ[name]
    if server is not None:
        kept["WAGGLE_SERVER"] = f"{server.address}@{server.port}"
        kept["WAGGLE_CONTROL"] = str(server.data / "control")
    return kept


def waggle(server, *words, env=None, stdin="", deadline_s=30):
    """One run to its end: its Result."""
    done = subprocess.run(
        [WAGGLE, *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=deadline_s * PATIENCE,
        cwd=scratch,
        env=env or environment(server),
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def waggle_json(server, *words, **arguments):
    """(exit code, the object it printed, standard error)"""
    done = waggle(server, "--json", *words, **arguments)
    lines = done.out.splitlines()
    if len(lines) != 1:
        raise Failure(f"not one line of JSON: {done}")
    return done.code, json.loads(lines[0]), done.err


class Provider:
    """A `waggle register` that runs until it is told otherwise."""

    count = 0

    def __init__(self, server, *words, env=None):
        Provider.count += 1
        self.path = scratch / f"provider-{Provider.count}.log"
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen(
                [WAGGLE, "register", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=scratch,
                env=env or environment(server),
                preexec_fn=die_with_parent,
            )

    def log(self):
        return self.path.read_text(encoding="utf-8", errors="replace")

    def wait_log(self, pattern, count=1, deadline_s=None):
        def has_it():
            found = re.findall(pattern, self.log())
            if len(found) < count and self.process.poll() is not None:
                raise Failure(f"it ended with {self.process.returncode}: {self.log()}")
            return len(found) >= count

        try:
            wait_until(has_it, deadline_s)
        except Failure as failure:
            raise Failure(f"{failure}: no {pattern!r} in {self.log()!r}") from None
        return self

    def registered(self):
        return self.wait_log(r"(?m)is registered at")

    def signal(self, number):
        self.process.send_signal(number)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, deadline_s=None):
        """Its exit code."""
        try:
            return self.process.wait(deadline_s or DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"it did not end: {self.log()}") from None

    def stop(self):
        return self.signal(signal.SIGTERM).wait()
