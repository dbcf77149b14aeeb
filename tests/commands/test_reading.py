"""What several commands ask, and how long they do."""

import pytest

from chain_client.errors import PermanentError, TransientError
from commands.reading import MOST_LOOKS, keep_asking


class Node:
    """Answers after so many refusals; counts pauses."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.pauses = 0

    def read(self) -> str:
        if self.refusals:
            self.refusals -= 1
            raise TransientError("chain_unreachable", "refused")
        return "net-1"

    def pause(self) -> None:
        self.pauses += 1


def test_keep_asking__a_chain_that_starts_after_its_host__is_waited_for() -> None:
    node = Node(refusals=3)

    assert keep_asking(node.read, node.pause) == "net-1"
    assert node.pauses == 3


def test_keep_asking__a_chain_that_never_answers__is_given_up() -> None:
    node = Node(refusals=MOST_LOOKS)

    with pytest.raises(TransientError, match="chain_unreachable"):
        keep_asking(node.read, node.pause)
    assert node.pauses == MOST_LOOKS - 1


def test_keep_asking__another_chain__is_said_at_once() -> None:
    node = Node(refusals=0)

    def read() -> str:
        raise PermanentError("chain_id_mismatch")

    with pytest.raises(PermanentError, match="chain_id_mismatch"):
        keep_asking(read, node.pause)
    assert node.pauses == 0
