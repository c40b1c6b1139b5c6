"""The questions: names from the zones and around them, all types, odd heads, broken octets.

A Question is made of octets alone: what is odd about it is read from them, so that also what chance
has broken is known for what it is.
"""
import struct

IN, CH, HS, NONE, ANY = 1, 3, 4, 254, 255
QUERY, NOTIFY, UPDATE = 0, 4, 5
OPT, NXNAME, TKEY, TSIG = 41, 128, 249, 250
IXFR, AXFR, MAILB, MAILA, ANY_TYPE = range(251, 256)
DO = 0x8000
ODD_TYPES = (0, OPT, NXNAME, TKEY, TSIG, IXFR, AXFR, MAILB, MAILA, ANY_TYPE)
COMMON_TYPES = (1, 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 43, 65280)
TYPES = tuple(range(1, 110)) + (256, 257, 258, 4711, 32768, 32769, 65280, 65281, 65534, 65535)
PLAIN_TYPES = tuple(kind for kind in TYPES if kind not in ODD_TYPES)
COOKIE, NSID, SUBNET, KEEPALIVE, PADDING, LEASE = 10, 3, 8, 11, 12, 2


# ---- what a message is -------------------------------------------------------------------------


class Malformed(Exception):
    pass


def take(wire, at, size):
    if at + size > len(wire):
        raise Malformed
    return at + size


def take_name(wire, at):
    """The name at `at`, its pointers followed, and where it ends."""
    name = b""
    end = None
    low = at
    while True:
        take(wire, at, 1)
        size = wire[at]
        if size >= 0xC0:
            take(wire, at, 2)
            end = end or at + 2
            at = (size & 0x3F) << 8 | wire[at + 1]
            if not 12 <= at < low:
                raise Malformed
            low = at
            continue
        if size > 63:
            raise Malformed
        name += wire[at : take(wire, at, size + 1)]
        at += size + 1
        if len(name) > 255:
            raise Malformed
        if size == 0:
            return name, end or at


class Question:
    """`odd`: a word for each thing that makes it other than what resolvers ask."""

    def __init__(self, wire, tcp=False):
        self.wire = wire
        self.tcp = tcp
        self.odd = set()
        self.name = None
        self.kind = self.klass = 0
        self.payload = None
        self.options = set()
        try:
            self.read(wire)
        except Malformed:
            self.odd.add("malformed")

    def read(self, wire):
        if len(wire) < 12:
            self.odd.add("short")
            return
        _, self.flags, *counts = struct.unpack("!6H", wire[:12])
        self.opcode = self.flags >> 11 & 15
        if self.flags & 0x8000:
            self.odd.add("response")
        if self.opcode != QUERY:
            known = self.opcode in (1, 2, NOTIFY, UPDATE)
            self.odd.add(f"opcode {self.opcode}" if known else "other opcode")
        if self.flags & 0x0F:
            self.odd.add("rcode bits")
        if self.flags & 0x0600:
            self.odd.add("AA or TC")
        if self.flags & 0x00F0:
            self.odd.add("RA, Z, AD or CD")
        self.read_sections(wire, counts)

    def read_sections(self, wire, counts):
        if counts[0] != 1:
            self.odd.add("no question" if counts[0] == 0 else "questions")
        at = 12
        for _ in range(counts[0]):
            name, at = take_name(wire, at)
            end = take(wire, at, 4)
            if self.name is None:
                self.name = name
                self.question = name + wire[at:end]
                self.kind, self.klass = struct.unpack("!HH", wire[at:end])
            at = end
        if self.klass != IN:
            self.odd.add("class")
        if self.kind in ODD_TYPES:
            self.odd.add(f"type {self.kind}")
        elif 128 <= self.kind <= 255:
            self.odd.add("question type")
        for section, count in enumerate(counts[1:]):
            for left in range(count, 0, -1):
                at = self.read_record(wire, at, section, left == 1)
        if at < len(wire):
            self.odd.add("octets behind")

    def read_record(self, wire, at, section, is_last):
        owner_size = wire[at] if at < len(wire) else 0
        _, at = take_name(wire, at)
        end = take(wire, at, 10)
        kind, klass, ttl, size = struct.unpack("!HHIH", wire[at:end])
        at = take(wire, end, size)
        if kind == OPT:
            if section != 2 or self.payload is not None or owner_size != 0:
                self.odd.add("OPT misplaced")
            self.read_opt(klass, ttl, wire[end:at])
        elif kind == TSIG:
            self.odd.add("TSIG" if section == 2 and is_last else "TSIG misplaced")
        else:
            self.odd.add("records")
        return at

    def read_opt(self, payload, ttl, rdata):
        self.payload = max(payload, 512)
        if ttl >> 24:
            self.odd.add("extended rcode")
        if ttl & 0x7FFF:
            self.odd.add("EDNS flags")
        if payload < 512:
            self.odd.add("small payload")
        if ttl >> 16 & 255:
            self.odd.add("version")
            return  # nothing is known of its options
        while rdata:
            if len(rdata) < 4:
                raise Malformed
            code, size = struct.unpack("!HH", rdata[:4])
            if len(rdata) < 4 + size:
                raise Malformed
            self.options.add(code)
            if code == COOKIE and size != 8 and not 16 <= size <= 40:
                self.odd.add("option")
            if code == LEASE and size not in (4, 8):
                self.odd.add("option")
            if code not in (COOKIE, LEASE, NSID):
                self.odd.add("other option")
            rdata = rdata[4 + size :]

    def limit(self):
        """Octets that a reply may have."""
        return 65535 if self.tcp else min(self.payload or 512, 1232)


# ---- making messages ---------------------------------------------------------------------------


def opt(payload=1232, version=0, flags=0, options=b"", rcode=0, owner=b"\0"):
    ttl = rcode << 24 | version << 16 | flags
    return owner + struct.pack("!HHIH", OPT, payload, ttl, len(options)) + options


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def record(owner=b"\1x\0", kind=1, klass=IN, ttl=1, rdata=b"\xc0\0\2\1"):
    return owner + struct.pack("!HHIH", kind, klass, ttl, len(rdata)) + rdata


def message(name, kind, klass=IN, flags=0, additional=(), counts=None, before=b"", after=b""):
    """`before`: records of other sections, which `counts` has to count."""
    counts = counts or (1, 0, 0, len(additional))
    head = struct.pack("!6H", 0, flags, *counts)
    body = name + struct.pack("!HH", kind, klass) + before + b"".join(additional)
    return head + body + after


# ---- names -------------------------------------------------------------------------------------


def labels_of(name):
    labels = []
    while name[0]:
        labels.append(name[1 : 1 + name[0]])
        name = name[1 + name[0] :]
    return labels


def name_of(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def case_changed(dice, name):
    """Each letter in either case; length octets are no letters, being below 64."""
    return bytes(
        octet ^ 0x20 if chr(octet).isalpha() and octet < 128 and dice.random() < 0.5 else octet
        for octet in name
    )


def around(dice, names):
    """A name of the zones, or one near it: above, below, beside, as a star, one too long."""
    name = dice.choice(names)
    labels = labels_of(name)
    at = dice.randrange(len(labels))
    ways = (
        lambda: labels,
        lambda: labels,
        lambda: labels,
        lambda: labels[1:],
        lambda: [dice.choice((b"x", b"www", b"host", b"*", b"ns1", b"a"))] + labels,
        lambda: [b"y", b"x"] + labels,
        lambda: [dice.choice((b"zz", b"", b"\0")) + labels[0][:50] + b"0"] + labels[1:],
        lambda: [b"*"] + labels[dice.randint(0, 1) :],
        lambda: labels[:at] + labels[at + 1 :],
        lambda: [b"l" * 63] * dice.randint(1, 3) + labels,
        lambda: labels[:at] + [b"new"] + labels[at:],
    )
    changed = name_of(dice.choice(ways)())
    return case_changed(dice, changed if len(changed) <= 255 else name)


# ---- the kinds of questions --------------------------------------------------------------------


def some_opt(dice):
    payload = dice.choice((512, 600, 1000, 1232, 1232, 1232, 1400, 4096, 65535))
    return opt(payload, flags=dice.choice((0, DO)))


def ordinary(dice, names):
    """What resolvers ask: any name, any type, with or without EDNS of any size."""
    kind = dice.choice(COMMON_TYPES if dice.random() < 0.7 else PLAIN_TYPES)
    additional = [some_opt(dice)] if dice.random() < 0.7 else []
    return message(around(dice, names), kind, IN, dice.choice((0, 0x0100)), additional)


def odd_type(dice, names):
    kind = dice.choice(ODD_TYPES + (ANY_TYPE, ANY_TYPE, dice.randint(129, 248)))
    return message(around(dice, names), kind, IN, 0, [some_opt(dice)])


def odd_class(dice, names):
    klass = dice.choice((0, CH, HS, NONE, ANY, 2, 256, 65535))
    names = names + [b"\7version\4bind\0", b"\2id\6server\0"]
    return message(around(dice, names), dice.choice((1, 16, 255)), klass, 0, [some_opt(dice)])


def odd_flags(dice, names):
    flags = dice.choice((dice.randrange(1 << 16) & 0x07FF, 1 << dice.randrange(11)))
    return message(around(dice, names), dice.choice(COMMON_TYPES), IN, flags, [some_opt(dice)])


def odd_opcode(dice, names):
    opcode = dice.choice((0, 1, 2, 3, NOTIFY, NOTIFY, UPDATE, UPDATE, 6, 7, 15))
    kind = dice.choice((6, 1)) if opcode in (NOTIFY, UPDATE) else 1
    apexes = [name for name in names if name.count(b"\7example") and len(name) < 30]
    name = dice.choice(apexes) if dice.random() < 0.7 else around(dice, names)
    return message(name, kind, IN, opcode << 11, dice.choice(([], [some_opt(dice)])))


def odd_edns(dice, names):
    """Sizes, versions, flags and options, right and wrong."""
    options = (
        b"",
        option(NSID),
        option(NSID, b"what is sent here is ignored"),
        option(COOKIE, dice.randbytes(8)),
        option(COOKIE, dice.randbytes(dice.choice((0, 7, 9, 15, 16, 24, 40, 41)))),
        option(SUBNET, b"\0\1\x18\0\xc0\0\2"),
        option(SUBNET, b"\0\1\x18\0\xc0"),
        option(SUBNET, b"\0"),
        option(PADDING, bytes(dice.randrange(200))),
        option(KEEPALIVE, dice.choice((b"", b"\0\1", b"\0"))),
        option(LEASE, dice.choice((b"", b"\0\0\0\1", bytes(8), bytes(5)))),
        option(dice.randrange(1, 65536), dice.randbytes(dice.randrange(20))),
        option(65001, dice.randbytes(500)),
        option(5, b"\x08\x0a\x0d") + option(6, b"\2") + option(7, b"\1") + option(9),
        option(NSID)[:3],
        option(NSID) + b"\0",
        struct.pack("!HH", PADDING, 10) + b"short",
    )
    record = opt(
        dice.choice((0, 1, 100, 511, 512, 513, 1231, 1232, 1233, 4096, 65535)),
        dice.choice((0, 0, 0, 0, 1, 2, 255)),
        dice.choice((0, DO, 1, 0x4000, 0xFFFF)),
        b"".join(dice.choice(options) for _ in range(dice.choice((0, 1, 1, 2)))),
        dice.choice((0, 0, 0, 1, 255)),
    )
    return message(around(dice, names), dice.choice(COMMON_TYPES), IN, 0, [record])


def odd_records(dice, names):
    """Records where a query has none, OPT where it may not be, counts that lie, octets behind."""
    name, kind = around(dice, names), dice.choice(COMMON_TYPES)
    simple, edns = record(), some_opt(dice)
    return dice.choice((
        message(name, kind, before=simple, counts=(1, 1, 0, 0)),
        message(name, kind, before=simple, counts=(1, 0, 1, 0)),
        message(name, kind, before=simple, counts=(1, 0, 1, 1), additional=[edns]),
        message(name, kind, additional=[simple]),
        message(name, kind, additional=[simple, edns]),
        message(name, kind, additional=[edns, simple]),
        message(name, kind, additional=[edns, edns]),
        message(name, kind, before=edns, counts=(1, 1, 0, 0)),
        message(name, kind, before=edns, counts=(1, 0, 1, 0)),
        message(name, kind, additional=[opt(owner=b"\1x\0")]),
        message(name, kind, additional=[opt(owner=struct.pack("!H", 0xC000 | 11 + len(name)))]),
        message(name, kind, counts=(0, 0, 0, 0), additional=[])[:12],
        message(name, kind, counts=(0, 0, 0, 1), additional=[])[:12] + edns,
        message(name, kind, counts=(0, 0, 0, 0)),
        message(name, kind, counts=(2, 0, 0, 0), before=name + b"\0\1\0\1"),
        message(name, kind, counts=(2, 0, 0, 0)),
        message(name, kind, counts=(1, 0, 0, 1)),
        message(name, kind, counts=(1, 1, 0, 0)),
        message(name, kind, counts=(1, 0, 0, 0), after=dice.randbytes(dice.randint(1, 30))),
        message(name, kind, additional=[edns], after=b"\0"),
    ))  # fmt: skip


def broken(dice, names):
    """One to three faults of kinds that parsers fear; the ID stays, to know the reply by."""
    data = bytearray(ordinary(dice, names))
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(2, max(len(data), 3))
        begin, end, put = dice.choice((
            (at, at + 1, dice.randbytes(1)),
            (at, at + 1, dice.choice((b"\0", b"\x40", b"\x80"))),
            (at, at + 2, struct.pack("!H", 0xC000 | dice.randrange(60))),
            (at, None, b""),
            (at, at + 1, b""),
            (at, at, dice.randbytes(dice.randint(1, 9))),
            (4, 12, struct.pack("!4H", 1, *dice.choices((0, 0, 1, 9), k=3))),
        ))  # fmt: skip
        data[begin:end] = put
    return bytes(data)
