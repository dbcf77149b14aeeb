"""Attacks on ITX-1: what a cheaper computation could know about a nonce, measured.  `python -m soundness`."""
