"""The demo's processes: one chain, and a sidecar and a client for each host."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from chain_client.cosmos import CosmosLedger
from chain_client.errors import PermanentError
from commands.demo.cheat import LyingSidecar, serve_lies
from commands.demo.members import CHAIN_ID, Member, make_genesis, write_config
from commands.ports import find_free_port
from commands.processes import Child
from rules.presets import LOCAL
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub

START_TIMEOUT_S = 90
POLL_S = 0.1


class Network:
    """Owns the demo's processes; `directory` holds their homes and logs."""

    def __init__(self, directory: Path, members: tuple[Member, ...]) -> None:
        self.directory = directory
        self.members = members
        self.chain = Child(
            name="chain",
            words=("chain", "start", "--home", str(directory / "chain"), "--grpc", f"127.0.0.1:{find_free_port()}"),
            log=directory / "chain.log",
        )
        self.sidecars = {m.name: _make_sidecar(m) for m in members}
        self.clients = {
            m.name: Child(
                name=f"{m.name} client", words=("host", "run", "--home", str(m.home)), log=m.home / "client.log"
            )
            for m in members
        }
        self.stubs: dict[str, Any] = {}

    @property
    def children(self) -> list[Child]:
        """Every process, the chain last."""
        return [*self.clients.values(), *self.sidecars.values(), self.chain]

    def check_running(self) -> None:
        """Raises PermanentError `process_ended` for the first that ended by itself."""
        for child in self.children:
            child.check_running()

    async def start_sidecars(self, stack: AsyncExitStack) -> None:
        """Starts all sidecars and waits until each has passed its self-test."""
        for member in self.members:
            await self.sidecars[member.name].start()
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"unix:{member.sidecar_socket}"))
            self.stubs[member.name] = SidecarStub(channel)
        await asyncio.gather(*(self._await_sidecar(m) for m in self.members))

    async def start_chain(self) -> str:
        """Starts the chain; returns the gRPC address it serves."""
        home = self.directory / "chain"
        home.mkdir(parents=True, exist_ok=True)
        (home / "genesis.json").write_bytes(make_genesis(self.members))
        await self.chain.start()
        address_file = home / "grpc-address"
        deadline = time.monotonic() + START_TIMEOUT_S
        while not address_file.exists():
            self.chain.check_running()
            if time.monotonic() > deadline:
                raise PermanentError("demo_stalled", f"the chain did not start; see {self.chain.log}")
            await asyncio.sleep(POLL_S)
        return address_file.read_text().strip()

    async def start_clients(self, chain: str) -> None:
        """Starts the client of every host."""
        for member in self.members:
            write_config(member, chain)
            await self.clients[member.name].start()

    async def kill_and_restart(self, member: Member) -> int:
        """SIGKILL to a host's client and sidecar, both started again at once.

        Returns how many proofs of the running job the client had acknowledged, and so had on disk, before.
        """
        jobs = (await self.stubs[member.name].Status(pb.StatusRequest(), timeout=5)).jobs
        await asyncio.gather(self.clients[member.name].kill(), self.sidecars[member.name].kill())
        await asyncio.gather(self.clients[member.name].start(), self.sidecars[member.name].start())
        return max((int(job.acked_number) for job in jobs if job.running), default=0)

    async def acked(self, member: Member) -> int:
        """Proofs of the running job that the host's client has on disk."""
        jobs = (await self.stubs[member.name].Status(pb.StatusRequest(), timeout=5)).jobs
        return max((int(job.acked_number) for job in jobs if job.running), default=0)

    async def useful_share(self) -> float:
        """1 - device time spent on proofs and verification / device time up, over all sidecars."""
        answers = [await stub.Status(pb.StatusRequest(), timeout=5) for stub in self.stubs.values()]
        spent = sum(a.proof_device_ms + a.verify_device_ms for a in answers)
        return 1.0 - float(spent) / max(1.0, float(sum(a.device_up_ms for a in answers)))

    async def stop(self) -> None:
        """Stops everything; returns when no process is left."""
        for child in self.children:
            await child.stop()

    async def _await_sidecar(self, member: Member) -> None:
        child, stub = self.sidecars[member.name], self.stubs[member.name]
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            child.check_running()
            try:
                devices = (await stub.Capabilities(pb.CapabilitiesRequest(), timeout=5)).devices
                if devices and all(d.backend for d in devices):
                    return
            except grpc.aio.AioRpcError as error:
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    raise
            if time.monotonic() > deadline:
                raise PermanentError("demo_stalled", f"{child.name} did not start; see {child.log}")
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def run_network(
    directory: Path, members: tuple[Member, ...]
) -> AsyncIterator[tuple[Network, CosmosLedger, tuple[LyingSidecar, ...]]]:
    """A running network, a ledger on it, and a liar for each cheat; everything is stopped on leaving."""
    network = Network(directory, members)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(network.stop)
        await network.start_sidecars(stack)
        liars = []
        for cheat in (m for m in members if m.cheats):
            server, liar = await serve_lies(cheat.client_socket, cheat.sidecar_socket)
            stack.push_async_callback(server.stop, None)
            liars.append(liar)
        address = await network.start_chain()
        await network.start_clients(address)
        ledger = await stack.enter_async_context(CosmosLedger.open(address, chain_id=CHAIN_ID))
        yield network, ledger, tuple(liars)


def _make_sidecar(member: Member) -> Child:
    words = ("sidecar", "start", "--socket", str(member.sidecar_socket), "--state-dir", str(member.home / "sidecar"))
    return Child(
        name=f"{member.name} sidecar",
        words=(*words, "--devices", "cpu", "--threads", "1", "--profiles", LOCAL.sprint.profile),
        log=member.home / "sidecar.log",
    )
