"""Stands in for a platform's keystore in tests: keys of P-256 that sign and are given to nobody, with signatures in DER, as Android
gives them. Slow and open to whoever measures it: for tests alone."""

import hashlib
import secrets

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if a[1] != b[1]:
            return None
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _times(number, point):
    total = None
    while number:
        if number & 1:
            total = _add(total, point)
        number, point = number >> 1, _add(point, point)
    return total


def _der(tag, content):
    return bytes([tag, len(content)]) + content


def _integer(number):
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


class Key:
    """One key of the hardware."""

    def __init__(self):
        self._secret = secrets.randbelow(N - 1) + 1
        x, y = _times(self._secret, G)
        self.public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def sign(self, message):
        """SHA256withECDSA."""
        number = int.from_bytes(hashlib.sha256(message).digest(), "big")
        once = secrets.randbelow(N - 1) + 1
        r = _times(once, G)[0] % N
        s = pow(once, -1, N) * (number + r * self._secret) % N
        return _der(0x30, _integer(r) + _integer(s))
