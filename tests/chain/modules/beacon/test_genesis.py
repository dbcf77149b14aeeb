import pytest

from rules.errors import RuleError
from rules.presets import MAINNET
from tests.chain.network import Network


def test_init__threshold_bls__is_refused() -> None:
    with pytest.raises(RuleError, match=r"params_invalid: beacon\.kind must be 1"):
        Network(params=MAINNET)
