"""What was measured: kept round by round, told as medians, as JSON and in the README."""

import json
import os
import re
import statistics

RATES = re.compile(r"(.*), (\d+ in \d+ types?)")  # a row of `rates`: what was done, and where
FLOODS = re.compile(r"(.*), (\d+/s .*), (alone|beside them)")  # a row of `floods`

COLUMNS = ("cpu_us", "rate", "busy", "p50_us", "p99_us", "bad")


class Figures:
    """Rows are named by what was measured and whom; each has one dict for each round."""

    def __init__(self, about):
        self.about = about  # date, machine, command, versions
        self.rows = {}
        self.bounds = {}  # what -> name of the server that is the bound

    def note(self, what, name, figures):
        self.rows.setdefault((what, name), []).append(figures)

    def has(self, what, name):
        return (what, name) in self.rows

    def median(self, what, name, key):
        return statistics.median(round_[key] for round_ in self.rows[(what, name)])

    def ratio(self, what, name):
        """Times the bound's CPU, or None for the bound itself and where there is none."""
        bound = self.bounds.get(what)
        if bound is None or bound == name or not self.has(what, bound):
            return None
        least = self.median(what, bound, "cpu_us")
        return self.median(what, name, "cpu_us") / least if least > 0 else None

    def select(self, key):
        """(what, name) of the rows that have this key, in the order of measuring."""
        return [row for row, rounds in self.rows.items() if key in rounds[0]]

    def names(self, what):
        return [name for row, name in self.rows if row == what]

    def show(self):
        for section in (self.show_costs, self.show_floods, self.show_beside, self.show_unread,
                        self.show_memory, self.show_instructions):
            for line in section():
                print(line)

    def show_costs(self):
        rows = self.select("cpu_us")
        width = max([25, *(len(what) for what, _ in rows)]) + 1
        if rows:
            yield (f"\n{'':{width}}{'':10}{'CPU us':>8}{'x echo':>8}{'rate/s':>10}{'busy':>6}"
                   f"{'p50 us':>9}{'p99 us':>9}{'bad':>7}   CPU us, all rounds")
        last = None
        for what, name in rows:
            ratio = self.ratio(what, name)
            rounds = self.rows[(what, name)]
            yield (f"{what if what != last else '':{width}}{name:10}"
                   f"{self.median(what, name, 'cpu_us'):8.2f}"
                   f"{'' if ratio is None else f'{ratio:.2f}':>8}"
                   f"{self.median(what, name, 'rate'):10.0f}"
                   f"{self.median(what, name, 'busy'):6.0%}"
                   f"{self.median(what, name, 'p50_us'):9.0f}"
                   f"{self.median(what, name, 'p99_us'):9.0f}"
                   f"{sum(one['bad'] for one in rounds):7}   "
                   + " ".join(f"{one['cpu_us']:.2f}" for one in rounds))
            last = what

    def show_beside(self):
        """Latency of queries with updates beside them."""
        rows = self.select("update_rate")
        if rows:
            yield (f"\n{'':38}{'p99 us':>8}{'x alone':>9}{'updates/s':>11}{'syncs/s':>9}{'bad':>7}"
                   f"   p99 us, all rounds")
        for what, name in rows:
            p99 = self.median(what, name, "p99_us")
            alone = self.median(rows[0][0], name, "p99_us")
            rounds = self.rows[(what, name)]
            yield (f"{what:28}{name:10}{p99:8.0f}{p99 / alone:9.2f}"
                   f"{self.median(what, name, 'update_rate'):11.0f}"
                   f"{self.syncs(what, name):>9}"
                   f"{sum(one['beside_bad'] for one in rounds):7}   "
                   + " ".join(f"{one['p99_us']:.0f}" for one in rounds))

    def flooded(self):
        """(what, the flood, server, rate beside it, rate alone) of `floods`."""
        for row, name in self.rows:
            match = FLOODS.fullmatch(row)
            if match and match[3] != "alone":
                alone = f"{match[1]}, {match[2]}, alone"
                yield (match[1], match[2], name, self.median(row, name, "rate"),
                       self.median(alone, name, "rate"))

    def show_floods(self):
        for what, load, name, rate, alone in self.flooded():
            yield f"{what}, {name}, beside {load} updates: {rate / alone:.0%} of its rate alone"

    def syncs(self, what, name):
        """Syncs a second; of Knot nobody counts them."""
        return "" if name == "knot" else f"{self.median(what, name, 'sync_rate'):.0f}"

    def show_unread(self):
        rows = self.select("worst_ms")
        if rows:
            yield f"\n{'':48}{'median ms':>10}{'worst ms':>10}   worst ms, all rounds"
        for what, name in rows:
            yield (f"{what:38}{name:10}{self.median(what, name, 'median_ms'):10.2f}"
                   f"{self.median(what, name, 'worst_ms'):10.2f}   "
                   + " ".join(f"{one['worst_ms']:.2f}" for one in self.rows[(what, name)]))

    def show_memory(self):
        rows = self.select("instance_octets")
        if rows:
            yield f"\n{'':26}{'':10}{'octets an instance':>20}{'RSS MiB':>10}"
        for what, name in rows:
            yield (f"{what:26}{name:10}{self.median(what, name, 'instance_octets'):20.0f}"
                   f"{self.median(what, name, 'rss') / 2**20:10.1f}")

        for what, name in self.select("restart_s"):
            yield (f"{what:36}{name:10}{self.median(what, name, 'restart_s'):10.2f} s, with a log of "
                   f"{self.median(what, name, 'log_octets') / 1e6:.1f} MB")

    def show_instructions(self):
        rows = self.select("instructions")
        if rows:
            yield f"\n{'instructions a query':26}{'':10}{'in user space':>15}{'over the echo':>15}"
        for what, name in rows:
            count = self.median(what, name, "instructions")
            over = count - self.median(what, "echo", "instructions")
            yield f"{what:26}{name:10}{count:15.0f}{'' if name == 'echo' else f'{over:.0f}':>15}"

    def write_json(self, path):
        rows = [{"what": what, "server": name, "rounds": rounds}
                for (what, name), rounds in self.rows.items()]
        with open(path, "w") as file:
            json.dump({**self.about, "figures": rows}, file, indent=1)
            file.write("\n")

    # ---- the README --------------------------------------------------------------------------

    def markdown(self):
        about = self.about
        yield (f"Medians of {about['rounds']} rounds on {about['date']}, `{about['command']}`, "
               f"{about['machine']}; {about['versions']}.")
        yield ""
        yield "| CPU us, and times the echo | " + " | ".join(self.cost_servers()) + " |"
        yield "| --- |" + " --- |" * len(self.cost_servers())
        for what in dict.fromkeys(what for what, _ in self.cost_rows()):
            cells = [self.cost_cell(what, name) for name in self.cost_servers()]
            yield f"| {what} | " + " | ".join(cells) + " |"
        yield from self.markdown_rates()
        yield from self.markdown_rest()

    def cost_rows(self):
        return [row for row in self.select("cpu_us")
                if not FLOODS.fullmatch(row[0]) and not RATES.fullmatch(row[0])]

    def cost_servers(self):
        return list(dict.fromkeys(name for _, name in self.cost_rows()))

    def cost_cell(self, what, name):
        if not self.has(what, name):
            return ""
        ratio = self.ratio(what, name)
        cpu = f"{self.median(what, name, 'cpu_us'):.1f}"
        return cpu if ratio is None else f"{cpu} ({ratio:.2f}x)"

    def markdown_rates(self):
        """A row for what was done to whom, a column for where."""
        found = [(RATES.fullmatch(what), name) for what, name in self.select("cpu_us")]
        found = [(match[1], match[2], name) for match, name in found if match]
        places = list(dict.fromkeys(where for _, where, _ in found))
        if places:
            yield ""
            yield "| 64 in flight: CPU us, rate/s, p99 ms | | " + " | ".join(places) + " |"
            yield "| --- | --- |" + " --- |" * len(places)
        for what in dict.fromkeys(what for what, _, _ in found):
            for name in dict.fromkeys(name for what_, _, name in found if what_ == what):
                cells = [self.rate_cell(f"{what}, {where}", name) for where in places]
                yield f"| {what} | {name} | " + " | ".join(cells) + " |"

    def rate_cell(self, what, name):
        if not self.has(what, name):
            return ""
        rate = self.median(what, name, "rate")
        times = ""
        if name == "waggled" and self.has(what, "knot"):
            times = f" ({rate / self.median(what, 'knot', 'rate'):.1f}x Knot)"
        return (f"{self.median(what, name, 'cpu_us'):.1f}, {rate:.0f}{times}, "
                f"{self.median(what, name, 'p99_us') / 1000:.1f}")

    def markdown_rest(self):
        beside = self.select("update_rate")
        memory = self.select("instance_octets")
        counted = self.select("instructions")
        if beside or memory or counted:
            yield ""
        for what, name in beside:
            load = f"{self.median(what, name, 'update_rate'):.0f} updates/s"
            if name != "knot":
                load = ("" if name == "echo" else f"{load}, ") + f"{self.syncs(what, name)} syncs/s"
            yield f"- p99 of {what}, {name}: {self.median(what, name, 'p99_us'):.0f} us at {load}"
        for what, load, name, rate, alone in self.flooded():
            yield (f"- {what}, {name}: {rate:.0f}/s beside {load} updates, which is {rate / alone:.0%} of its "
                   f"rate alone")
        for what, name in self.select("worst_ms"):
            yield (f"- {what}, {name}: median {self.median(what, name, 'median_ms'):.1f} ms, worst "
                   f"{self.median(what, name, 'worst_ms'):.1f} ms")
        for what, name in memory:
            yield (f"- {what}, {name}: {self.median(what, name, 'instance_octets'):.0f} octets "
                   f"an instance")
        for what, name in self.select("restart_s"):
            yield (f"- {what}, {name}: {self.median(what, name, 'restart_s'):.1f} s to the first answer, with "
                   f"{self.median(what, name, 'log_octets') / 1e6:.0f} MB of log behind the snapshot")
        for what in dict.fromkeys(what for what, _ in counted):
            counts = [self.median(what, name, "instructions") for name in ("waggled", "echo")]
            yield (f"- instructions a query in user space, {what}: {counts[0]:.0f}, the echo's "
                   f"{counts[1]:.0f}")

    def write_readme(self, path, picture):
        """Between the two marks; all else stays as it is."""
        with open(path) as file:
            text = file.read()
        lines = list(self.markdown())
        if picture is not None:
            target = os.path.relpath(picture, os.path.dirname(os.path.abspath(path)))
            lines = [f"![The figures as bars]({target})", "", *lines]
        block = "<!-- figures -->\n" + "\n".join(lines) + "\n<!-- end of figures -->"
        text, count = re.subn(r"<!-- figures -->.*<!-- end of figures -->", lambda _: block, text,
                              flags=re.S)
        if count != 1:
            raise SystemExit(f"bench: {path} has no place for figures")
        with open(path, "w") as file:
            file.write(text)
