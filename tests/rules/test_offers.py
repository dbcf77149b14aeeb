"""Which endpoints, regions and policies may be written on the chain."""

import pytest

from rules.errors import RuleError
from rules.offers import check_endpoint, check_policy, check_region
from tests.chain.ledger import ANN, BOB


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://gpu.example.org",
        "http://127.0.0.1:8080",
        "https://gpu-1.example.org:65535/serve/v2",
        "http://[::1]:9000",
        "http://localhost",
        "https://x/~me/a_b.c-d",
    ],
)
def test_check_endpoint__a_plain_url__passes(endpoint: str) -> None:
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("", "nothing"),
        ("gpu.example.org", "no scheme"),
        ("ftp://gpu.example.org", "another scheme"),
        ("HTTPS://gpu.example.org", "capitals"),
        ("https://", "no host"),
        ("https://user:password@gpu.example.org", "credentials"),
        ("https://gpu.example.org/", "a slash at the end"),
        ("https://gpu.example.org/a//b", "an empty part"),
        ("https://gpu.example.org?x=1", "a query"),
        ("https://gpu.example.org#x", "a fragment"),
        ("https://gpu.example.org:0", "port zero"),
        ("https://gpu.example.org:65536", "no such port"),
        ("https://gpu.example.org:", "a port left out"),
        ("https://gpu..org", "an empty label"),
        ("https://-gpu.org", "a hyphen first"),
        ("https://gpu.example.org\n", "a line end"),
        ("https://gpu.example.org\\@evil.org", "a backslash"),
        ("https://g\u00fcnther.example.org", "a letter outside ASCII"),
        ("https://" + "a" * 64 + ".org", "a long label"),
        ("https://x/" + "a" * 250, "too long"),
        ("https://x/%2e%2e", "an escape"),
        ("https://x/a/../b", "a path that climbs"),
    ],
)
def test_check_endpoint__anything_else__is_refused(endpoint: str, words: str) -> None:
    with pytest.raises(RuleError, match="offer_invalid"):
        check_endpoint(endpoint)


@pytest.mark.parametrize("region", ["", "D", "de", "DEU", "D1", "DE\n"])
def test_check_region__no_country_code__is_refused(region: str) -> None:
    check_region("DE")
    with pytest.raises(RuleError, match="offer_invalid"):
        check_region(region)


@pytest.mark.parametrize(
    ("regions", "hosts", "words"),
    [
        (["Europe"], [], "a region of another form"),
        ([], ["gonka1x"], "no account"),
        ([], [ANN.text.upper()], "capitals"),
        (["DE"] * 65, [], "too many regions"),
        ([], [ANN.text] * 65, "too many hosts"),
    ],
)
def test_check_policy__one_thing_wrong__is_refused(regions: list[str], hosts: list[str], words: str) -> None:
    check_policy(["DE", "FR"], [ANN.text, BOB.text])
    with pytest.raises(RuleError, match="policy_invalid"):
        check_policy(regions, hosts)
