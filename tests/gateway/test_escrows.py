from dataclasses import replace

from gateway.escrows import Deed, Purpose, Step, Use, build_message, find_escrow, plan_escrows
from gateway.market import Market
from gateway.policies import ANYWHERE, Territory
from tests.gateway.shop import ESCROW_ID, HOSTS, MODEL, RESERVE, make_market
from wire.gonka.inference.v1.tx_pb2 import MsgCloseEscrow, MsgOpenEscrow, MsgTopUpEscrow

KEY = b"\x02" * 33
MARKET = make_market(["http://a", "http://b"], KEY)
PURPOSE = Purpose(model=MARKET.models[MODEL], territory=ANYWHERE)
IDLE = Use(promised={}, busy=frozenset())
DEPOSIT = 2 * RESERVE


def plan(market: Market, use: Use = IDLE, purpose: Purpose = PURPOSE) -> Step | None:
    return plan_escrows(market, [purpose], use, KEY, DEPOSIT)


def test_plan_escrows__an_escrow_that_serves__nothing_to_do() -> None:
    assert plan(MARKET) is None
    assert plan_escrows(MARKET, [], IDLE, KEY, DEPOSIT) is None


def test_plan_escrows__none_or_another_keys__is_opened() -> None:
    assert plan(replace(MARKET, escrows=())) == Step(deed=Deed.OPEN, purpose=PURPOSE)
    (escrow,) = MARKET.escrows
    assert plan(replace(MARKET, escrows=(replace(escrow, voucher_pubkey=b"\x03" * 33),))) is not None


def test_plan_escrows__no_host_could_serve__nothing_is_opened() -> None:
    assert plan(replace(MARKET, escrows=(), offers={})) is None
    nowhere = Purpose(model=MARKET.models[MODEL], territory=Territory(regions=("JP",)))
    assert plan(MARKET, purpose=nowhere) is None


def test_plan_escrows__a_territory_of_its_own__has_an_escrow_of_its_own() -> None:
    german = Purpose(model=MARKET.models[MODEL], territory=Territory(regions=("DE",)))
    assert find_escrow(MARKET, german, KEY) is None
    assert plan(MARKET, purpose=german) == Step(deed=Deed.OPEN, purpose=german)


def test_plan_escrows__half_of_a_deposit_left__is_topped_up() -> None:
    assert plan(MARKET, Use(promised={ESCROW_ID: DEPOSIT // 2}, busy=frozenset())) is None
    step = plan(MARKET, Use(promised={ESCROW_ID: DEPOSIT // 2 + 1}, busy=frozenset()))
    assert step == Step(deed=Deed.TOP_UP, purpose=PURPOSE, escrow_id=ESCROW_ID)


def test_plan_escrows__most_hosts_gone_or_exhausted__another_is_opened() -> None:
    (escrow,) = MARKET.escrows
    stale = replace(MARKET, escrows=(replace(escrow, reserves={"gone": 1, HOSTS[0]: 1}),))
    assert plan(stale) is None
    assert plan(replace(MARKET, escrows=(replace(escrow, reserves={"gone": 1}),))) is not None
    places = frozenset({(ESCROW_ID, HOSTS[0]), (ESCROW_ID, HOSTS[1])})
    assert plan(MARKET, Use(promised={}, busy=frozenset(), exhausted=places)) is not None


def test_plan_escrows__a_newer_one_has_taken_over__the_old_is_closed_once_nothing_runs_on_it() -> None:
    (escrow,) = MARKET.escrows
    both = replace(MARKET, escrows=(escrow, replace(escrow, escrow_id=9)))
    found = find_escrow(both, PURPOSE, KEY)
    assert found is not None
    assert found.escrow_id == 9
    assert plan(both, Use(promised={}, busy=frozenset({ESCROW_ID}))) is None
    assert plan(both) == Step(deed=Deed.CLOSE, purpose=PURPOSE, escrow_id=ESCROW_ID)


def test_build_message__each_deed__says_what_is_meant() -> None:
    german = Purpose(model=MARKET.models[MODEL], territory=Territory(regions=("DE",), hosts=(HOSTS[0],)))
    opened = build_message(Step(deed=Deed.OPEN, purpose=german), "dev", KEY, 5)
    assert isinstance(opened, MsgOpenEscrow)
    assert (list(opened.policy.regions), list(opened.policy.hosts)) == (["DE"], [HOSTS[0]])
    assert (opened.max_price_in_ngonka, opened.deposit_ngonka) == (1_100_000, 5)
    topped = build_message(Step(deed=Deed.TOP_UP, purpose=german, escrow_id=3), "dev", KEY, 5)
    assert topped == MsgTopUpEscrow(developer="dev", escrow_id=3, amount_ngonka=5)
    closed = build_message(Step(deed=Deed.CLOSE, purpose=german, escrow_id=3), "dev", KEY, 5)
    assert closed == MsgCloseEscrow(developer="dev", escrow_id=3)
