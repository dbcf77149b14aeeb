"""What a node answers: one registry of methods, served over gRPC."""

import wire  # noqa: F401  # puts the Cosmos messages on the path, where the services look for them
