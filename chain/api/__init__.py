"""What a node answers: one registry of methods over gRPC and REST, and CometBFT's RPC over the local engine."""

import wire  # noqa: F401  # puts the Cosmos messages on the path, where the services look for them
