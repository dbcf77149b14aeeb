import pytest

from chain.api import txsearch
from chain.api.txsearch import Condition, Search, parse_hash, parse_query, read_places, scan_found, take_places
from rules.errors import RuleError
from tests.chain.api.node import Api, open_api
from tests.chain.ledger import ANN, BOB, CAT, DAN


def find(api: Api, text: str) -> list[tuple[int, int]]:
    height = api.node.engine.height
    return list(scan_found(api.node.store.latest.records, Search(conditions=parse_query(text), height=height)))


def test_parse_query__conditions_joined_by_and__are_read_in_order() -> None:
    assert parse_query("message.sender='gonka1x' AND tx.height>=5") == (
        Condition("message.sender", "=", "gonka1x"),
        Condition("tx.height", ">=", "5"),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"),
        ("message.sender", "no operator"),
        ("message.sender=gonka1x", "no quotes"),
        ("message.sender>'gonka1x'", "text has no order"),
        ("message.memo='x'", "an attribute that is not kept"),
        ("tx.height='five'", "a height that is no number"),
        ("tx.height=1 OR tx.height=2", "another word than AND"),
        (" AND ".join(["tx.height>0"] * 9), "too many conditions"),
        ("tx.height=" + "9" * 30, "a number that is too long"),
        ("tx.height>0 " + " " * 1_000_000 + "AND tx.height>0", "a megabyte of nothing, which takes hours to split"),
    ],
)
def test_parse_query__what_cannot_be_asked__is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_query(text)
    assert caught.value.code == "request_invalid", why


def test_scan_found__by_sender_recipient_height_and_hash__gives_exactly_those() -> None:
    with open_api() as api:
        first = api.send(ANN, BOB, 1)
        api.block()  # height 2
        api.send(BOB, CAT, 2)
        api.send(ANN, CAT, 3)
        api.block()  # height 3
        places = set(find(api, f"message.sender='{ANN.text}'"))
        assert {height for height, _ in places} == {2, 3}
        assert len(places) == 2
        assert len(find(api, f"transfer.recipient='{CAT.text}'")) == 2
        assert find(api, f"message.sender='{ANN.text}' AND transfer.recipient='{CAT.text}'")[0][0] == 3
        assert find(api, f"message.sender='{ANN.text}' AND tx.height<3") == [(2, 0)]
        assert find(api, f"message.sender='{DAN.text}'") == []
        assert len(find(api, "message.action='/cosmos.bank.v1beta1.MsgSend'")) == 3
        assert len(find(api, "tx.height>=2 AND tx.height<=3")) == 3
        assert find(api, "tx.height=1") == []
        from hashlib import sha256

        assert find(api, f"tx.hash='{sha256(first).hexdigest().upper()}'") == [(2, 0)]


def test_scan_found__heights_alone_over_too_many_blocks__is_refused() -> None:
    with open_api() as api, pytest.raises(RuleError) as caught:
        list(scan_found(api.node.store.latest.records, Search(conditions=parse_query("tx.height>0"), height=5000)))
    assert caught.value.code == "request_invalid"


@pytest.mark.parametrize("text", ["", "12", "zz" * 32, "00" * 33])
def test_parse_hash__anything_but_64_hex_digits__is_refused(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_hash(text)
    assert caught.value.code == "request_invalid"


def test_take_places__any_page_in_either_order__is_that_part_of_all() -> None:
    with open_api() as api:
        for amount in range(1, 6):
            api.send(ANN, BOB, amount)
            api.block()
        records = api.node.store.latest.records
        search = Search(conditions=parse_query(f"message.sender='{ANN.text}'"), height=api.node.engine.height)
        everything = list(scan_found(records, search))
        assert len(everything) == 5
        for start in range(7):
            for limit in range(1, 7):
                found = take_places(records, search, start=start, limit=limit, newest=False)
                assert found == (everything[start : start + limit], 5)
                found = take_places(records, search, start=start, limit=limit, newest=True)
                assert found == (everything[::-1][start : start + limit], 5)


def test_scan_found__a_condition_that_holds_too_often__is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_api() as api:
        for amount in range(1, 4):
            api.send(ANN, BOB, amount)
            api.block()
        text = f"message.sender='{ANN.text}'"
        monkeypatch.setattr(txsearch, "MAX_FOUND", 3)
        assert len(find(api, text)) == 3
        monkeypatch.setattr(txsearch, "MAX_FOUND", 2)
        with pytest.raises(RuleError, match="more than 2"):
            find(api, text)


def test_read_places__blocks_longer_than_a_page_may_read__are_refused_and_never_held_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_api() as api:
        sizes = []
        for amount in range(1, 4):
            sizes.append(len(api.send(ANN, BOB, amount)))
            api.block()
        records = api.node.store.latest.records
        text = f"message.sender='{ANN.text}'"
        places = list(scan_found(records, Search(conditions=parse_query(text), height=api.node.engine.height)))
        monkeypatch.setattr(txsearch, "MAX_READ_BYTES", sum(sizes))
        assert [(logged.block.height, index) for logged, index in read_places(records, places)] == places
        monkeypatch.setattr(txsearch, "MAX_READ_BYTES", sum(sizes) - 1)
        with pytest.raises(RuleError, match="request_invalid"):
            list(read_places(records, places))
