"""RIPEMD-160, the second half of an address's hash.

OpenSSL may be built or configured without it, so the function is written here and `hashlib` used where it has one.
Source: Dobbertin, Bosselaers, Preneel, RIPEMD-160: a strengthened version of RIPEMD (1996), appendix A.
"""

import hashlib
import struct

_MASK = 0xFFFFFFFF
_START: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_LEFT_CONSTANTS = (0x00000000, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_RIGHT_CONSTANTS = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0x00000000)

_RHO = (7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8)
_SHIFTS = (
    (11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
    (12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7),
    (13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9),
    (14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6),
    (15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5),
)


def _word_orders(first: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Which message word each of the 16 steps of the five rounds takes: round r is rho applied r times to `first`."""
    orders = [first]
    while len(orders) < 5:
        orders.append(tuple(_RHO[word] for word in orders[-1]))
    return tuple(orders)


_LEFT_ORDERS = _word_orders(tuple(range(16)))
_RIGHT_ORDERS = _word_orders(tuple((9 * i + 5) % 16 for i in range(16)))


def compute_ripemd160(data: bytes) -> bytes:
    """The 20-byte RIPEMD-160 of `data`."""
    try:
        return hashlib.new("ripemd160", data, usedforsecurity=False).digest()
    except ValueError:
        return compute_ripemd160_here(data)


def compute_ripemd160_here(data: bytes) -> bytes:
    """The same without hashlib: about a thousand times slower."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    state = _START
    for offset in range(0, len(padded), 64):
        state = _compress(state, struct.unpack_from("<16I", padded, offset))
    return struct.pack("<5I", *state)


def _compress(state: tuple[int, ...], words: tuple[int, ...]) -> tuple[int, ...]:
    left = right = state
    for turn in range(5):
        for step in range(16):
            word = words[_LEFT_ORDERS[turn][step]]
            shift = _SHIFTS[turn][_LEFT_ORDERS[turn][step]]
            left = _step(left, turn, (word + _LEFT_CONSTANTS[turn]) & _MASK, shift)
            word = words[_RIGHT_ORDERS[turn][step]]
            shift = _SHIFTS[turn][_RIGHT_ORDERS[turn][step]]
            right = _step(right, 4 - turn, (word + _RIGHT_CONSTANTS[turn]) & _MASK, shift)
    return tuple((state[(i + 1) % 5] + left[(i + 2) % 5] + right[(i + 3) % 5]) & _MASK for i in range(5))


def _step(line: tuple[int, ...], mix: int, addend: int, shift: int) -> tuple[int, ...]:
    a, b, c, d, e = line
    total = (a + _mix(mix, b, c, d) + addend) & _MASK
    return e, (_rotate(total, shift) + e) & _MASK, b, _rotate(c, 10), d


def _mix(turn: int, x: int, y: int, z: int) -> int:
    match turn:
        case 0:
            return x ^ y ^ z
        case 1:
            return (x & y) | (~x & z & _MASK)
        case 2:
            return (x | (~y & _MASK)) ^ z
        case 3:
            return (x & z) | (y & ~z & _MASK)
        case _:
            return x ^ (y | (~z & _MASK))


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK
