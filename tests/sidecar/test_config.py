"""Settings: where they come from, and which are refused."""

from pathlib import Path

import pytest

from sidecar.config import MAX_SOCKET_PATH, read_config
from sidecar.errors import SidecarError


def test_read_config__nothing_given__the_defaults_lie_in_home() -> None:
    config = read_config({}, {}, Path("/h"))
    assert (config.socket, config.state_dir) == (Path("/h/sidecar.sock"), Path("/h/sidecar"))
    assert (config.devices, config.threads, config.metrics_port) == (("all",), 0, 0)
    assert (config.tls, config.log_format, config.profiles) == (None, "console", ())


def test_read_config__file_environment_and_flag__the_later_wins(tmp_path: Path) -> None:
    (tmp_path / "sidecar.toml").write_text('threads = 3\nmetrics_port = 1\nlog_format = "json"\n')
    environ = {"GNK_SIDECAR_THREADS": "4", "GNK_SIDECAR_METRICS_PORT": "2", "GNK_SIDECAR": "unix:theirs"}
    config = read_config({"threads": "5", "socket": None}, environ, tmp_path)
    assert (config.threads, config.metrics_port, config.log_format) == (5, 2, "json")


def test_read_config__several_devices__a_name_as_often_as_wanted() -> None:
    assert read_config({"devices": "cpu, cpu,cuda:1"}, {}, Path("/h")).devices == ("cpu", "cpu", "cuda:1")


def test_read_config__one_that_only_renders__has_places_of_its_own_in_the_same_home() -> None:
    config = read_config({"models": "/m"}, {"GNK_SIDECAR_RENDER_ONLY": "True"}, Path("/h"))
    assert (config.render_only, config.socket, config.state_dir) == (
        True,
        Path("/h/renderer.sock"),
        Path("/h/renderer"),
    )
    assert not read_config({"models": "/m"}, {}, Path("/h")).render_only


def test_read_config__render_only_in_the_file__is_a_truth_value(tmp_path: Path) -> None:
    (tmp_path / "sidecar.toml").write_text('render_only = true\nmodels = "/m"')
    assert read_config({}, {}, tmp_path).render_only


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        pytest.param({"render_only": "yes", "models": "/m"}, "sidecar_config_invalid", id="neither true nor false"),
        pytest.param({"render_only": "true"}, "sidecar_config_invalid", id="nothing to render with"),
        pytest.param(
            {"render_only": "true", "models": "/m", "vllm": "/p"}, "sidecar_config_invalid", id="an engine beside it"
        ),
        pytest.param({"threads": "-1"}, "sidecar_config_invalid", id="a negative number"),
        pytest.param({"metrics_port": "65536"}, "sidecar_config_invalid", id="no port"),
        pytest.param({"devices": "cpu,"}, "sidecar_config_invalid", id="a device without a name"),
        pytest.param({"log_format": "xml"}, "sidecar_config_invalid", id="an unknown format"),
        pytest.param({"socket": "/" + "s" * MAX_SOCKET_PATH}, "socket_path_too_long", id="a byte too long"),
        pytest.param({"listen": "127.0.0.1:1"}, "tls_incomplete", id="TCP without TLS"),
        pytest.param({"listen": "h:1", "tls_cert": "c", "tls_key": "k"}, "tls_incomplete", id="TLS for one side only"),
        pytest.param(
            {"tls_cert": "c", "tls_key": "k", "tls_client_ca": "a"}, "tls_incomplete", id="TLS on the unix socket"
        ),
    ],
)
def test_read_config__a_value_that_cannot_be_used__refused(flags: dict[str, str], code: str) -> None:
    with pytest.raises(SidecarError) as refused:
        read_config(flags, {}, Path("/h"))
    assert refused.value.code == code


def test_read_config__the_longest_socket_path__is_taken() -> None:
    path = "/" + "s" * (MAX_SOCKET_PATH - 1)
    assert read_config({"socket": path}, {}, Path("/h")).socket == Path(path)


@pytest.mark.parametrize(
    "text", ["nonsense", "thread = 1", "threads = [1]", "threads = 1.5", "a=" + "[" * 9999], ids=range(5)
)
def test_read_config__a_file_with_something_else_in_it__refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sidecar.toml").write_text(text)
    with pytest.raises(SidecarError) as refused:
        read_config({}, {}, tmp_path)
    assert refused.value.code == "sidecar_config_invalid"
