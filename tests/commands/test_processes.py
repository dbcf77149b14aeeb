"""Children of a local network are really started, stopped and killed."""

import asyncio
from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from commands.processes import Child


def test_child__that_ends_by_itself__is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        child = Child(name="explainer", words=("explain", "no_such_code"), log=tmp_path / "log")
        await child.start()
        assert child.process is not None
        async with asyncio.timeout(30):
            await child.process.wait()
        with pytest.raises(PermanentError, match="code_unknown") as caught:
            child.check_running()
        assert caught.value.code == "process_ended"
        await child.stop()

    asyncio.run(scenario())
