"""A reply as something to compare: rcode, flags, question as spelled, sections as sets.

RFC 2181 5: the RRs of a set have no order; ours turns addresses and SRV, the others do or do not.
"""
import struct

# Where names stand in RDATA: n a name, a digit so many octets, . the rest.
LAYOUTS = {
    2: "n", 3: "n", 4: "n", 5: "n", 6: "nn.", 7: "n", 8: "n", 9: "n", 12: "n", 14: "nn",
    15: "2n", 17: "nn", 18: "2n", 21: "2n", 24: "99n.", 26: "2nn", 30: "n.", 33: "6n", 36: "2n",
    39: "n",
}  # fmt: skip
OPT = 41
FLAGS = {"AA": 0x400, "TC": 0x200, "RD": 0x100, "RA": 0x80, "Z": 0x40, "AD": 0x20, "CD": 0x10}
RCODES = ("NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH "
          "NOTZONE 11 12 13 14 15 BADVERS").split()  # fmt: skip


class Broken(Exception):
    """Octets that are no DNS message: no server may send such."""


def read_name(wire, at):
    """The name at `at` as octets, its spelling kept, and where it ends."""
    labels = b""
    end = None
    while True:
        size = wire[at]
        if size >= 0xC0:
            end = end or at + 2
            target = (size & 0x3F) << 8 | wire[at + 1]
            if target >= at:
                raise Broken("a pointer that does not lead back")
            at = target
            continue
        labels += wire[at : at + size + 1]
        at += size + 1
        if size == 0:
            return labels, end or at


def read_rdata(wire, kind, at, size):
    """RDATA with its names in full and folded (RFC 4343: servers may spell them as they like)."""
    end = at + size
    rdata = b""
    for field in LAYOUTS.get(kind, ""):
        if at >= end:
            break
        if field == "n":
            name, at = read_name(wire, at)
            rdata += name.lower()
        elif field != ".":
            rdata += wire[at : at + int(field)]
            at += int(field)
    return rdata + wire[at:end]


class Opt:
    def __init__(self, payload, ttl, rdata):
        self.payload = payload
        self.rcode = ttl >> 24
        self.version = ttl >> 16 & 255
        self.flags = ttl & 0xFFFF
        self.options = []
        while rdata:
            code, size = struct.unpack("!HH", rdata[:4])
            self.options.append((code, rdata[4 : 4 + size]))
            rdata = rdata[4 + size :]


class Reply:
    def __init__(self, wire):
        self.wire = wire
        try:
            self.read(wire)
        except (IndexError, struct.error) as error:
            raise Broken(f"{error}: {wire.hex()}") from None

    def read(self, wire):
        self.id, word, *counts = struct.unpack("!6H", wire[:12])
        self.opcode = word >> 11 & 15
        self.rcode = word & 15
        self.flags = {name for name, bit in FLAGS.items() if word & bit}
        self.is_response = bool(word & 0x8000)
        self.opt = None
        self.has_duplicates = False
        at = 12
        self.question = b""
        for _ in range(counts[0]):
            name, end = read_name(wire, at)
            self.question += name + wire[end : end + 4]
            at = end + 4
        self.answer, at = self.read_section(wire, at, counts[1])
        self.authority, at = self.read_section(wire, at, counts[2])
        self.additional, at = self.read_section(wire, at, counts[3])
        if at != len(wire):
            raise Broken(f"octets behind the message: {wire.hex()}")

    @property
    def sections(self):
        return self.answer, self.authority, self.additional

    def read_section(self, wire, at, count):
        records = set()
        for _ in range(count):
            owner, at = read_name(wire, at)
            kind, klass, ttl, size = struct.unpack("!HHIH", wire[at : at + 10])
            at += 10
            if at + size > len(wire):
                raise Broken(f"a record runs over: {wire.hex()}")
            if kind == OPT:
                self.opt = Opt(klass, ttl, wire[at : at + size])
                self.rcode |= self.opt.rcode << 4
            else:
                record = owner.lower(), kind, klass, ttl, read_rdata(wire, kind, at, size)
                self.has_duplicates |= record in records
                records.add(record)
            at += size
        return records, at

    def types(self, section):
        return {record[1] for record in section}


def name_text(name):
    """Octets of a name as a zone file has them."""
    text = ""
    while name and name[0]:
        for octet in name[1 : 1 + name[0]]:
            is_plain = 33 <= octet < 127 and chr(octet) not in '."\\;()@$'
            text += chr(octet) if is_plain else f"\\{octet:03}"
        text += "."
        name = name[1 + name[0] :]
    return text or "."


def record_text(record):
    owner, kind, klass, ttl, rdata = record
    return f"{name_text(owner)} {ttl} {klass} TYPE{kind} {rdata.hex()}"


def reply_text(reply):
    if reply is None:
        return "silence"
    rcode = RCODES[reply.rcode] if reply.rcode < len(RCODES) else str(reply.rcode)
    lines = [" ".join([rcode, *sorted(reply.flags)])]
    if reply.opt:
        options = ", ".join(f"{code}:{data.hex()}" for code, data in reply.opt.options)
        lines[0] += f" OPT({reply.opt.payload} {reply.opt.version} {reply.opt.flags:x} {options})"
    lines[0] += f" size {len(reply.wire)}"
    for label, section in zip(("an", "au", "ad"), reply.sections):
        lines += sorted(f"{label} {record_text(record)}" for record in section)
    return "\n        ".join(lines)
