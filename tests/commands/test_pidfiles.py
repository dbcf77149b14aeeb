"""Processes that outlive their starter are found again, and only they."""

import os
import time
from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from commands.pidfiles import KeptProcess
from tests.chain.ledger import make_genesis


def make_chain(directory: Path) -> KeptProcess:
    (directory / "genesis.json").write_bytes(make_genesis())
    words = ("chain", "start", "--home", str(directory), "--grpc", "127.0.0.1:0")
    return KeptProcess(name="chain", words=words, directory=directory)


def test_a_kept_process__is_started_once_found_by_others_and_stopped(tmp_path: Path) -> None:
    process = make_chain(tmp_path)
    assert process.pid is None
    process.start()
    try:
        process.wait_for(tmp_path / "grpc-address")
        pid = process.pid
        process.start()
        assert process.pid == pid
        assert KeptProcess(name="chain", words=(), directory=tmp_path).pid == pid
    finally:
        process.stop()
    assert process.pid is None
    assert not (tmp_path / "grpc-address").exists()
    process.stop()


def test_a_process_whose_starter_was_killed_before_it_wrote_the_pid_file__is_found_and_stopped(tmp_path: Path) -> None:
    process = make_chain(tmp_path)
    process.start()
    try:
        pid = process.pid
        (tmp_path / "chain.pid").unlink()
        process.wait_for(tmp_path / "grpc-address")
        assert process.pid == pid
        assert KeptProcess(name="chain", words=(*process.words, "--block-ms", "50"), directory=tmp_path).pid is None
    finally:
        process.stop()
    assert process.pid is None
    assert not (tmp_path / "grpc-address").exists()


def test_a_pid_that_another_process_was_given_since__is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "chain.pid").write_text(f"{os.getpid()} 12345\n")
    process = KeptProcess(name="chain", words=(), directory=tmp_path)
    assert process.pid is None
    process.stop()


@pytest.mark.parametrize("content", ["", "x y", "1", "999999999 5"])
def test_a_pid_file_that_says_nothing__is_a_process_that_does_not_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "chain.pid").write_text(content)
    assert KeptProcess(name="chain", words=(), directory=tmp_path).pid is None


def test_wait_for__a_process_that_ends_before__says_so_with_its_last_words(tmp_path: Path) -> None:
    process = KeptProcess(name="chain", words=("explain", "no_such_code"), directory=tmp_path)
    process.start()
    started = time.monotonic()
    with pytest.raises(PermanentError, match="code_unknown") as caught:
        process.wait_for(tmp_path / "never")
    assert caught.value.code == "process_ended"
    assert time.monotonic() - started < 60
