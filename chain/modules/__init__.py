"""The parts of the state machine: each with its state, its messages, its queries and its genesis."""

import wire  # noqa: F401  # puts the Cosmos messages on the path, where the modules look for them
