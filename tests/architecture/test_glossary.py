"""One word per idea, the same in proto, parameters, flags, metrics, logs and the names of functions and classes."""

import ast
import re
from collections.abc import Iterator

import click
import pytest

import cli  # noqa: TID251  # to read the flags
from pow_kernels.spec import PROFILES
from rules.types import Phase, Verdict
from tests.architecture.sources import ROOT, SOURCES, name_of

PROTOS = sorted((ROOT / "proto").rglob("*.proto"))
ROWS = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", (ROOT / "GLOSSARY.md").read_text(), re.MULTILINE)[1:])
WORDS = {word for row in ROWS for word in row.split(", ")}

SYNONYMS = {
    "host": ["miner", "mining", "participant", "executor", "staker"],
    "proof": ["artifact", "artefact", "nonce_proof", "solution"],
    "claimant": ["prover", "accused_host"],
    "seat": ["chair", "verifier_slot"],
    "verifier": ["auditor", "checker", "inspector", "validator_weight"],
    "juror": ["arbitrator", "jury_member"],
    "dispute": ["appeal", "objection"],
    "row": ["attestation"],
    "reveal": ["disclose", "unveil"],
    "epoch": ["era", "cycle", "round_id", "epoch_id", "sprint_id"],
    "beacon": ["randao", "vrf"],
    "power": ["voting_power"],
    "stake": ["collateral", "lockup"],
    "slash": ["penalty", "fine"],
    "units": ["hashrate", "hash_rate", "hash_power"],
    "ngonka": ["ugonka", "ngnk", "nanogonka"],
    "warm key": ["hot_key", "hotkey", "session_key"],
    "sidecar": ["mlnode", "ml_node", "gpu_node"],
    "profile": ["difficulty"],
    "effective units": ["validator_weight", "consensus_weight"],
    "account": ["wallet"],
}
"""What a word of the glossary is never called."""

FOREIGN = ["frequency_penalty", "presence_penalty", "add_to_wallet"]
"""Names that other software gives: OpenAI's sampling fields, the act that wallets call so."""


def split_name(name: str) -> str:
    """`MsgRevealLeaves`, `--reveal-leaves` and `reveal_leaves` as `_reveal_leaves_`, so that whole words are found."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.lstrip("-")).replace("-", "_")
    return f"_{snake.lower().strip('_')}_"


def find_synonyms(name: str) -> list[str]:
    """The forbidden words in a name."""
    ours = split_name(name)
    for foreign in FOREIGN:
        ours = ours.replace(foreign, "")
    return [word for words in SYNONYMS.values() for word in words if f"_{word}_" in ours]


def find_proto_names() -> Iterator[tuple[str, str]]:
    for path in PROTOS:
        for name in re.findall(r"^\s*(?:message|enum|service|rpc) (\w+)", path.read_text(), re.MULTILINE):
            yield path.name, name
        for name in re.findall(r"(\w+) = \d+[ ;\[]", path.read_text()):
            yield path.name, name


def find_flags(command: click.Command, path: str = "gnk") -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        for name in [*parameter.opts, *([parameter.name] if parameter.name else [])]:
            yield path, name
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield path, name
            yield from find_flags(child, f"{path} {name}")


def find_source_names() -> Iterator[tuple[str, str]]:
    """Functions, classes and fields by name; metrics and log events as they are written."""
    for path in SOURCES:
        name = name_of(path)
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield name, node.name
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield name, node.target.id
        for word in re.findall(r"[\"'](gonka_[a-z_]+)|\blog\.\w+\(\s*[\"']([a-z_]+)", text):
            yield name, "".join(word)


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    assert len(ROWS) > 40
    assert list(ROWS) == sorted(ROWS, key=str.lower)
    assert sum(len(row.split(", ")) for row in ROWS) == len(WORDS)


def test_a_synonym_is_no_word_of_the_glossary() -> None:
    assert not {word for words in SYNONYMS.values() for word in words} & WORDS


def test_what_a_synonym_stands_for_is_in_the_glossary() -> None:
    known = WORDS | set(re.findall(r"`([a-z_]+)`", " ".join(ROWS.values())))
    assert not set(SYNONYMS) - known


def test_messages_and_fields_use_the_words_of_the_glossary() -> None:
    names = list(find_proto_names())
    assert ("tx.proto", "MsgRevealLeaves") in names
    assert ("tx.proto", "commitment") in names
    assert not [(path, name) for path, name in names if find_synonyms(name)]


def test_commands_and_flags_use_the_words_of_the_glossary() -> None:
    flags = list(find_flags(cli.main))
    assert ("gnk host join", "--stake") in flags
    assert not [(path, name) for path, name in flags if find_synonyms(name)]


def test_functions_fields_metrics_and_log_events_use_the_words_of_the_glossary() -> None:
    names = list(find_source_names())
    assert ("sidecar/metrics.py", "gonka_sidecar_hits") in names
    assert ("chain_client/daemon.py", "client_started") in names
    assert not [(path, name) for path, name in names if find_synonyms(name)]


@pytest.mark.parametrize(
    "name", ["MsgNonceProof", "--round-id", "validator_weight", "gonka_miner_hits", "ARTIFACT_COUNT"]
)
def test_find_synonyms__a_forbidden_word_in_any_spelling__is_found(name: str) -> None:
    assert find_synonyms(name)


@pytest.mark.parametrize("name", ["Bioartifacts", "finest", "EraseKey", "determine", "MsgRevealRows"])
def test_find_synonyms__a_word_that_only_contains_one__passes(name: str) -> None:
    assert not find_synonyms(name)


def test_the_glossary_names_every_phase_verdict_and_profile() -> None:
    named = {name.partition("_")[0] for name in Phase.__members__} - {"GENESIS"}
    assert named == {word.split(":")[0] for word in re.findall(r"[A-Z][A-Z0-9]+", ROWS["phase"])}
    assert set(Verdict.__members__) == set(re.findall(r"[A-Z]+", ROWS["verdict"]))
    assert set(PROFILES) == set(re.findall(r"[a-z0-9]+", ROWS["profile"].partition(": ")[2]))
