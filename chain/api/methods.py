"""Everything a node answers."""

from typing import Final

from chain.api import blocks, node, transactions
from chain.api.registry import Registry
from chain.modules.auth import queries as auth
from chain.modules.authz import queries as authz
from chain.modules.bank import queries as bank
from chain.modules.beacon import queries as beacon
from chain.modules.gov import legacy_queries as gov_v1beta1
from chain.modules.gov import queries as gov_v1
from chain.modules.inference import checks_queries as checks
from chain.modules.inference import queries as inference
from chain.modules.inference import showings_queries as showings
from chain.modules.params import queries as params
from chain.modules.query import Query
from chain.modules.sprint import queries as sprint
from chain.modules.stake import queries as stake
from chain.modules.stake import staking_queries as staking
from chain.modules.upgrade import queries as upgrade

QUERIES: Final[tuple[Query, ...]] = (
    *node.QUERIES,
    *blocks.QUERIES,
    *auth.QUERIES,
    *authz.QUERIES,
    *bank.QUERIES,
    *beacon.QUERIES,
    *gov_v1.QUERIES,
    *gov_v1beta1.QUERIES,
    *inference.QUERIES,
    *checks.QUERIES,
    *showings.QUERIES,
    *params.QUERIES,
    *sprint.QUERIES,
    *stake.QUERIES,
    *staking.QUERIES,
    *upgrade.QUERIES,
)


def build_registry(pool: transactions.Pool) -> Registry:
    """All methods; transactions are tried by `pool` and wait there."""
    return Registry.build((*QUERIES, *transactions.build_queries(pool)))
