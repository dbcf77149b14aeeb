"""Every message that the chain takes."""

from typing import Final

from chain.modules.authz.messages import HANDLERS as AUTHZ
from chain.modules.bank.messages import HANDLERS as BANK
from chain.modules.beacon.messages import HANDLERS as BEACON
from chain.modules.beacon.threshold.messages import HANDLERS as DEALING
from chain.modules.gov.messages import HANDLERS as GOV
from chain.modules.handler import index_handlers
from chain.modules.inference.checks_reports import HANDLERS as CHECKS
from chain.modules.inference.messages import HANDLERS as INFERENCE
from chain.modules.inference.showings import HANDLERS as RECEIPTS
from chain.modules.params.messages import HANDLERS as PARAMS
from chain.modules.sprint.messages import HANDLERS as SPRINT
from chain.modules.stake.messages import HANDLERS as STAKE
from chain.modules.upgrade.messages import HANDLERS as UPGRADE

HANDLERS: Final = index_handlers(
    *(BANK, AUTHZ, STAKE, BEACON, DEALING, SPRINT, INFERENCE, CHECKS, RECEIPTS, GOV, PARAMS, UPGRADE)
)
"""Handlers by the full name of their message."""
