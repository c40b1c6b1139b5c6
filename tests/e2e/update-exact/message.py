"""UPDATE messages of any form, right or wrong: octet by octet."""
import hashlib
import hmac
import struct
import time

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ZONE = "exact.example"
IN, CH, NONE, ANY = 1, 3, 254, 255
ORIGIN = dns.name.from_text(ZONE)


def type_number(text):
    return int(dns.rdatatype.from_text(text)) if isinstance(text, str) else text


def name(text):
    """Relative to the zone; with a final dot it is whole."""
    return dns.name.from_text(text, ORIGIN).to_wire()


def rdata(rdtype, text):
    """From text; octets stay as they are."""
    if isinstance(text, bytes):
        return text
    made = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, ORIGIN, relativize=False)
    return made.to_wire()


def record(owner, rdtype, rdclass=IN, ttl=0, data=b""):
    octets = rdata(rdtype, data)
    fixed = struct.pack("!HHIH", type_number(rdtype), rdclass, ttl, len(octets))
    return name(owner) + fixed + octets


# The forms of RFC 2136 2.4 and 2.5.
def used(owner):
    return record(owner, "ANY", ANY)


def unused(owner):
    return record(owner, "ANY", NONE)


def exists(owner, rdtype):
    return record(owner, rdtype, ANY)


def missing(owner, rdtype):
    return record(owner, rdtype, NONE)


def equals(owner, rdtype, data):
    return record(owner, rdtype, IN, 0, data)


def add(owner, ttl, rdtype, data):
    return record(owner, rdtype, IN, ttl, data)


def delete_name(owner):
    return record(owner, "ANY", ANY)


def delete_set(owner, rdtype):
    return record(owner, rdtype, ANY)


def delete_one(owner, rdtype, data):
    return record(owner, rdtype, NONE, 0, data)


def zone(text=ZONE + ".", rdtype="SOA", rdclass=IN):
    return name(text) + struct.pack("!HH", type_number(rdtype), rdclass)


def message(updates=(), prereqs=(), zones=None, additional=(), flags=0x2800, counts=None):
    zones = [zone()] if zones is None else zones
    sections = [list(zones), list(prereqs), list(updates), list(additional)]
    counts = counts or [len(section) for section in sections]
    head = struct.pack("!6H", 0x1234, flags, *counts)
    return head + b"".join(b"".join(section) for section in sections)


def tsig(wire, key, secret, algorithm="hmac-sha256", **wrong):
    """The message with a TSIG (RFC 8945); `wrong` replaces parts of it, before or after signing."""
    owner = dns.name.from_text(key).canonicalize().to_wire()
    kind = dns.name.from_text(algorithm).to_wire()
    at = wrong.get("time", int(time.time()))
    fudge = wrong.get("fudge", 300)
    error = wrong.get("error", 0)
    other = wrong.get("other", b"")
    times = struct.pack("!HIH", at >> 32, at & 0xFFFFFFFF, fudge)
    tail = struct.pack("!HH", error, len(other)) + other
    variables = owner + struct.pack("!HI", ANY, 0) + kind + times + tail
    hashed = getattr(hashlib, algorithm.split("-")[1], hashlib.sha256)
    mac = hmac.new(secret, wire + variables, hashed).digest()
    mac = wrong.get("mac", mac)[: wrong.get("cut", 99)]
    data = kind + times + struct.pack("!H", len(mac)) + mac + wire[:2] + tail
    shown = wrong.get("owner", owner)
    rr = shown + struct.pack("!HHIH", 250, wrong.get("rdclass", ANY), wrong.get("ttl", 0), len(data))
    count = struct.unpack("!H", wire[10:12])[0] + wrong.get("count", 1)
    whole = wire[:10] + struct.pack("!H", count) + wire[12:]
    return whole + wrong.get("before", b"") + (rr + data) * wrong.get("times", 1) + wrong.get("behind", b"")
