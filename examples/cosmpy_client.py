"""Read a network and send GNK with plain cosmpy; nothing of this project is imported.

    SENDER_KEY=<64 hex digits> python examples/cosmpy_client.py 127.0.0.1:9090 <recipient> <ngonka>

The key is the sender's secp256k1 secret; use one of a test network.
"""

import os
import sys

from cosmpy.aerial.client import LedgerClient
from cosmpy.aerial.config import NetworkConfig
from cosmpy.aerial.wallet import LocalWallet
from cosmpy.crypto.address import Address
from cosmpy.crypto.keypairs import PrivateKey

DENOM = "ngonka"


def connect(target: str) -> LedgerClient:
    """A client of the node at host:port, whatever its network."""

    def make(chain_id: str) -> LedgerClient:
        config = NetworkConfig(
            chain_id=chain_id,
            url=f"grpc+http://{target}",
            fee_minimum_gas_price=1,
            fee_denomination=DENOM,
            staking_denomination=DENOM,
        )
        return LedgerClient(config, query_interval_secs=0.2)

    return make(make("unknown").query_chain_id())


def main() -> None:
    target, recipient, amount = sys.argv[1:]
    client = connect(target)
    sender = LocalWallet(PrivateKey(bytes.fromhex(os.environ["SENDER_KEY"])), prefix="gonka")

    print(f"network {client.network_config.chain_id}, height {client.query_height()}")
    for validator in client.query_validators():
        print(f"host {validator.moniker}: {validator.tokens} units")
    print(f"{sender.address()} holds {client.query_bank_balance(sender.address())} {DENOM}")

    sent = client.send_tokens(Address(recipient), int(amount), DENOM, sender).wait_to_complete()
    print(f"sent in block {sent.response.height}, gas {sent.response.gas_used}: {sent.tx_hash}")
    print(f"{recipient} holds {client.query_bank_balance(Address(recipient))} {DENOM}")


if __name__ == "__main__":
    main()
