"""The threshold beacon: validators deal a key in SERVE, and sign the next epoch's two rounds with it."""
