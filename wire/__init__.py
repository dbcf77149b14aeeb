"""Bytes: generated messages, the codec between them and the records of `rules`, and what is signed.

Importing this package puts cosmpy's generated Cosmos messages on the path, where the generated code looks for them.
"""

import cosmpy.protos  # noqa: F401  # its import is its effect: the `cosmos`, `amino`, ... packages become importable
