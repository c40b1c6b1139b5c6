"""A receiver of zone transfers that reads when the case wants it to, and checks what it reads."""
import socket

import dns.message
import dns.rdatatype
import dns.rrset

from lib import PATIENCE, framed, receive_message


def transfer_query(zone, keyring=None, key="ops", rdtype="AXFR", serial=None):
    """Signed, if there is a keyring; with `serial` the SOA of an IXFR."""
    query = dns.message.make_query(zone, rdtype)
    query.flags = 0
    query.use_edns(0, payload=1232)
    if serial is not None:
        soa = f"a. b. {serial} 1 1 1 1"
        query.authority.append(dns.rrset.from_text(zone + ".", 0, "IN", "SOA", soa))
    if keyring:
        query.use_tsig(keyring, key, algorithm="hmac-sha256")
    return query


class Receiver:
    """One transfer, read message by message; dnspython verifies the chain of TSIGs."""

    def __init__(self, server, query, room=None):
        self.query = query
        self.context = None
        self.sizes = []
        self.soas = []
        self.records = []
        self.client = socket.socket()
        if room:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.client.settimeout(10 * PATIENCE)
        self.client.connect((server.address, server.port))
        self.wire = query.to_wire()
        self.client.sendall(framed(self.wire))

    def next(self):
        wire = receive_message(self.client)
        message = dns.message.from_wire(
            wire,
            keyring=self.query.keyring,
            request_mac=self.query.mac,
            xfr=True,
            one_rr_per_rrset=True,
            tsig_ctx=self.context,
            multi=True,
        )
        self.context = message.tsig_ctx
        self.sizes.append(len(wire))
        for rrset in message.answer:
            kind = dns.rdatatype.to_text(rrset.rdtype)
            line = (rrset.name.to_text(), rrset.ttl, kind, rrset[0].to_text())
            if kind == "SOA":
                self.soas.append((len(self.records), rrset[0].serial))
            else:
                self.records.append(line)
        return message

    def rest(self):
        """To the closing SOA; False: the connection ended before it."""
        try:
            while len(self.soas) < 2:
                self.next()
        except ConnectionError:
            return False
        finally:
            self.client.close()
        return True
