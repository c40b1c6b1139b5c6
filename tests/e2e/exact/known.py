"""Where the servers differ, and why ours does what it does.

ROWS are about what is odd in a question: what ours has to answer, and what each of the others may.
EXPLANATIONS are about answers of which more than one is right; each says the section that leaves
the choice. What neither covers is a failure.
"""
from questions import ANY_TYPE
from reply import RCODES

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39
AFSDB, RT, KX, SVCB, HTTPS = 18, 21, 36, 64, 65
TARGET_AT = {CNAME: 0, DNAME: 0, NS: 0, PTR: 0, MX: 2, SRV: 6, AFSDB: 2, RT: 2, KX: 2}
TARGET_AT |= {SVCB: 2, HTTPS: 2}
HOPS = 16  # of a chain, ours

# Oddness; ours, Knot, NSD, BIND: rcodes, "silence", or * for whatever that server says. Ours * is
# an answer as if nothing were odd: who gives one too has to give the same.
ROWS = (
    ("short", "silence", "*", "*", "*"),
    ("response", "silence", "*", "*", "*"),
    # RFC 1035 4.1.1: NOTIMP, of IQUERY, STATUS, DSO and those that nobody has
    ("opcode 1", "NOTIMP", "*", "*", "*"),
    ("opcode 2", "NOTIMP", "*", "*", "*"),
    ("other opcode", "NOTIMP", "*", "*", "*"),
    # Malformed (a pointer that does not lead back, a label type, a cut message): FORMERR while
    # there is a header.
    ("malformed", "FORMERR", "*", "*", "*"),
    # RFC 9619: one question; a message of a header alone is no query either.
    ("questions", "FORMERR", "*", "*", "*"),
    ("no question", "FORMERR", "*", "*", "*"),
    # RFC 6891 6.1.1, 6.1.2: one OPT, in the additional section, its owner the root as one octet
    ("OPT misplaced", "FORMERR", "*", "*", "*"),
    # RFC 8945 5.1: TSIG comes last
    ("TSIG misplaced", "FORMERR", "*", "*", "*"),
    # RFC 6891 7, 7873 5.2.2, 9664 4: an option that we implement is malformed
    ("option", "FORMERR", "*", "*", "*"),
    # Options of others are theirs to judge: BIND refuses a malformed client subnet.
    ("other option", "*", "", "", "FORMERR"),
    # RFC 6891 6.1.3
    ("version", "BADVERS", "BADVERS FORMERR", "BADVERS FORMERR", "BADVERS FORMERR"),
    # RFC 6891 6.2.3: sizes below 512 are 512
    ("small payload", "*", "FORMERR", "", ""),
    # RFC 2136 3.1, 3.3: who may not update is REFUSED; RFC 1996 3.10: no zone of a secondary
    ("opcode 5", "REFUSED NOTAUTH FORMERR", "*", "*", "*"),
    ("opcode 4", "NOTAUTH", "*", "*", "*"),
    # RFC 6891 6.1.1, 8945 5.1, 2930 2: types that belong to a message, and NXNAME (RFC 9824 3.5)
    ("type 41", "FORMERR", "*", "*", "FORMERR"),
    ("type 128", "FORMERR", "*", "*", "*"),
    ("type 249", "FORMERR", "*", "*", "FORMERR"),
    ("type 250", "FORMERR", "*", "*", "FORMERR"),
    # RFC 1035 3.2.5: the one class of our zones is IN, and ANY is no class of a zone.
    ("class", "REFUSED", "*", "*", "*"),
    # RFC 5936 2.2.1, 4.2: no transfer that was not allowed, none of a name that is no zone, and no
    # AXFR by UDP; RFC 1995 3: IXFR wants the client's SOA.
    ("type 251", "REFUSED NOTAUTH FORMERR", "*", "*", "*"),
    ("type 252", "REFUSED NOTAUTH FORMERR", "*", "*", "*"),
    # Types that nobody has: no data, as for any other.
    ("type 0", "*", "NOTIMP", "", ""),
    ("type 253", "*", "", "", "NOTIMP"),
    ("type 254", "*", "", "", "NOTIMP"),
    # RFC 6895 3.1 keeps 128 to 255 for questions; those without a meaning find no data.
    ("question type", "*", "", "", "FORMERR"),
    # What means nothing in a query is not looked at.
    ("octets behind", "*", "FORMERR", "", "FORMERR"),
    ("records", "*", "", "FORMERR silence", "FORMERR"),
    ("rcode bits", "*", "", "FORMERR silence", ""),
)
PEERS = ("knot", "nsd", "bind")


def rcode_text(reply):
    return "silence" if reply is None else RCODES[reply.rcode]


def row_of(question, peer, ours, theirs):
    """The first row that covers this pair; None: the replies have to be compared."""
    for odd, wanted, *others in ROWS:
        if odd not in question.odd:
            continue
        other = others[PEERS.index(peer)]
        if wanted != "*" and rcode_text(ours) not in wanted.split():
            return None
        if other == "*" or rcode_text(theirs) in other.split():
            return odd
    return None


# ---- what explanations ask ---------------------------------------------------------------------


def target_of(record):
    """The name that a record leads to, None for those that lead nowhere."""
    owner, kind, _, _, rdata = record
    if kind not in TARGET_AT:
        return None
    begin = end = TARGET_AT[kind]
    while rdata[end]:
        end += 1 + rdata[end]
    # RFC 9460 2.5.2: "." is the owner
    return owner if kind in (SVCB, HTTPS) and begin == end else rdata[begin : end + 1].lower()


def is_in(name, apex):
    return name == apex or name.endswith(apex) and parents(name, apex)


def parents(name, apex):
    while len(name) > len(apex):
        name = name[1 + name[0] :]
    return name == apex


class Pair:
    """Two replies to one question, and the zones that both servers have."""

    def __init__(self, question, peer, ours, theirs, zones):
        self.question = question
        self.peer = peer
        self.ours = ours
        self.theirs = theirs
        self.zones = zones

    def zone_of(self, name):
        held = [apex for apex in self.zones if is_in(name, apex)]
        return max(held, key=len, default=None)

    def aliases(self):
        return [record for record in self.ours.answer if record[1] == CNAME]

    def is_same(self, *parts):
        return all(getattr(self.ours, part) == getattr(self.theirs, part) for part in parts)

    def more(self):
        """What our additional section has more; None where it also has less."""
        more = self.ours.additional - self.theirs.additional
        return more if self.theirs.additional <= self.ours.additional else None


# ---- explanations ------------------------------------------------------------------------------


def one_set_for_ANY(pair):
    """RFC 8482 4.1: to ANY one set, or any number, by UDP; ours has all by TCP."""
    ours, theirs = pair.ours, pair.theirs
    sets = {record[:2] for record in ours.answer if record[1] not in (CNAME, DNAME)}
    return (
        pair.question.kind == ANY_TYPE
        and ours.rcode == theirs.rcode
        and bool(ours.answer) == bool(theirs.answer)
        and ours.authority <= theirs.authority
        and (pair.question.tcp or len(sets) <= 1)
    )


def the_chain_goes_on_for_ANY(pair):
    """RFC 6672 3.2 step 3C: behind a DNAME back to step 1 whatever the type; BIND stops for ANY."""
    return (
        pair.peer == "bind"
        and pair.question.kind == ANY_TYPE
        and DNAME in pair.ours.types(pair.ours.answer)
        and pair.theirs.answer <= pair.ours.answer
    )


def a_chain_into_another_zone_of_ours(pair):
    """RFC 1034 4.3.2 step 3a: back to step 1, where all zones are searched."""
    zones = {pair.zone_of(target_of(alias)) for alias in pair.aliases()}
    leaves = any(zone not in (None, pair.zone_of(pair.question.name.lower())) for zone in zones)
    return leaves and pair.theirs.answer <= pair.ours.answer


def addresses_in_another_zone_of_ours(pair):
    """RFC 1034 4.3.2 step 6: what local data has and may be useful."""
    ours = pair.ours
    more = pair.more()
    here = {pair.zone_of(record[0]) for record in ours.answer | ours.authority}
    return (
        pair.is_same("rcode", "flags", "answer", "authority")
        and bool(more)
        and all(pair.zone_of(record[0]) not in here for record in more)
    )


def services_of_a_PTR(pair):
    """RFC 6763 12.1: SRV and TXT of the instances that a PTR names, and their addresses."""
    instances = {target_of(record) for record in pair.ours.answer if record[1] == PTR}
    more = pair.more() or set()
    hosts = {target_of(record) for record in more if record[1] == SRV}
    return (
        pair.is_same("rcode", "flags", "answer", "authority")
        and bool(more)
        and all(r[0] in instances if r[1] in (SRV, TXT) else r[0] in hosts for r in more)
    )


def targets_of_other_types(pair):
    """RFC 1183 (AFSDB, RT), 2230 (KX), 9460 4.1 (SVCB, HTTPS): the addresses of targets, as BIND
    adds them; those of aliases of services too, as Knot does."""
    more, less = pair.more() or set(), pair.theirs.additional - pair.ours.additional
    kinds = (SVCB, HTTPS) if pair.peer == "bind" else (AFSDB, RT, KX, SVCB, HTTPS)
    targets = {target_of(record) for record in pair.ours.answer}
    return (
        pair.is_same("rcode", "flags", "answer", "authority")
        and pair.question.kind in kinds
        and (more or less)
        and all(record[0] in targets for record in more)
        and (not less or pair.peer == "bind")
    )


def glue_is_about_name_servers(pair):
    """RFC 1034 4.2.1: glue is for finding servers. So it is added to NS, as Knot and NSD do, and
    not to SRV or MX, as NSD and BIND do."""
    more, less = pair.more(), pair.theirs.additional - pair.ours.additional
    return pair.is_same("rcode", "flags", "answer", "authority") and (
        pair.peer == "bind" and pair.question.kind == NS and bool(more)
        or pair.peer == "knot" and pair.question.kind in (SRV, MX) and bool(less)
    )


def all_addresses_of_a_referral(pair):
    """RFC 1034 4.3.2 step 3b: whatever addresses are available; BIND: those below the cut alone."""
    more = pair.more()
    servers = {target_of(record) for record in pair.ours.authority if record[1] == NS}
    cuts = {record[0] for record in pair.ours.authority if record[1] == NS}
    return (
        pair.peer == "bind"
        and pair.is_same("rcode", "flags", "answer", "authority")
        and bool(more)
        and all(r[0] in servers and not any(is_in(r[0], cut) for cut in cuts) for r in more)
    )


def a_loop_is_shown(pair):
    """A chain that comes back or never ends: its records, NOERROR; BIND says SERVFAIL."""
    aliases = pair.aliases()
    owners = {record[0] for record in aliases}
    ends = {target_of(record) for record in aliases} - owners
    is_endless = not ends or len(aliases) >= HOPS or "TC" in pair.ours.flags
    is_known = pair.theirs.answer <= pair.ours.answer or pair.ours.answer <= pair.theirs.answer
    return bool(aliases) and is_endless and is_known and RCODES[pair.ours.rcode] == "NOERROR"


def a_long_chain(pair):
    """RFC 1034 3.6.2: chains are followed, ours up to 16 names; Knot stops after 5."""
    return (
        pair.peer == "knot" and len(pair.aliases()) > 5 and pair.theirs.answer < pair.ours.answer
    )


def a_CNAME_for_every_type(pair):
    """RFC 1034 4.3.2 step 3a: any type but CNAME follows it. The others do not for those that
    RFC 4034 lets stand beside a CNAME, or once did; none does here."""
    kinds = {"bind": (24, 25, 30, 46, 47), "knot": (46, 47), "nsd": (46, 47, 50)}[pair.peer]
    return pair.question.kind in kinds and CNAME in pair.ours.types(pair.ours.answer)


def what_does_not_fit(pair):
    """RFC 2181 9: additional sets that do not fit are left out; TC says that required ones were.

    One server has room where another has none: BIND spells owners as the zone does, so that they
    are written again where the question spells them otherwise, and adds nothing at 512 octets; NSD
    has the zone's NS in it. RFC 2308 3 requires the SOA, yet Knot leaves it out without TC.
    """
    ours, theirs = pair.ours, pair.theirs
    limit = pair.question.limit()
    if "TC" in ours.flags & theirs.flags:
        return pair.is_same("rcode", "flags")
    is_soa_left_out = pair.peer == "knot" and "TC" in ours.flags and not theirs.authority
    if is_soa_left_out and pair.is_same("rcode", "answer"):
        return True
    if "TC" in ours.flags ^ theirs.flags:
        whole = ours if "TC" in theirs.flags else theirs
        return len(whole.wire) + spelling(pair, whole) > limit
    missing = ours.additional ^ theirs.additional
    size = max(len(ours.wire), len(theirs.wire)) + spelling(pair, ours) + 28 * len(missing)
    is_bare = pair.peer == "bind" and limit <= 512 and not theirs.additional
    return (
        pair.is_same("rcode", "flags", "answer", "authority")
        and bool(missing)
        and (is_bare or size > limit)
    )


def spelling(pair, reply):
    """Octets by which two servers may differ in writing the same records."""
    owners = {record[0] for section in reply.sections for record in section}
    return sum(len(owner) for owner in owners) if pair.peer == "bind" else 40


def refusals_have_what_could_be_read(pair):
    """RFC 1035 4.1.2, 6891 6.1.1: the question, and OPT where there was one."""
    ours, theirs = pair.ours, pair.theirs
    return (
        ours.rcode == theirs.rcode
        and RCODES[ours.rcode] not in ("NOERROR", "NXDOMAIN")
        and pair.is_same("answer", "authority", "additional")
        and (ours.question == theirs.question or not theirs.question)
        and (theirs.opt is None or ours.opt is not None)
    )


EXPLANATIONS = (
    what_does_not_fit,
    a_loop_is_shown,
    a_long_chain,
    a_chain_into_another_zone_of_ours,
    addresses_in_another_zone_of_ours,
    services_of_a_PTR,
    targets_of_other_types,
    glue_is_about_name_servers,
    all_addresses_of_a_referral,
    a_CNAME_for_every_type,
    the_chain_goes_on_for_ANY,
    one_set_for_ANY,
    refusals_have_what_could_be_read,
)


def explanation_of(pair):
    for explanation in EXPLANATIONS:
        if explanation(pair):
            return explanation.__name__
    return None
