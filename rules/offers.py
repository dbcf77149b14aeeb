"""What a host may say of where it serves, and a developer of where its requests may go.

Patterns are written out here, so that every node reads a URL alike.  Source: docs/protocol.md, "Inference".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rules.addresses import decode_address, encode_address
from rules.errors import RuleError

MAX_ENDPOINT: Final = 255
MAX_POLICY_REGIONS: Final = 64
MAX_POLICY_HOSTS: Final = 64
_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ENDPOINT: Final = re.compile(
    rf"https?://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]{{2,45}}\])(?::([1-9][0-9]{{0,4}}))?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"
)
_REGION: Final = re.compile("[A-Z]{2}")


def check_endpoint(endpoint: str) -> None:
    """Raises RuleError `offer_invalid` unless it is an http or https URL in lower case of a name or an address, with a
    port or none and a plain path or none: no name or password, no query, no slash at the end, 255 letters at most.

    What the name resolves to is for who dials it to check.
    """
    found = _ENDPOINT.fullmatch(endpoint) if len(endpoint) <= MAX_ENDPOINT else None
    if found is None or int(found[1] or 0) >= 2**16:
        detail = f"{endpoint[:80]!r} is no plain http or https URL, such as https://gpu.example.org:8080/serve"
        raise RuleError("offer_invalid", detail)


def check_region(region: str) -> None:
    """Raises RuleError `offer_invalid` unless it has the form of a country's ISO 3166-1 alpha-2 code."""
    if not _REGION.fullmatch(region):
        raise RuleError("offer_invalid", f"region {region[:20]!r} is not two capital letters")


def check_policy(regions: Sequence[str], hosts: Sequence[str]) -> None:
    """Raises RuleError `policy_invalid` for more than 64 regions or hosts, and what is no region or no account."""
    if len(regions) > MAX_POLICY_REGIONS or len(hosts) > MAX_POLICY_HOSTS:
        limits = f"{MAX_POLICY_REGIONS} regions and {MAX_POLICY_HOSTS} hosts"
        raise RuleError("policy_invalid", f"{len(regions)} regions and {len(hosts)} hosts, at most {limits}")
    try:
        for region in regions:
            check_region(region)
        wrong = [host for host in hosts if encode_address(decode_address(host)) != host]
    except RuleError as error:
        raise RuleError("policy_invalid", error.detail) from error
    if wrong:
        raise RuleError("policy_invalid", f"{wrong[0]} is not in lower case")
