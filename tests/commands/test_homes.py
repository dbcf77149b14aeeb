import json
import stat
from pathlib import Path

from chain.genesis import read_genesis
from commands.config import read_config
from commands.homes import BALANCE_NGONKA, build_local_genesis, make_host_home, write_host_config


def test_a_new_home_has_an_encrypted_key_and_a_config_that_is_read_back(tmp_path: Path) -> None:
    home = tmp_path / "host-1"
    key = make_host_home(home)
    write_host_config(home, chain="127.0.0.1:1234", chain_id="x-1", sidecar=home / "sidecar.sock")
    config = read_config({"home": str(home)}, {})
    assert (config.chain, config.chain_id, config.sidecar) == ("127.0.0.1:1234", "x-1", f"unix:{home}/sidecar.sock")
    assert config.passphrase_file is not None
    assert stat.S_IMODE(config.passphrase_file.stat().st_mode) == 0o600
    from chain_client.keys.keyring import open_keyring

    assert open_keyring("file", home).show("host").address == key.address


def test_build_local_genesis__names_the_hosts_with_equal_units_and_balances(tmp_path: Path) -> None:
    addresses = sorted(make_host_home(tmp_path / name).address for name in ("a", "b"))
    file = build_local_genesis("x-1", addresses)
    genesis = read_genesis(file)
    assert json.loads(file)["chain_id"] == genesis.chain_id == "x-1"
    assert sorted(host.address for host in genesis.hosts) == addresses
    assert len({host.units for host in genesis.hosts}) == 1
    assert {account.balance_ngonka for account in genesis.accounts} == {BALANCE_NGONKA}
