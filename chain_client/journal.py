"""What the host means to do and has done, on disk before it is done.

One SQLite file, synchronous=FULL: when a method returns, what it wrote survives a power cut; each method is one
transaction.  A write-ahead log takes one fsync a transaction where a rollback journal takes two or more.  The outbox's
order ids name the decision ("7/claim/60/<root>"), so one row holds it together with the signed bytes.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from chain_client.duties import JournalView, SecretName
from chain_client.effects import Duty
from chain_client.errors import PermanentError
from chain_client.ledger import TxResult
from chain_client.sqlite import coded, hold, transaction
from chain_client.transactions import Fate, Outcome, SignedTx
from rules.addresses import encode_address
from rules.types import Host, Proof, Row

APPLICATION_ID: Final = 0x476E6B43  # "GnkC"
VERSION: Final = 2
FILE_NAME: Final = "journal.sqlite"
KEPT_EPOCHS: Final = 3
KEPT_REVIEWS: Final = 64

_SCHEMA: Final = f"""
CREATE TABLE owner (chain_id TEXT NOT NULL, host BLOB NOT NULL);
CREATE TABLE secrets (epoch INTEGER, name TEXT, value BLOB NOT NULL, PRIMARY KEY (epoch, name));
CREATE TABLE jobs (epoch INTEGER PRIMARY KEY, last_number INTEGER NOT NULL, evaluated INTEGER NOT NULL,
    stopped INTEGER NOT NULL);
CREATE TABLE proofs (epoch INTEGER, place INTEGER, nonce BLOB NOT NULL, tag BLOB NOT NULL,
    PRIMARY KEY (epoch, place), UNIQUE (epoch, nonce)) WITHOUT ROWID;
CREATE TABLE rows (epoch INTEGER, claimant BLOB, sample_digest BLOB NOT NULL, positions TEXT NOT NULL,
    PRIMARY KEY (epoch, claimant));
CREATE TABLE bits (epoch INTEGER, claimant BLOB, nonce BLOB, is_false INTEGER NOT NULL,
    PRIMARY KEY (epoch, claimant, nonce));
CREATE TABLE deals (epoch INTEGER, dealer BLOB, opening BLOB NOT NULL, PRIMARY KEY (epoch, dealer));
CREATE TABLE outbox (order_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, chain_id TEXT NOT NULL, address TEXT NOT NULL,
    sequence INTEGER NOT NULL, last_height INTEGER NOT NULL, raw BLOB NOT NULL, fate TEXT, tx_hash TEXT, height INTEGER,
    code INTEGER, rule TEXT, log TEXT);
CREATE TABLE obstacles (epoch INTEGER, duty TEXT, words TEXT NOT NULL, PRIMARY KEY (epoch, duty));
CREATE TABLE reviews (epoch INTEGER PRIMARY KEY, outcome BLOB NOT NULL);
CREATE TABLE misses (epoch INTEGER, duty TEXT, cause TEXT NOT NULL, PRIMARY KEY (epoch, duty));
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
_SHORT_LIVED: Final = ("secrets", "jobs", "proofs", "rows", "bits", "deals", "outbox", "obstacles")
_LONG_LIVED: Final = ("reviews", "misses")


class Journal:
    """The open file, which is also the outbox of chain_client.sender.

    Every method raises TransientError `disk_full` when the disk does not take a write, PermanentError
    `journal_unreadable` when the file is damaged.
    """

    def __init__(self, connection: sqlite3.Connection, lock: int | None = None) -> None:
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, home: Path, *, chain_id: str, host: Host) -> Journal:
        """The journal of a home, made when missing, and held against a second daemon until closed.

        Raises: PermanentError `home_locked`, `journal_foreign`, `journal_unreadable`, `disk_write_failed`.
        """
        lock = hold(home / "daemon.lock")
        try:
            with coded(FILE_NAME):
                connection = sqlite3.connect(home / FILE_NAME, timeout=5, isolation_level=None)
            return cls(_prepare(connection, chain_id, host), lock)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def attach(cls, connection: sqlite3.Connection, *, chain_id: str, host: Host) -> Journal:
        """The journal on a connection in autocommit mode; holds no lock."""
        return cls(_prepare(connection, chain_id, host))

    @classmethod
    def peek(cls, home: Path) -> Journal | None:
        """The journal of a home for reading only, beside a daemon that writes it; None where there is none yet."""
        if not (home / FILE_NAME).exists():
            return None
        uri = f"file:{home / FILE_NAME}?mode=ro"
        with coded(FILE_NAME), contextlib.ExitStack() as stack:
            connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)
            stack.callback(connection.close)
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                stack.pop_all()
                return cls(connection)
        return None

    def close(self) -> None:
        """Close the file and let the home go."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)

    # ---- what a plan looks at --------------------------------------------------------------------------------------

    def read(self, epoch: int) -> JournalView:
        """What a plan for `epoch` looks at."""
        return JournalView(
            unsettled=bool(self._all("SELECT 1 FROM outbox WHERE fate IS NULL LIMIT 1")),
            jobs=frozenset(e for (e,) in self._all("SELECT epoch FROM jobs WHERE NOT stopped")),
            proofs=self.count_proofs(epoch),
            roots=frozenset(bytes.fromhex(root) for _, root in self._claims(epoch)),
            secrets=frozenset(
                (e, SecretName(name))
                for e, name in self._all("SELECT epoch, name FROM secrets WHERE epoch >= ?", epoch)
            ),
            rows=frozenset(Host(host) for (host,) in self._all("SELECT claimant FROM rows WHERE epoch = ?", epoch)),
            bits=frozenset(self.read_bits(epoch)),
            checked=frozenset(
                Host(host) for (host,) in self._all("SELECT dealer FROM deals WHERE epoch = ?", epoch + 1)
            ),
            wrong=frozenset(self.read_openings(epoch + 1)),
            reviewed=self._all("SELECT coalesce(max(epoch), 0) FROM reviews")[0][0],
        )

    # ---- secrets, rows and bits ------------------------------------------------------------------------------------

    def keep_secret(self, epoch: int, name: SecretName, fresh: bytes) -> bytes:
        """The secret of this name: `fresh` the first time, for ever after what was kept then."""
        with self._transaction():
            self._run("INSERT OR IGNORE INTO secrets VALUES (?, ?, ?)", epoch, name.value, fresh)
        return self.read_secret(epoch, name)

    def read_secret(self, epoch: int, name: SecretName) -> bytes:
        """A secret that was kept.  Raises KeyError for one that was not."""
        found = self._all("SELECT value FROM secrets WHERE epoch = ? AND name = ?", epoch, name.value)
        if not found:
            raise KeyError(name)
        return bytes(found[0][0])

    def keep_row(self, epoch: int, row: Row) -> None:
        """Keep the report on a claim, once: what was committed never changes."""
        positions = " ".join(map(str, row.mismatched_positions))
        with self._transaction():
            self._run(
                "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)", epoch, row.claimant, row.sample_digest, positions
            )

    def read_rows(self, epoch: int) -> tuple[Row, ...]:
        """The reports of an epoch in address order of their claimants."""
        rows = self._all("SELECT claimant, sample_digest, positions FROM rows WHERE epoch = ? ORDER BY claimant", epoch)
        return tuple(
            Row(claimant=Host(host), sample_digest=digest, mismatched_positions=tuple(map(int, positions.split())))
            for host, digest, positions in rows
        )

    def keep_bits(self, epoch: int, bits: Mapping[tuple[Host, int], bool]) -> None:
        """Keep what was found on contested (claimant, nonce)s: True where the tag is false.  Once, as rows."""
        with self._transaction():
            for (claimant, nonce), is_false in bits.items():
                self._run(
                    "INSERT OR IGNORE INTO bits VALUES (?, ?, ?, ?)", epoch, claimant, nonce.to_bytes(8), is_false
                )

    def read_bits(self, epoch: int) -> dict[tuple[Host, int], bool]:
        """What was found on contested (claimant, nonce)s."""
        found = self._all("SELECT claimant, nonce, is_false FROM bits WHERE epoch = ?", epoch)
        return {(Host(host), int.from_bytes(nonce)): bool(is_false) for host, nonce, is_false in found}

    def keep_opening(self, epoch: int, dealer: Host, opening: bytes) -> None:
        """Keep that a dealer's shares were opened: b"" where they are right, else what shows that they are not."""
        with self._transaction():
            self._run("INSERT OR IGNORE INTO deals VALUES (?, ?, ?)", epoch, dealer, opening)

    def read_openings(self, epoch: int) -> dict[Host, bytes]:
        """What shows that a dealer's share is wrong, by dealer."""
        found = self._all("SELECT dealer, opening FROM deals WHERE epoch = ? AND opening <> x''", epoch)
        return {Host(dealer): bytes(opening) for dealer, opening in found}

    # ---- the Sprint's job ------------------------------------------------------------------------------------------

    def begin_job(self, epoch: int) -> int:
        """Note that the epoch's job is begun; returns the number of its last proof kept, 0 for none."""
        with self._transaction():
            self._run("INSERT OR IGNORE INTO jobs VALUES (?, 0, 0, 0)", epoch)
        return int(self._all("SELECT last_number FROM jobs WHERE epoch = ?", epoch)[0][0])

    def stop_job(self, epoch: int) -> None:
        """Note that the epoch's job is stopped."""
        with self._transaction():
            self._run("UPDATE jobs SET stopped = 1 WHERE epoch = ?", epoch)

    def restart_numbers(self, epoch: int) -> None:
        """Take the job's proofs from number 1 again: the sidecar that numbered those kept is gone."""
        with self._transaction():
            self._run("UPDATE jobs SET last_number = 0 WHERE epoch = ?", epoch)

    def keep_proofs(self, epoch: int, proofs: Sequence[Proof], *, last_number: int, evaluated: int) -> None:
        """Keep proofs, each nonce once, after those there are, and the number of the last one."""
        with self._transaction():
            place = self.count_proofs(epoch)
            for proof in proofs:
                place += self._run(
                    "INSERT INTO proofs VALUES (?, ?, ?, ?) ON CONFLICT (epoch, nonce) DO NOTHING",
                    epoch, place, proof.nonce.to_bytes(8), proof.tag,
                )  # fmt: skip
            self._run("UPDATE jobs SET last_number = ?, evaluated = ? WHERE epoch = ?", last_number, evaluated, epoch)

    def count_proofs(self, epoch: int) -> int:
        """Proofs kept of an epoch."""
        return int(self._all("SELECT coalesce(max(place) + 1, 0) FROM proofs WHERE epoch = ?", epoch)[0][0])

    def read_proofs(self, epoch: int, count: int) -> tuple[Proof, ...]:
        """The first `count` proofs kept, sorted by nonce: always the same for the same count."""
        found = self._all("SELECT nonce, tag FROM proofs WHERE epoch = ? AND place < ? ORDER BY nonce", epoch, count)
        return tuple(Proof(nonce=int.from_bytes(nonce), tag=tag) for nonce, tag in found)

    def find_claim(self, epoch: int, root: bytes) -> int:
        """How many proofs the claim with this root was built over.  Raises KeyError for an unknown root."""
        counts = [int(count) for count, claimed in self._claims(epoch) if claimed == root.hex()]
        if not counts:
            raise KeyError(root)
        return counts[0]

    def _claims(self, epoch: int) -> Iterator[tuple[str, str]]:
        prefix = f"{epoch}/{Duty.CLAIM.value}/"
        for (order_id,) in self._all("SELECT order_id FROM outbox WHERE epoch = ?", epoch):
            if order_id.startswith(prefix):
                count, root = order_id.removeprefix(prefix).split("/")[:2]
                yield count, root

    # ---- the outbox ------------------------------------------------------------------------------------------------

    def count_orders(self, epoch: int, duty: Duty) -> int:
        """Orders ever signed for a duty; numbers the next one."""
        found = self._all("SELECT order_id FROM outbox WHERE epoch = ?", epoch)
        return sum(order_id.startswith(f"{epoch}/{duty.value}/") for (order_id,) in found)

    def has_applied(self, epoch: int, duty: Duty) -> bool:
        """Whether an order of a duty took effect."""
        found = self._all("SELECT order_id FROM outbox WHERE epoch = ? AND fate = ?", epoch, Fate.APPLIED.value)
        return any(order_id.startswith(f"{epoch}/{duty.value}/") for (order_id,) in found)

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        """An order's outcome, else its signed transaction."""
        found = self._all(f"SELECT {_TX_COLUMNS}, {_OUTCOME_COLUMNS} FROM outbox WHERE order_id = ?", order_id)  # noqa: S608 - constants
        if not found:
            return None
        (row,) = found
        return _read_tx(row[:6]) if row[6] is None else _read_outcome(order_id, row[6:])

    def record(self, tx: SignedTx) -> None:
        """Keep a signed transaction, in place of an earlier one of the same order."""
        epoch = int(tx.order_id.split("/")[0])
        with self._transaction():
            self._run(
                f"INSERT OR REPLACE INTO outbox ({_TX_COLUMNS}, epoch) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                tx.order_id, tx.chain_id, tx.address, tx.sequence, tx.last_height, tx.raw, epoch,
            )  # fmt: skip

    def settle(self, outcome: Outcome) -> None:
        """Keep how an order ended; the bytes are let go."""
        result = outcome.result
        with self._transaction():
            self._run(
                "UPDATE outbox SET raw = x'', fate = ?, tx_hash = ?, height = ?, code = ?, rule = ?, log = ? "
                "WHERE order_id = ?",
                outcome.fate.value, result.tx_hash, result.height, result.code, result.rule, result.log,
                outcome.order_id,
            )  # fmt: skip

    def unsettled(self) -> tuple[SignedTx, ...]:
        """Transactions without an outcome, in the order recorded."""
        found = self._all(f"SELECT {_TX_COLUMNS} FROM outbox WHERE fate IS NULL ORDER BY rowid")  # noqa: S608 - a constant
        return tuple(_read_tx(row) for row in found)

    # ---- what was missed, and why ----------------------------------------------------------------------------------

    def note(self, epoch: int, duty: Duty, words: str, *, replace: bool = True) -> None:
        """Keep what stands in the way of a duty; without `replace`, only where nothing is noted."""
        known = self.read_obstacles(epoch).get(duty)
        if known == words or (known is not None and not replace):
            return
        with self._transaction():
            self._run("INSERT OR REPLACE INTO obstacles VALUES (?, ?, ?)", epoch, duty.value, words)

    def read_obstacles(self, epoch: int) -> dict[Duty, str]:
        """The last obstacle to each duty of an epoch."""
        return {
            Duty(duty): words for duty, words in self._all("SELECT duty, words FROM obstacles WHERE epoch = ?", epoch)
        }

    def review(self, epoch: int, outcome: bytes, misses: Mapping[str, str]) -> None:
        """Keep an epoch's outcome and the cause of each miss, and forget what old epochs no longer need."""
        with self._transaction():
            self._run("INSERT OR REPLACE INTO reviews VALUES (?, ?)", epoch, outcome)
            for duty, cause in misses.items():
                self._run("INSERT OR REPLACE INTO misses VALUES (?, ?, ?)", epoch, duty, cause)
            for tables, kept in ((_SHORT_LIVED, KEPT_EPOCHS), (_LONG_LIVED, KEPT_REVIEWS)):
                for table in tables:
                    self._run(f"DELETE FROM {table} WHERE epoch <= ?", epoch - kept)  # noqa: S608 - constants

    def read_misses(self) -> tuple[tuple[int, str, str], ...]:
        """(epoch, duty, cause) of what was missed, the oldest first."""
        return tuple(self._all("SELECT epoch, duty, cause FROM misses ORDER BY epoch, duty"))

    def read_outcome(self, epoch: int) -> bytes | None:
        """The gonka.sprint.v1.Outcome of an epoch, encoded; None while it is not reviewed."""
        found = self._all("SELECT outcome FROM reviews WHERE epoch = ?", epoch)
        return bytes(found[0][0]) if found else None

    # ---- SQLite ----------------------------------------------------------------------------------------------------

    def _all(self, query: str, *values: object) -> list[Any]:
        with coded(FILE_NAME):
            return self._connection.execute(query, values).fetchall()

    def _run(self, statement: str, *values: object) -> int:
        return self._connection.execute(statement, values).rowcount

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with coded(FILE_NAME), transaction(self._connection):
            yield


_TX_COLUMNS: Final = "order_id, chain_id, address, sequence, last_height, raw"
_OUTCOME_COLUMNS: Final = "fate, tx_hash, height, code, rule, log"


def _read_tx(row: Sequence[Any]) -> SignedTx:
    order_id, chain_id, address, sequence, last_height, raw = row
    return SignedTx(
        order_id=order_id, chain_id=chain_id, address=address, sequence=sequence, last_height=last_height, raw=raw
    )


def _read_outcome(order_id: str, row: Sequence[Any]) -> Outcome:
    fate, tx_hash, height, code, rule, log = row
    result = TxResult(tx_hash=tx_hash, height=height, code=code, rule=rule, log=log)
    return Outcome(order_id=order_id, fate=Fate(fate), result=result)


def _prepare(connection: sqlite3.Connection, chain_id: str, host: Host) -> sqlite3.Connection:
    with coded(FILE_NAME):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.executescript(f"BEGIN; {_SCHEMA}")
            connection.execute("INSERT INTO owner VALUES (?, ?)", (chain_id, host))
            connection.execute("COMMIT")
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if found != [APPLICATION_ID, VERSION]:
            raise PermanentError(
                "journal_unreadable", f"{FILE_NAME} is SQLite's, but no journal of a host, version {VERSION}"
            )
        owner = connection.execute("SELECT chain_id, host FROM owner").fetchone()
    if owner != (chain_id, host):
        theirs, ours = encode_address(owner[1]), encode_address(host)
        detail = f"it belongs to {theirs} on {owner[0]}, this is {ours} on {chain_id}"
        raise PermanentError("journal_foreign", detail)
    return connection
