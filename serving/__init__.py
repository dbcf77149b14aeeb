"""The host's inference API: requests of developers in, answers of the sidecar out, vouchers kept and settled."""
