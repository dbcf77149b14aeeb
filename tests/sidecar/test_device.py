"""A worker process seen from its parent."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from sidecar.device import Device, DeviceSpec, WorkerDiedError, list_devices
from sidecar.jobs import Batch, Work
from sidecar.tasks import SearchTask, decode_hits

SPEC = DeviceSpec(index=0, name="cpu", threads=1, profiles=("tiny",))
WORK = Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=169589409868286240)


def build_task(count: int) -> SearchTask:
    return SearchTask(work=WORK, host=b"h" * 20, batch=Batch(first=0, count=count))


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def read_environ(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def test_run__killed_in_the_middle_of_a_task__says_so() -> None:
    async def program() -> None:
        device = await Device.open(SPEC)
        assert (device.hello.device, device.hello.profiles) == ("cpu", ("tiny",))
        assert decode_hits(await device.run(build_task(64)))
        running = asyncio.create_task(device.run(build_task(1 << 16)))
        await asyncio.sleep(0.2)
        os.kill(device.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            await running
        with pytest.raises(WorkerDiedError):
            await device.run(build_task(1))
        await device.close()

    asyncio.run(program())


def test_run__on_the_cpu_while_others_have_it__tells_the_time_that_it_worked() -> None:
    async def program() -> None:
        device = await Device.open(SPEC)
        started = time.monotonic()
        running = asyncio.create_task(device.run(build_task(1 << 16)))
        await asyncio.sleep(0.2)
        os.kill(device.pid, signal.SIGSTOP)
        await asyncio.sleep(1)
        os.kill(device.pid, signal.SIGCONT)
        worked_s = (await running)["elapsed_ms"] / 1000
        assert 0.05 < worked_s < time.monotonic() - started - 0.9
        await device.close()

    asyncio.run(program())


def test_close__in_the_middle_of_a_task__the_process_is_gone() -> None:
    async def program() -> None:
        device = await Device.open(SPEC)
        running = asyncio.create_task(device.run(build_task(1 << 20)))
        await asyncio.sleep(0.1)
        await device.close()
        with pytest.raises(WorkerDiedError):
            await running
        assert not is_alive(device.pid)

    asyncio.run(program())


def test_open__no_such_device__says_why_every_backend_was_refused() -> None:
    async def program() -> None:
        device = await Device.open(DeviceSpec(index=0, name="cuda:77", threads=1, profiles=("tiny",)))
        assert device.hello.backend == ""
        assert device.hello.refused
        await device.close()

    asyncio.run(program())


@pytest.mark.parametrize(
    ("visible", "name", "sees"),
    [
        ("76,77", "cuda:1", "77"),
        ("MIG-00000000-aaaa-5bbb-8ccc-000000000001,MIG-00000000-aaaa-5bbb-8ccc-000000000002", "cuda:1", None),
        (None, "cuda:77", "77"),
    ],
)
def test_open__one_card_of_several__its_worker_sees_no_other_and_is_known_by_the_cards_name(
    visible: str | None, name: str, sees: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def program() -> None:
        device = await Device.open(DeviceSpec(index=0, name=name, threads=1, profiles=("tiny",)))
        given = sees or str(visible).split(",")[1]
        assert f"CUDA_VISIBLE_DEVICES={given}" in read_environ(device.pid)
        assert device.hello.device == name
        assert any(name in reason for _, reason in device.hello.refused)
        await device.close()

    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    asyncio.run(program())


def test_open__on_the_cpu__works_at_a_lower_priority_than_those_who_start_and_keep_deadlines() -> None:
    async def program() -> None:
        device = await Device.open(SPEC)
        await device.run(build_task(1))
        assert os.getpriority(os.PRIO_PROCESS, device.pid) > os.getpriority(os.PRIO_PROCESS, 0)
        await device.close()

    asyncio.run(program())


def test_list_devices__this_machine__its_gpus_or_its_cpu() -> None:
    names = asyncio.run(list_devices())
    assert names == ("cpu",) or all(name.startswith("cuda:") for name in names)


def test_open__the_workers_environment__its_idle_threads_do_not_spin() -> None:
    async def program() -> None:
        device = await Device.open(SPEC)
        variables = read_environ(device.pid)
        assert "OMP_WAIT_POLICY=passive" in variables
        assert "OMP_NUM_THREADS=1" in variables
        await device.close()

    asyncio.run(program())
