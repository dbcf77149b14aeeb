import pytest

from gateway.policies import (
    ANYWHERE,
    DAY_MS,
    Policy,
    Standing,
    Territory,
    check_funds,
    check_model,
    combine,
    decode_policy,
    encode_policy,
    make_policy,
)
from rules.addresses import encode_address
from rules.errors import RuleError
from wire.openai.errors import ApiError

ANN = encode_address(b"\x01" * 20)
BOB = encode_address(b"\x02" * 20)
RICH = Standing(balance=1000, reserved=0, key_spent=0, key_day=0, key_reserved=0)


def test_encode_policy__any_policy__reads_back_as_itself() -> None:
    policy = make_policy(models=("b", "a"), regions=("de", "FR"), hosts=(ANN,), spend_pusd=5, per_minute=9)
    assert policy.regions == ("DE", "FR")
    assert decode_policy(encode_policy(policy)) == policy
    assert decode_policy(encode_policy(Policy())) == Policy()


@pytest.mark.parametrize(
    "wrong", [{"regions": ("Germany",)}, {"regions": ("D1",)}, {"hosts": ("cosmos1x",)}, {"per_minute": 0}]
)
def test_make_policy__what_cannot_be_meant__is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RuleError) as caught:
        make_policy(**wrong)  # type: ignore[arg-type]
    assert caught.value.code == "policy_invalid"


@pytest.mark.parametrize(
    ("own", "policy", "expected"),
    [
        (ANYWHERE, Policy(), ANYWHERE),
        (Territory(hosts=(ANN, BOB)), Policy(), Territory(hosts=(ANN, BOB))),
        (ANYWHERE, Policy(regions=("DE",)), Territory(regions=("DE",))),
        (Territory(hosts=(ANN,)), Policy(hosts=(ANN, BOB)), Territory(hosts=(ANN,))),
        (Territory(hosts=(ANN,)), Policy(hosts=(BOB,)), Territory(hosts=())),
        (Territory(regions=("DE",)), Policy(regions=("FR",)), Territory(regions=())),
    ],
)
def test_combine__gateway_and_key__only_what_both_allow(own: Territory, policy: Policy, expected: Territory) -> None:
    assert combine(own, policy) == expected


def test_admits__nothing_in_common__admits_nobody() -> None:
    empty = combine(Territory(hosts=(ANN,)), Policy(hosts=(BOB,)))
    assert empty.is_empty
    assert not empty.admits(ANN, "DE")
    assert not empty.admits(BOB, "DE")


def test_admits__a_host_without_region__is_in_no_region() -> None:
    assert not Territory(regions=("DE",)).admits(ANN, "")


def test_check_model__a_model_that_is_not_listed__is_forbidden() -> None:
    check_model(Policy(), "any")
    with pytest.raises(ApiError) as caught:
        check_model(Policy(models=("a",)), "b")
    assert (caught.value.code, caught.value.status) == ("model_forbidden", 403)


@pytest.mark.parametrize(
    ("policy", "standing", "cost", "code"),
    [
        (Policy(), RICH, 1001, "insufficient_quota"),
        (
            Policy(),
            Standing(balance=1000, reserved=600, key_spent=0, key_day=0, key_reserved=0),
            401,
            "insufficient_quota",
        ),
        (Policy(spend_pusd=100), RICH, 101, "spend_cap_reached"),
        (
            Policy(spend_pusd=100),
            Standing(balance=1000, reserved=50, key_spent=40, key_day=0, key_reserved=50),
            11,
            "spend_cap_reached",
        ),
        (
            Policy(day_pusd=100),
            Standing(balance=1000, reserved=0, key_spent=500, key_day=90, key_reserved=0),
            11,
            "daily_cap_reached",
        ),
    ],
)
def test_check_funds__more_than_is_left__is_refused(policy: Policy, standing: Standing, cost: int, code: str) -> None:
    check_funds(policy, standing, cost - 1, 0)
    with pytest.raises(ApiError) as caught:
        check_funds(policy, standing, cost, 0)
    assert (caught.value.code, caught.value.status) == (code, 429)
    assert caught.value.fault.type == "insufficient_quota"


def test_check_funds__the_cap_of_the_day__may_be_tried_again_at_midnight() -> None:
    with pytest.raises(ApiError) as caught:
        check_funds(Policy(day_pusd=0), RICH, 1, 5 * DAY_MS + 1000)
    assert caught.value.retry_after_s == DAY_MS // 1000
