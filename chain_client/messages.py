"""The message of each duty, from the view and the journal; secrets are kept before they are promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from py_arkworks_bls12381 import G1Point

from chain_client.duties import SecretName, list_disputes, list_seats
from chain_client.effects import Duty, Send
from chain_client.transactions import Order
from rules.addresses import encode_address
from rules.claims import build_tree
from rules.sampling import encode_bits, encode_rows, sample_positions
from rules.seeds import compute_dispute_commitment, compute_rows_commitment, compute_seed_commitment
from rules.types import Dispute, Round, Row
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds, MsgComplain, MsgDeal, MsgRevealSeed, MsgSetBeaconKey
from wire.gonka.sprint.v1 import sprint_pb2
from wire.gonka.sprint.v1.tx_pb2 import (
    MsgClaim,
    MsgCommitDispute,
    MsgCommitRows,
    MsgRevealDispute,
    MsgRevealLeaves,
    MsgRevealRows,
)
from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost
from wire.threshold.curve import G1_BYTES, multiply_g1
from wire.threshold.dealing import Dealing, deal
from wire.threshold.proofs import prove_key

from cosmos.authz.v1beta1.tx_pb2 import MsgExec

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from chain_client.journal import Journal
    from chain_client.keys.secret import Secret
    from chain_client.view import View

SECRET_BYTES: Final = 32
ROUNDS: Final = {SecretName.SPRINT: Round.SPRINT, SecretName.SAMPLE: Round.SAMPLE}
Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a message is written from.

    `entropy` gives so many random bytes; a validator has a `beacon_secret` of 32 bytes.
    """

    view: View
    journal: Journal
    entropy: Entropy
    beacon_secret: Secret | None = None

    @property
    def host(self) -> str:
        """The host's address."""
        return encode_address(self.view.me)

    def keep(self, epoch: int, name: SecretName) -> bytes:
        """The epoch's secret of this name, drawn the first time."""
        return self.journal.keep_secret(epoch, name, self.entropy(SECRET_BYTES))


def build_order(send: Send, desk: Desk) -> Order:
    """The order of a duty.  Its id names the decision: epoch, duty, of a claim count and root, and a running number."""
    message = BUILDERS[send.duty](send.epoch, desk)
    parts = [str(send.epoch), send.duty.value]
    if isinstance(message, MsgClaim):
        parts += [str(message.count), message.root.hex()]
    parts.append(str(desk.journal.count_orders(send.epoch, send.duty)))
    return Order(order_id="/".join(parts), messages=(message,), last_height=send.last_height)


def _commit_seeds(epoch: int, desk: Desk) -> MsgCommitSeeds:
    commitments = [
        compute_seed_commitment(desk.view.chain_id, epoch, beacon_round, desk.view.me, desk.keep(epoch, name))
        for name, beacon_round in ROUNDS.items()
    ]
    return MsgCommitSeeds(
        host=desk.host, epoch=epoch, sprint_commitment=commitments[0], sample_commitment=commitments[1]
    )


def _reveal_seed(epoch: int, desk: Desk, name: SecretName) -> MsgRevealSeed:
    secret = desk.journal.read_secret(epoch, name)
    return MsgRevealSeed(host=desk.host, epoch=epoch, round=ROUNDS[name].value, secret=secret)  # type: ignore[arg-type]


def _claim(epoch: int, desk: Desk) -> MsgClaim:
    count = min(desk.journal.count_proofs(epoch), desk.view.rules.sprint.max_count)
    root = build_tree(desk.journal.read_proofs(epoch, count)).root
    return MsgClaim(host=desk.host, epoch=epoch, count=count, root=root)


def _reveal_leaves(epoch: int, desk: Desk) -> MsgRevealLeaves:
    state = desk.view.my_claim
    if state is None:
        raise AssertionError("no claim to reveal")
    proofs = desk.journal.read_proofs(epoch, desk.journal.find_claim(epoch, state.claim.root))
    positions = sample_positions(desk.view.sample_seed, epoch, state.claim, desk.view.rules.sprint.samples)
    multiproof = build_tree(proofs).prove(positions)
    return MsgRevealLeaves(
        host=desk.host,
        epoch=epoch,
        nonces=[proofs[position].nonce for position in positions],
        tags=b"".join(proofs[position].tag for position in positions),
        siblings=b"".join(multiproof.siblings),
        splits=multiproof.splits,
    )


def _read_rows(epoch: int, desk: Desk) -> tuple[Row, ...]:
    """Those of the seats held, which were committed; both are the same once REVEAL is over."""
    seats = {state.claim.host for state in list_seats(desk.view)}
    return tuple(row for row in desk.journal.read_rows(epoch) if row.claimant in seats)


def _commit_rows(epoch: int, desk: Desk) -> MsgCommitRows:
    salt, rows = desk.keep(epoch, SecretName.ROWS), encode_rows(_read_rows(epoch, desk))
    commitment = compute_rows_commitment(desk.view.chain_id, epoch, desk.view.me, salt, rows)
    return MsgCommitRows(host=desk.host, epoch=epoch, commitment=commitment)


def _reveal_rows(epoch: int, desk: Desk) -> MsgRevealRows:
    rows = [
        sprint_pb2.Row(
            claimant=encode_address(row.claimant),
            sample_digest=row.sample_digest,
            mismatched_positions=row.mismatched_positions,
        )
        for row in _read_rows(epoch, desk)
    ]
    salt = desk.journal.read_secret(epoch, SecretName.ROWS)
    return MsgRevealRows(host=desk.host, epoch=epoch, salt=salt, rows=rows)


def _read_bits(epoch: int, desk: Desk) -> tuple[tuple[Dispute, ...], bytes]:
    found = desk.journal.read_bits(epoch)
    leaves = list_disputes(desk.view)
    disputes = tuple(Dispute(claimant=leaf.claimant, nonce=leaf.nonce) for leaf in leaves)
    return disputes, bytes(found[leaf.claimant, leaf.nonce] for leaf in leaves)


def _commit_dispute(epoch: int, desk: Desk) -> MsgCommitDispute:
    salt, body = desk.keep(epoch, SecretName.DISPUTE), encode_bits(*_read_bits(epoch, desk))
    commitment = compute_dispute_commitment(desk.view.chain_id, epoch, desk.view.me, salt, body)
    return MsgCommitDispute(host=desk.host, epoch=epoch, commitment=commitment)


def _reveal_dispute(epoch: int, desk: Desk) -> MsgRevealDispute:
    salt = desk.journal.read_secret(epoch, SecretName.DISPUTE)
    return MsgRevealDispute(host=desk.host, epoch=epoch, salt=salt, bits=_read_bits(epoch, desk)[1])


def _register(_epoch: int, desk: Desk) -> MsgRegisterHost:
    """Without a key: the registered one stays."""
    return MsgRegisterHost(host=desk.host)


def _set_beacon_key(_epoch: int, desk: Desk) -> MsgSetBeaconKey:
    if desk.beacon_secret is None:
        raise AssertionError("no beacon secret")
    secret = int.from_bytes(desk.beacon_secret.reveal())
    proof = prove_key(desk.view.chain_id, desk.view.me, secret)
    return MsgSetBeaconKey(host=desk.host, beacon_key=derive_beacon_key(desk.beacon_secret), proof=proof)


def derive_beacon_key(secret: Secret | None) -> bytes:
    """The 48-byte key of a beacon secret, b"" for none."""
    return multiply_g1(G1Point(), int.from_bytes(secret.reveal())) if secret else b""


def _deal(epoch: int, desk: Desk) -> MsgDeal:
    """The same deal however often it is asked for: all of it follows from entropy that was kept before."""
    view = desk.view
    dealing = Dealing(chain_id=view.chain_id, epoch=epoch, dealer=view.me, keys=view.dealing.slot_keys)
    sealed = deal(dealing, desk.keep(epoch, SecretName.DEAL))
    return MsgDeal(
        host=desk.host,
        epoch=epoch,
        commitments=sealed.commitments,
        proof=sealed.proof,
        ephemeral_key=sealed.ephemeral_key,
        shares=sealed.shares,
    )


def _complain(epoch: int, desk: Desk) -> MsgComplain:
    """Of the first wrong deal that nobody has complained of."""
    openings = desk.journal.read_openings(epoch)
    dealer = min(host for host in openings if host not in desk.view.dealing.accused)
    opening = openings[dealer]
    return MsgComplain(
        host=desk.host,
        epoch=epoch,
        dealer=encode_address(dealer),
        shared_key=opening[:G1_BYTES],
        proof=opening[G1_BYTES:],
    )


def execute_for(messages: tuple[Message, ...], grantee: str) -> tuple[Message, ...]:
    """One MsgExec, signed by a warm key, around the messages of the host that granted them to it."""
    execution = MsgExec(grantee=grantee)
    for message in messages:
        execution.msgs.add().Pack(message, type_url_prefix="/", deterministic=True)
    return (execution,)


BUILDERS: Final[dict[Duty, Callable[[int, Desk], Message]]] = {
    Duty.COMMIT_SEEDS: _commit_seeds,
    Duty.REVEAL_SPRINT_SEED: lambda epoch, desk: _reveal_seed(epoch, desk, SecretName.SPRINT),
    Duty.REVEAL_SAMPLE_SEED: lambda epoch, desk: _reveal_seed(epoch, desk, SecretName.SAMPLE),
    Duty.CLAIM: _claim,
    Duty.REVEAL_LEAVES: _reveal_leaves,
    Duty.COMMIT_ROWS: _commit_rows,
    Duty.REVEAL_ROWS: _reveal_rows,
    Duty.COMMIT_DISPUTE: _commit_dispute,
    Duty.REVEAL_DISPUTE: _reveal_dispute,
    Duty.REGISTER: _register,
    Duty.SET_BEACON_KEY: _set_beacon_key,
    Duty.DEAL: _deal,
    Duty.COMPLAIN: _complain,
}
