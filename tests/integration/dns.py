# SPDX-License-Identifier: Apache-2.0
"""A nameserver on loopback whose answers, silences and delays the tests choose.

    server.addresses["a.example.net"] = ["10.0.0.1", "2001:db8::1"]
    server.behaviour["b.example.net"] = SILENT     # or SERVFAIL, or seconds of delay
    server.everything = SILENT                     # for names without a behaviour
    server.count("a.example.net")                  # questions for an IPv4 address
"""

import ipaddress
import socket
import struct
import threading

SILENT, SERVFAIL = "silent", "servfail"
TYPE_A, TYPE_AAAA = 1, 28
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3
TIME_TO_LIVE = 3600


def read_question(packet):
    """Name in lower case, type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return ".".join(labels), struct.unpack_from(">H", packet, at + 1)[0], at + 5


class NameServer:
    """Answers on .port; a name without addresses does not exist."""

    def __init__(self):
        self.addresses = {}
        self.behaviour = {}
        self.everything = None
        self.questions = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.is_open = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def setting(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.is_open = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()

    def count(self, name):
        """How often NAME's IPv4 address was asked for; repeats of one question, which
        come from the same socket with the same number, count once."""
        return len({(peer, number) for peer, number, asked, kind in list(self.questions)
                    if asked == name and kind == TYPE_A})

    def run(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            if not self.is_open:
                return
            name, kind, end = read_question(packet)
            self.questions.append((peer, packet[:2], name, kind))
            behaviour = self.behaviour.get(name, self.everything)
            if behaviour == SILENT:
                continue
            answer = self.answer(packet[:end], name, kind, behaviour)
            if isinstance(behaviour, (int, float)):
                timer = threading.Timer(behaviour, self.send, (answer, peer))
                timer.daemon = True
                timer.start()
            else:
                self.send(answer, peer)

    def send(self, answer, peer):
        try:
            self.socket.sendto(answer, peer)
        except OSError:
            pass  # closed meanwhile

    def answer(self, question, name, kind, behaviour):
        found = [address.packed
                 for address in map(ipaddress.ip_address, self.addresses.get(name, ()))
                 if {4: TYPE_A, 6: TYPE_AAAA}[address.version] == kind]
        status = (SERVER_FAILURE if behaviour == SERVFAIL
                  else NO_ERROR if name in self.addresses else NO_SUCH_NAME)
        if status != NO_ERROR:
            found = []
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | status, 1, len(found), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, TIME_TO_LIVE, len(address)) + address
            for address in found)
        return head + question[12:] + records
