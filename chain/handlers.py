"""Every message that the chain takes."""

from typing import Final

from chain.modules.bank.messages import HANDLERS as BANK
from chain.modules.handler import index_handlers

HANDLERS: Final = index_handlers(BANK)
"""Handlers by the full name of their message."""
