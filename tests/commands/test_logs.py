"""Events on stderr."""

import io
import json

import pytest
import structlog

from commands.logs import LogStream, configure_logs


@pytest.fixture(autouse=True)
def restore() -> None:
    structlog.reset_defaults()


def test_configure_logs__json__one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.get_logger().info("claim_sent", epoch=3)
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["epoch"], said["level"]) == ("claim_sent", 3, "info")
    assert said["timestamp"].endswith("Z")


def test_configure_logs__console__text_without_colours_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("console")
    structlog.get_logger().warning("worker_lost", device="cpu")
    said = capsys.readouterr().err
    assert "worker_lost" in said
    assert "\x1b" not in said


def test_log_stream__the_disk_is_full__the_event_is_dropped() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    stream = LogStream(Full())
    stream.write("lost")
    stream.flush()
