"""Machines with a network between them, on this machine: network namespaces, whose packets a thread of this process
passes on after as long as a network of a given rate and latency would take, or drops while the network is cut.

Linux, root, ip (iproute2), /dev/net/tun.
"""
import fcntl
import heapq
import os
import select
import struct
import subprocess
import time
from threading import Thread

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000          # of linux/if_tun.h
MTU = 65000                       # bytes of a packet: fewer packets to pass on than over Ethernet
# ranks meet over the network, not in shared memory
ENVIRONMENT = {"MPIR_CVAR_NOLOCAL": "1", "UCX_TLS": "tcp,self"}


class Network:
    """A context manager. mbit: of each machine's line, in each direction; latency: seconds from machine to machine."""

    def __init__(self, machines: int, mbit: float | None = None, latency: float = 0.0):
        self.names = [f"ternary-{os.getpid()}-{k}" for k in range(machines)]
        self.devices = [f"tern{os.getpid() % 10**5}-{k}" for k in range(machines)]
        self.seconds_per_byte, self.latency = 8e-6 / mbit if mbit else 0.0, latency
        self.is_cut, self.ending, self.passed = False, False, 0                # passed: bytes

    def on(self, machine: int, command: list[str]) -> list[str]:
        """The command, on that machine."""
        return ["ip", "netns", "exec", self.names[machine], *command]

    def __enter__(self) -> "Network":
        self.lines = [self.connected(k) for k in range(len(self.names))]
        self.thread = Thread(target=self.pass_on, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending = True
        self.thread.join()
        for line in self.lines:
            os.close(line)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=True)

    def connected(self, number: int) -> int:
        """A new machine -> the file through which its packets go."""
        device, name = self.devices[number], self.names[number]
        line = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(line, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
        for command in (f"netns add {name}", f"link set {device} netns {name}", f"-n {name} link set lo up",
                        f"-n {name} addr add 10.77.0.{number + 1}/24 dev {device}",
                        f"-n {name} link set {device} mtu {MTU} up", f"-n {name} route add default dev {device}"):
            subprocess.run(["ip", *command.split()], check=True)
        return line

    def pass_on(self) -> None:
        """Packets wait for their line, then for the latency."""
        under_way: list[tuple[float, int, int, bytes]] = []       # when they arrive, their number, where to, they
        free, number = [0.0] * len(self.lines), 0
        while not self.ending:
            wait = max(0.0, under_way[0][0] - time.perf_counter()) if under_way else 0.1
            ready, _, _ = select.select(self.lines, [], [], wait)
            now = time.perf_counter()
            for line in ready:
                packet = os.read(line, MTU + 100)
                to = packet[19] - 1                               # the last byte of the address in an IPv4 header
                if packet[0] >> 4 != 4 or packet[16:19] != b"\x0a\x4d\x00" or not 0 <= to < len(self.lines):
                    continue
                source, number = self.lines.index(line), number + 1
                free[source] = max(now, free[source]) + len(packet) * self.seconds_per_byte
                heapq.heappush(under_way, (free[source] + self.latency, number, to, packet))
            while under_way and under_way[0][0] <= time.perf_counter():
                _, _, to, packet = heapq.heappop(under_way)
                if not self.is_cut:
                    self.passed += os.write(self.lines[to], packet)
