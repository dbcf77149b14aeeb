from google.protobuf import descriptor_pool

from chain.api.methods import QUERIES

REQUIRED = {
    "cosmos.auth.v1beta1.Query.Account",
    "cosmos.auth.v1beta1.Query.Params",
    "cosmos.auth.v1beta1.Query.ModuleAccounts",
    "cosmos.bank.v1beta1.Query.Balance",
    "cosmos.bank.v1beta1.Query.AllBalances",
    "cosmos.bank.v1beta1.Query.SpendableBalances",
    "cosmos.bank.v1beta1.Query.TotalSupply",
    "cosmos.bank.v1beta1.Query.SupplyOf",
    "cosmos.bank.v1beta1.Query.DenomMetadata",
    "cosmos.staking.v1beta1.Query.Validators",
    "cosmos.staking.v1beta1.Query.Pool",
    "cosmos.staking.v1beta1.Query.Params",
    "cosmos.gov.v1.Query.Proposals",
    "cosmos.gov.v1.Query.TallyResult",
    "cosmos.gov.v1beta1.Query.Proposal",
    "cosmos.authz.v1beta1.Query.Grants",
    "cosmos.consensus.v1.Query.Params",
    "cosmos.base.node.v1beta1.Service.Config",
    "cosmos.base.tendermint.v1beta1.Service.GetLatestBlock",
    "cosmos.base.tendermint.v1beta1.Service.GetNodeInfo",
    "cosmos.base.tendermint.v1beta1.Service.GetLatestValidatorSet",
    "gonka.sprint.v1.Query.View",
    "gonka.params.v1.Query.Params",
}


def test_the_registry_has_what_wallets_and_clients_ask_for() -> None:
    assert {query.method for query in QUERIES} >= REQUIRED


def test_every_method_of_our_own_query_services_is_answered() -> None:
    answered = {query.method for query in QUERIES}
    for module in ("sprint", "stake", "beacon", "params"):
        service = descriptor_pool.Default().FindServiceByName(f"gonka.{module}.v1.Query")
        assert {method.full_name for method in service.methods} <= answered
