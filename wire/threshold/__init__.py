"""Threshold BLS over BLS12-381: dealing a key, signing with shares of it, and combining what they signed.

Signatures are on G1 (48 bytes), public keys on G2 (96 bytes), as drand's scheme bls-unchained-g1-rfc9380 has them.
Everything here is a pure function of bytes.
"""
