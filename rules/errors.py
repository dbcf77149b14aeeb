"""What a rule refuses, with a stable code.

    RuleError           coded, typed fields, deterministic: the same input gives the same error on every node

The catalogue below is the one list of rule codes: number (the ABCI code, never reused), title and next step.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An entry of a catalogue of errors.

    `number` is the ABCI code (1..2^31-1; 0 is success), `title` says what it means, `next_step` what to do.
    """

    number: int
    title: str
    next_step: str


CATALOGUE: dict[str, Fault] = {}


def _family(first: int, entries: dict[str, tuple[str, str]]) -> None:
    """Adds a family of faults, numbered from `first` in the order given; append only, never reorder."""
    for number, (code, (title, next_step)) in enumerate(entries.items(), start=first):
        CATALOGUE[code] = Fault(number=number, title=title, next_step=next_step)


_family(
    2,
    {
        "tx_malformed": ("the transaction is not a canonical TxRaw", "build it with a current client"),
        "signature_invalid": ("a signature does not match", "check chain id, account number, sequence and key"),
        "sequence_mismatch": ("the account's sequence is another one", "read the account again and sign anew"),
        "insufficient_funds": ("the account does not hold enough", "fund the account or send less"),
        "message_unknown": ("no module takes this message", "check the message type against `gnk explain`"),
        "address_invalid": ("the address is not a bech32 address of this network", "check the address, prefix gonka"),
        "tx_too_large": ("the transaction is larger than the limit", "split it"),
        "memo_too_large": ("the memo is longer than the limit", "shorten the memo"),
        "tx_timed_out": ("the chain passed the transaction's time-out height", "sign it again with a later height"),
        "fee_too_low": ("the fee is below the least price", "raise the fee"),
        "out_of_gas": ("the transaction needs more gas than it brought", "simulate it and raise the gas limit"),
        "unauthorized": ("the signer may not do this", "sign with the right account or ask for a grant"),
        "mempool_full": ("the node's queue is full", "send it again after the next block"),
        "tx_duplicate": ("the transaction is already known", "wait for it; `gnk tx show HASH` follows it"),
        "account_unknown": ("no account has this address", "send some GNK to it first"),
        "chain_id_mismatch": ("this is another chain", "check --chain-id"),
        "amount_invalid": (
            "this is no amount above zero, or one too large",
            "give a whole number of ngonka; commands take 100GNK and 1.5GNK too",
        ),
        "not_found": ("there is no such thing", "check the name or number"),
        "request_invalid": ("the request cannot be read", "check it against the service's description"),
        "internal": ("the node is wrong, not you", "see the node's log, and report it"),
        "height_not_kept": ("the state at this height is not kept", "ask for a recent height, or for none"),
        "genesis_invalid": (
            "the genesis file does not describe a chain",
            "correct it, or make one with `gnk chain init`",
        ),
        "consensus_unreachable": ("the node's CometBFT does not answer", "send it again in a moment"),
        "node_busy": ("the node has tried enough transactions for this block", "try it again after the next block"),
    },
)
_family(
    100,
    {
        "host_unknown": ("the account is no host", "run `gnk host join`"),
        "host_left": ("the host has left", "wait until its stake is released, then join again"),
        "hosts_full": ("the network has as many hosts as it can hold", "wait until a host leaves"),
        "consensus_key_invalid": ("the consensus key is not proved by its signature", "sign it with that key"),
        "consensus_key_taken": ("the consensus key belongs to another host, or is retired", "make a new consensus key"),
        "unstake_too_much": ("more than is staked", "see `gnk stake show`"),
    },
)
_family(
    200,
    {
        "commit_window_closed": ("secrets are committed in SERVE only", "wait for SERVE"),
        "commit_twice": ("secrets for this epoch are committed already", "nothing to do"),
        "committer_not_eligible": ("the host is not among this epoch's committers", "nothing to do"),
        "seed_bond_missing": ("less stake than the seed bond", "stake more"),
        "reveal_seed_window_closed": ("the round is not open", "wait for SEED or BEACON2"),
        "secret_mismatch": ("the secret does not match its commitment", "reveal the secret that was committed"),
        "commitment_missing": ("nothing was committed", "commit first"),
        "reveal_seed_twice": ("the secret is revealed already", "nothing to do"),
        "commitment_invalid": ("a commitment is 32 bytes", "build the commitment anew"),
        "commit_not_needed": ("the validators deal a key for this epoch", "nothing to do"),
        "beacon_key_invalid": ("the beacon key is not proved to be the host's", "prove it with its own secret"),
        "deal_window_closed": ("no key is dealt now", "wait for the next dealing"),
        "deal_not_member": ("the host holds no slot in this group", "nothing to do"),
        "deal_twice": ("the host has dealt for this epoch", "nothing to do"),
        "deal_invalid": ("the deal is not one of this group's", "build the deal anew"),
        "complaint_window_closed": ("no complaint is taken now", "nothing to do"),
        "complaint_pointless": ("the deal does not exist, or is out already", "nothing to do"),
        "complaint_invalid": ("the shared key is not proved", "build the complaint anew"),
        "complaint_unfounded": ("the shares are right", "nothing to do"),
        "beacon_output_invalid": ("no round wants this signature", "combine the partials of the round that is open"),
    },
)
_family(
    300,
    {
        "epoch_wrong": ("the message names another epoch", "read the epoch again"),
        "claim_window_closed": ("claims are taken in CLAIM only", "wait for the next CLAIM"),
        "claim_count_invalid": ("the count is zero or above max_count", "claim what was proved"),
        "claim_not_greater": ("a replacement must be at least 1 % greater", "wait for more hits"),
        "claim_updates_spent": ("the claim was replaced as often as allowed", "nothing to do"),
        "claim_bond_missing": ("neither balance nor stake covers the claim bond", "fund the account"),
        "not_sprinting": ("the host does not sprint in this epoch", "it sprints from the epoch after it joined"),
        "root_invalid": ("a Merkle root is 32 bytes", "build the root from the proofs"),
        "claim_missing": ("the host has no claim in this epoch", "nothing to reveal"),
        "reveal_window_closed": ("leaves are revealed in REVEAL only", "wait for REVEAL"),
        "reveal_twice": ("the claim is revealed already", "nothing to do"),
        "reveal_malformed": ("counts of nonces, tags, siblings or splits do not fit the sample", "prove again"),
        "reveal_wrong_root": ("the leaves do not hash to the claim's root", "reveal the leaves that were claimed"),
        "rows_window_closed": ("rows are committed and revealed in ROWS only", "wait for ROWS"),
        "rows_twice": ("rows are in already", "nothing to do"),
        "rows_not_seated": ("the rows are not exactly those of the seats held", "report the claims you hold seats in"),
        "rows_malformed": ("a row has a wrong digest length, order or position", "build the rows anew"),
        "rows_mismatch": ("the rows do not match their commitment", "reveal what was committed"),
        "dispute_window_closed": ("no dispute is open now", "wait for DISPUTE"),
        "dispute_twice": ("the dispute vote is in already", "nothing to do"),
        "dispute_not_juror": ("the host has no weight, or is the claimant of every dispute", "nothing to do"),
        "dispute_malformed": ("one byte, 0 or 1, for each dispute", "build the bits anew"),
        "dispute_mismatch": ("the bits do not match their commitment", "reveal what was committed"),
    },
)
_family(
    400,
    {
        "proposal_unknown": ("there is no such proposal", "see `gnk gov list`"),
        "proposal_closed": ("the proposal takes no more deposits or votes", "see `gnk gov show`"),
        "vote_without_compute": ("the account has no compute units in the table", "prove compute in a Sprint first"),
        "vote_weights_invalid": ("weights must be positive and sum to 1", "give weights that sum to 1"),
        "vote_option_invalid": ("the option is none of yes, no, abstain, no_with_veto", "choose one of the four"),
        "deposit_too_small": ("less than the least first deposit, or than any deposit", "deposit more"),
        "proposal_message_invalid": ("a message of the proposal would fail", "correct it, and propose it anew"),
        "params_invalid": ("the parameters would break an invariant", "choose values that keep it"),
        "params_field_unknown": ("the module has no such parameter", "see `gnk params show`"),
        "params_wrong_message": (
            "the Cosmos message for parameters is not taken",
            "use MsgUpdateParams of gonka.params.v1",
        ),
        "grant_invalid": ("the grant cannot be made", "correct what is wrong with it"),
        "grant_missing": ("no grant covers this message, or it has expired", "ask for `gnk authz grant`"),
        "invitation_invalid": ("the invitation to a network cannot be used", "ask whoever wrote it for a new one"),
        "network_mismatch": ("the home, or what you know, is of another network", "use one home for each network"),
        "upgrade_invalid": ("the upgrade cannot be planned, or is not", "see `gnk gov list` for what is planned"),
    },
)
_family(
    500,
    {
        "model_invalid": ("the model cannot be added as it is described", "correct what is wrong with it"),
        "model_known": ("the model, or its name, is there already", "see `gnk model price`"),
        "model_unknown": ("the chain has no such model", "see `gnk model price`"),
        "models_full": ("the chain has as many models as it can hold", "raise inference.max_models by a proposal"),
        "offer_invalid": ("the offer cannot be made", "correct what is wrong with it"),
        "serving_key_invalid": ("a serving or voucher key is a compressed secp256k1 key", "give the 33 bytes of a key"),
        "serving_key_taken": ("the serving key is another host's", "make a new serving key"),
        "price_above_limit": ("the price in force is above what you would pay", "raise the limit, or wait"),
        "host_missing": ("no host serves this", "choose another model, or a wider policy"),
        "deposit_below_minimum": ("less than an escrow's least deposit", "deposit more"),
        "policy_invalid": ("the policy cannot be met", "correct what is wrong with it"),
        "escrow_unknown": ("there is no such escrow", "see `gnk escrow list`"),
        "escrow_closed": ("the escrow is closed, or closing", "open another one"),
        "voucher_foreign": ("the voucher or ticket is for another chain, escrow, host or model", "use the right one"),
        "voucher_stale": ("a voucher with this serial, or a greater one, is in", "nothing to do"),
        "voucher_lower": ("the voucher has fewer tokens than one before it", "sign all tokens since the escrow opened"),
        "voucher_amount_wrong": ("the amount is not that of the tokens at the escrow's price", "compute it anew"),
        "voucher_over_reserve": ("the amount is above the host's reserve", "top up the escrow, or open another"),
        "voucher_pays_nothing": ("the voucher adds nothing to what is settled", "nothing to do"),
        "settled_too_often": ("the host settled as often as an epoch allows", "wait for the next epoch"),
        "receipts_invalid": ("the root or the count of receipts cannot be", "build the root anew"),
        "reports_window_closed": ("reports are committed from REVEAL on, revealed in DISPUTE", "wait for the window"),
        "reports_not_seated": ("the reports are not exactly those of the seats held", "report the lots you hold"),
        "reports_malformed": ("a report, its commitment or its salt has a wrong size", "build the reports anew"),
        "reports_twice": ("the reports are in already", "nothing to do"),
        "reports_mismatch": ("the reports do not match their commitment", "reveal what was committed"),
        "opening_invalid": ("what a host hands its verifier cannot be read", "nothing: it counts as not delivered"),
        "receipt_not_due": ("no voucher has settled in whose tree the receipt would hang", "wait until one settles"),
        "receipt_too_old": ("where the receipt would hang is forgotten", "show receipts within two epochs"),
        "showing_pending": ("a receipt of this escrow and host is shown already", "wait for its SETTLE"),
        "showing_unknown": ("no receipt of this escrow and host is shown", "see the query Showings"),
        "placing_wrong": (
            "the receipt does not hang where the placing says",
            "place it in the tree that it belongs in",
        ),
        "placed_already": ("the shown receipt is placed", "nothing to do"),
    },
)


class RuleError(Exception):
    """A refusal by a rule.

    `code` is a key of CATALOGUE; `detail` says what happened in the case at hand; `fields` are the typed values in it.
    """

    def __init__(self, code: str, detail: str = "", **fields: int | str) -> None:
        self.code = code
        self.fault = CATALOGUE[code]
        self.detail = detail
        self.fields = fields
        super().__init__(f"{code}: {detail or self.fault.title}")
