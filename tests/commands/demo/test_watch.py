"""What the demo reads out of blocks."""

from google.protobuf.any_pb2 import Any

from commands.demo.watch import find_repeated, hash_of, name_duty
from wire.gonka.beacon.v1.tx_pb2 import MsgRevealSeed
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim
from wire.gonka.stake.v1.tx_pb2 import MsgStake


def pack(message: object) -> Any:
    packed = Any()
    packed.Pack(message, type_url_prefix="/")  # type: ignore[arg-type]
    return packed


def test_name_duty__two_rounds_of_one_epoch__are_two_duties() -> None:
    names = {name_duty(pack(MsgRevealSeed(epoch=2, round=r))) for r in (0, 1)}
    assert names == {"MsgRevealSeed 2 0", "MsgRevealSeed 2 1"}
    assert name_duty(pack(MsgClaim(epoch=2))) == "MsgClaim 2"
    assert name_duty(pack(MsgStake(host="x"))) == "MsgStake"


def test_find_repeated__one_transaction_in_two_blocks__is_found_by_its_hash() -> None:
    assert find_repeated([(b"a", b"b"), (b"c",), (b"a",)]) == (hash_of(b"a"),)
    assert find_repeated([(b"a",), (b"b",)]) == ()
