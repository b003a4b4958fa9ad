"""The ranks of a run: processes that mpiexec started together, on one machine or on several.

Data between them are arrays and JSON. Without mpiexec there is a world of one, whose methods do nothing.
"""
import json
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from ternary.errors import DataError, ResourceError

if TYPE_CHECKING:
    import numpy as np

INSTALL = "pip install 'mpi4py>=4.1' mpich"
LAUNCHED = "TERNARY_LAUNCHED"     # set by `ternary launch`, which wants to know the processes
SILENT = re.compile(r"rank (\d+) \(\S+\) has given no sign of life for \d+ s")
LOST = 75                         # exit code when a rank is silent: a restart may help (EX_TEMPFAIL)
CHUNK = 1 << 18                   # elements of an array that travel together
SPINNING = 0.002                  # seconds until a waiting rank sleeps between two looks: it may share its core
FIRST_SPEAKS = 2.0                # seconds that rank 0 has to report an error that all ranks have


def number(*names: str) -> int | None:
    """The first of these environment variables that is set."""
    return next((int(os.environ[name]) for name in names if os.environ.get(name, "").isdecimal()), None)


def rank_here() -> int | None:
    """The rank that mpiexec of MPICH or Open MPI gave this process; None if it was started without, or is alone, as by
    other launchers of a cluster."""
    alone = number("PMI_SIZE", "OMPI_COMM_WORLD_SIZE") == 1 and LAUNCHED not in os.environ
    return None if alone else number("PMI_RANK", "OMPI_COMM_WORLD_RANK")


def ranks_here() -> int:
    """How many ranks share this machine."""
    return number("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE") or 1


def be_silent_behind_rank_0() -> None:
    """Rank 0 speaks for all: what another one prints goes nowhere, but for its own errors, see `World.fail`."""
    if rank_here():
        sys.stdout = sys.stderr = open(os.devnull, "w")


class World:
    """All ranks of a run; this class is a world of one. rank: of this process, 0 to size - 1."""
    rank, size = 0, 1
    sent = 0                      # bytes of arrays, as of a ring that sums them
    waited = 0.0                  # seconds, for the network or other ranks
    timeout = 60.0                # seconds without a sign of life after which a rank counts as lost

    def part(self, count: int) -> range:
        """Which of `count` things are this rank's: parts are contiguous, and differ by one at most."""
        return range(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def all_reduce(self, a: "np.ndarray") -> None:
        """Replace `a` (n,) by its sum over the ranks, the same bits on all of them."""

    def begin_all_reduce(self, a: "np.ndarray") -> Any:
        """`all_reduce` of at most CHUNK elements, which is done when `wait(what this returns)` is."""
        self.all_reduce(a)

    def progress(self, requests: list[Any]) -> None:
        """Let MPI make progress with sums that have begun; otherwise it does so in `wait` only."""

    def wait(self, request: Any) -> None:
        """Until the sum is done that `begin_all_reduce` began."""

    def all_to_all(self, a: "np.ndarray") -> None:
        """a (size, ...): row k goes to rank k, and becomes what rank k had for this one."""

    def all_gather(self, a: "np.ndarray") -> None:
        """a (size, ...): row k becomes that of rank k."""

    def broadcast(self, a: "np.ndarray") -> None:
        """Replace `a` by that of rank 0."""

    def first(self, make: Callable[[], Any]) -> Any:
        """What `make()` returns on rank 0, the only one that calls it: values of JSON."""
        return make()

    def barrier(self) -> None:
        """Wait until all ranks are here."""

    @contextmanager
    def first_here(self) -> Iterator[None]:
        """The lowest rank of each machine runs the block, then the others, who find in the cache what it made."""
        yield

    @contextmanager
    def folder(self, path: Path) -> Iterator[Path]:
        """The folder `path` of rank 0, elsewhere a copy of its files."""
        yield path

    def check_same(self, facts: dict[str, str]) -> None:
        """DataError if a fact is another one on rank 0."""

    def fail(self, message: str, code: int) -> None:
        """End all ranks, with this exit code, for an error of this one."""


class Ranks(World):
    """Those of MPI, by mpi4py."""

    def __init__(self) -> None:
        import mpi4py
        mpi4py.rc.finalize = False                # it would wait for a rank that failed
        from mpi4py import MPI
        self.MPI, self.comm = MPI, MPI.COMM_WORLD.Dup()
        self.rank, self.size = self.comm.rank, self.comm.size
        self.here = self.comm.Split_type(MPI.COMM_TYPE_SHARED, self.rank)
        places = bytearray(80 * self.size)
        self.comm.Allgather(f"{os.getpid()} {socket.gethostname()}"[:80].ljust(80).encode(), places)
        processes = [places[k:k + 80].decode().strip() for k in range(0, len(places), 80)]
        self.names = [f"rank {k} ({process.split()[1]})" for k, process in enumerate(processes)]
        if LAUNCHED in os.environ and not self.rank:
            print(";".join([LAUNCHED, *processes]), file=sys.__stderr__, flush=True)
        self.ending, self.thread = Event(), Thread(target=self.watch, args=(self.comm.Dup(),), daemon=True)
        self.thread.start()

    def wait(self, request: Any) -> None:
        start = time.perf_counter()
        while not request.Test():
            waited = time.perf_counter() - start
            # data only travel when somebody looks: sleeps of 10 ms made a sum over TCP ten times as slow
            time.sleep(0 if waited < SPINNING else 1e-4 if waited < 1 else 1e-3)
        self.waited += time.perf_counter() - start

    def all_reduce(self, a: "np.ndarray") -> None:
        for request in [self.begin_all_reduce(a[k:k + CHUNK]) for k in range(0, len(a), CHUNK)]:
            self.wait(request)

    def begin_all_reduce(self, a: "np.ndarray") -> Any:
        self.sent += 2 * a.nbytes * (self.size - 1) // self.size
        return self.comm.Iallreduce(self.MPI.IN_PLACE, a)

    def progress(self, requests: list[Any]) -> None:
        self.MPI.Request.Testall(requests)

    def all_to_all(self, a: "np.ndarray") -> None:
        self.wait(self.comm.Ialltoall(a.copy(), a))
        self.sent += a.nbytes * (self.size - 1) // self.size

    def all_gather(self, a: "np.ndarray") -> None:
        self.wait(self.comm.Iallgather(a[self.rank].copy(), a))
        self.sent += a.nbytes * (self.size - 1) // self.size

    def broadcast(self, a: "np.ndarray") -> None:
        self.wait(self.comm.Ibcast(a))

    def first(self, make: Callable[[], Any]) -> Any:
        return json.loads(self.bytes(json.dumps(make()).encode() if self.rank == 0 else b""))

    def bytes(self, data: bytes) -> bytes:
        """Those of rank 0."""
        size = bytearray(len(data).to_bytes(8, "little"))
        self.wait(self.comm.Ibcast(size))
        buffer = bytearray(data) if self.rank == 0 else bytearray(int.from_bytes(size, "little"))
        self.wait(self.comm.Ibcast([buffer, self.MPI.BYTE]))
        return bytes(buffer)

    def barrier(self) -> None:
        self.wait(self.comm.Ibarrier())

    @contextmanager
    def first_here(self) -> Iterator[None]:
        if self.here.rank:
            self.wait(self.here.Ibarrier())
        yield
        if not self.here.rank:
            self.wait(self.here.Ibarrier())

    @contextmanager
    def folder(self, path: Path) -> Iterator[Path]:
        names = self.first(lambda: sorted(p.name for p in path.iterdir() if p.is_file()))
        with tempfile.TemporaryDirectory() as own:
            for name in names:
                data = self.bytes((path / name).read_bytes() if self.rank == 0 else b"")
                if self.rank:
                    (Path(own) / name).write_bytes(data)
            yield Path(own) if self.rank else path

    def check_same(self, facts: dict[str, str]) -> None:
        for name, value in self.first(lambda: facts).items():
            if facts[name] != value:
                raise DataError(f"the {name} is not that of rank 0 ({facts[name]}, not {value}); give all machines the "
                                "same files and the same version of ternary")

    def watch(self, comm: Any) -> None:
        """In a thread: a sign of life goes to the next rank, and one is awaited from the rank before.

        Silence is counted in turns of this loop: after a pause of the whole machine nobody is silent.
        """
        beat, came, sent, silent = bytearray(1), bytearray(1), None, 0.0
        before = (self.rank - 1) % self.size
        while not self.ending.wait(turn := min(1.0, self.timeout / 5)):
            silent += turn
            if sent is None or sent.Test():
                sent = comm.Isend(beat, (self.rank + 1) % self.size)
            while comm.Iprobe(before):
                comm.Recv(came, before)
                silent = 0.0
            if silent > self.timeout:
                self.end(f"{self.names[before]} has given no sign of life for {silent:.0f} s; the job ends, its last "
                         "checkpoint is kept", LOST)
        self.barrier()                            # nobody sends any more
        while comm.Iprobe(before):
            comm.Recv(came, before)

    def fail(self, message: str, code: int) -> None:
        if self.rank:
            time.sleep(FIRST_SPEAKS)
            message = f"{self.names[self.rank]}: {message}"
        self.end(message if self.rank else "", code)

    def end(self, message: str, code: int) -> None:
        if message:
            print(f"Error: {message}", file=sys.__stderr__, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)              # MPI would explain what it was told to do
        self.MPI.COMM_WORLD.Abort(code)
        os._exit(code)                            # on a machine that is cut off, MPI comes back from there

    def leave(self) -> None:
        """At the end of this process. If an error ended it, mpiexec ends the others."""
        if getattr(sys, "last_value", None) is None:
            self.barrier()
            self.ending.set()
            self.thread.join()
            self.MPI.Finalize()


ALONE = World()


@cache
def world() -> World:
    """That of this process; the first call joins it. ResourceError without mpi4py."""
    if rank_here() is None:
        return ALONE
    import atexit
    be_silent_behind_rank_0()
    try:
        ranks = Ranks()
    except ImportError as error:
        raise ResourceError(f"mpiexec started this process, but mpi4py does not load ({error}); {INSTALL}") from None
    atexit.register(ranks.leave)
    return ranks


def joined() -> World:
    """The world of this process as far as it has been joined."""
    return world() if world.cache_info().currsize else ALONE
