"""What a running gateway holds in its hands: the market, live pairs, hosts' health; and who may ask for what."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway.assembly import CHAT_PATH, COMPLETION_PATH, EMBEDDING_PATH
from gateway.charges import Reservation
from gateway.counting import Bounds, compute_bounds
from gateway.counting import Request as ApiRequest
from gateway.errands import Errand
from gateway.escrows import Purpose, Use, find_escrow
from gateway.hosts import HostClient, HostStatus
from gateway.keys import ApiKey, find_key
from gateway.market import Escrow, Market, OnChainModel
from gateway.money import UsdPrice
from gateway.pairs import Pair
from gateway.policies import ANYWHERE, Territory, check_model, combine, decode_policy
from gateway.prices import find_price, list_prices
from gateway.promises import read_pair
from gateway.prompts import Counted, PromptCounter
from gateway.rates import RateLimiter
from gateway.routing import Candidate, Chance, Health, order_candidates
from gateway.spelling import Script, build_script
from gateway.store import Store
from rules.vouchers import Tokens, compute_amount
from wire.openai.errors import ApiError
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest, StreamOptions

log = structlog.get_logger("gateway")

PATHS: Final = {ChatRequest: CHAT_PATH, CompletionRequest: COMPLETION_PATH, EmbeddingRequest: EMBEDDING_PATH}
PRIVATE_FIELDS: Final = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key", "store"})
"""Of no use to a host, and about the application's own people."""
SOON_S: Final = 2
BEARER: Final = "Bearer "


@dataclass(slots=True, kw_only=True)
class Desk:
    """Owned by the gateway's event loop; `own` is the territory that the gateway itself is bound to.

    `receipts` counts since the start what became of receipts: gateway.showing; `attempts` how answers were held.
    `counter` is there where the operator has a sidecar that counts prompts; with it the gateway may ask only hosts that
    tell the tokens of their answers, which it then `requires_tokens` for.
    """

    store: Store
    client: HostClient
    tasks: asyncio.TaskGroup
    secret: bytes
    voucher_key: bytes
    chance: Chance
    own: Territory = ANYWHERE
    counter: PromptCounter | None = None
    requires_tokens: bool = False
    market: Market | None = None
    pairs: dict[tuple[int, str], Pair] = field(default_factory=dict)
    deliveries: dict[tuple[int, str], asyncio.Task[None]] = field(default_factory=dict)
    health: dict[str, Health] = field(default_factory=dict)
    told: dict[str, HostStatus] = field(default_factory=dict)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    serving_keys: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    receipts: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)

    # ---- who asks --------------------------------------------------------------------------------------------------

    def authenticate(self, header: str) -> ApiKey:
        """The key in an Authorization header.  Raises ApiError `key_missing`, `invalid_api_key`."""
        if not header.startswith(BEARER):
            raise ApiError("key_missing")
        key = find_key(self.store.connection, header.removeprefix(BEARER).strip())
        if key is None:
            raise ApiError("invalid_api_key")
        return key

    def list_models(self, key: ApiKey) -> dict[str, UsdPrice]:
        """What a key may ask for now, with its price."""
        known = self.market.models if self.market else {}
        priced = list_prices(self.store.connection)
        allowed = key.policy.models
        return {
            name: price for name, (price, _) in priced.items() if name in known and (allowed is None or name in allowed)
        }

    async def prepare(self, key: ApiKey, request: ApiRequest, request_id: str) -> Errand:
        """A request as an errand, to be run at once.

        Raises ApiError: rate_limit_exceeded, model_not_found, model_forbidden, policy_unserved, no_escrow, no_host;
        where prompts are counted here, context_length_exceeded and invalid_value.
        """
        now_ms = self.chance.now_ms()
        if key.policy.per_minute is not None:
            self.limiter.take(key.key_id, key.policy.per_minute, now_ms)
        check_model(key.policy, request.model)
        _, asked_for, _ = self._find_model(request.model)
        counted = await self.counter.count(request, asked_for) if self.counter else None
        market, model, price = self._find_model(request.model)  # the market may have moved on meanwhile
        bounds = compute_bounds(request, model.max_context, counted.tokens if counted else None)
        if isinstance(request, EmbeddingRequest):
            check_covered(bounds, market.credit_tokens)
        candidates = self._choose(market, Purpose(model=model, territory=combine(self.own, key.policy)), bounds)
        return Errand(
            reservation=Reservation(
                request_id=request_id,
                key=key,
                model=model.name,
                price=price,
                most_in=bounds.most_in,
                most_out=bounds.most_out,
            ),
            bounds=bounds,
            path=PATHS[type(request)],
            body=encode_body(request),
            choices=_count_choices(request),
            wants_usage=not isinstance(request, EmbeddingRequest) and (not request.stream or request.wants_usage),
            is_whole=not isinstance(request, EmbeddingRequest) and not request.stream,
            candidates=candidates,
            script=_plan_script(request, counted),
        )

    def _find_model(self, name: str) -> tuple[Market, OnChainModel, UsdPrice]:
        price = find_price(self.store.connection, name)
        if self.market is None:
            raise ApiError("no_host", "the chain has not been read yet", retry_after_s=SOON_S)
        if price is None or name not in self.market.models:
            raise ApiError("model_not_found", f"{name[:80]!r} is not sold here", param="model")
        return self.market, self.market.models[name], price

    # ---- whom to ask -----------------------------------------------------------------------------------------------

    def _choose(self, market: Market, purpose: Purpose, bounds: Bounds) -> tuple[Candidate, ...]:
        if not market.list_hosts(purpose.model, purpose.territory):
            narrowed = purpose.territory != ANYWHERE
            raise ApiError("policy_unserved" if narrowed else "no_host", retry_after_s=10 * SOON_S)
        escrow = find_escrow(market, purpose, self.voucher_key)
        if escrow is None:
            raise ApiError("no_escrow", retry_after_s=SOON_S)
        cost = compute_amount(Tokens(tokens_in=bounds.most_in, tokens_out=bounds.most_out), escrow.price)
        found = self.list_candidates(market, purpose, escrow)
        ordered = order_candidates(found, purpose.territory, cost, self.chance.now_ms(), self.chance.draw)
        if not ordered:
            raise ApiError("no_host", retry_after_s=SOON_S)
        return ordered

    def list_candidates(self, market: Market, purpose: Purpose, escrow: Escrow) -> list[Candidate]:
        """The hosts of an escrow's group that still offer its model."""
        return [
            Candidate(
                host=offer.host,
                endpoint=offer.endpoint,
                region=offer.region,
                weight=offer.weight,
                escrow_id=escrow.escrow_id,
                free_ngonka=self._pair(market, escrow, offer.host).free_ngonka,
                health=self.health.get(offer.host, Health()),
                load=self._count_load(offer.host),
                settled_serial=escrow.settled.get(offer.host, 0),
            )
            for offer in market.list_hosts(purpose.model, purpose.territory)
            if offer.host in escrow.reserves and not self._pair(market, escrow, offer.host).is_exhausted
        ]

    def _count_load(self, host: str) -> int:
        mine = sum(pair.load for (_, other), pair in self.pairs.items() if other == host)
        return max(mine, self.told[host].load if host in self.told else 0)

    def note_success(self, host: str, latency_ms: int) -> None:
        """A host has begun to answer."""
        self.health[host] = self.health.get(host, Health()).after_success(latency_ms)

    def note_failure(self, host: str, error: ApiError) -> None:
        """A host did not do what it should."""
        log.info("host_rests", host=host, code=error.code, detail=error.message)
        health, now_ms = self.health.get(host, Health()), self.chance.now_ms()
        has_no_receipt = error.code == "host_receipt_invalid"
        self.health[host] = health.after_no_receipt(now_ms) if has_no_receipt else health.after_failure(now_ms)

    def note_receipt(self, host: str) -> None:
        """A host has ended an answer with a receipt that it signed as it must."""
        self.health[host] = self.health.get(host, Health()).after_receipt()

    @property
    def epoch(self) -> int:
        """The chain's, as it was seen last."""
        return self.market.epoch if self.market else 0

    def list_serving_keys(self, host: str) -> tuple[bytes, ...]:
        """The key that the host has named on chain, and the one before it: requests under way go on with that."""
        return self.serving_keys.get(host, ())

    def note_status(self, host: str, told: HostStatus) -> None:
        """A host has said how busy it is."""
        self.told[host] = told
        if host in self.health:
            self.health[host] = self.health[host].after_status()

    def note_absence(self, host: str, error: ApiError) -> None:
        """A host does not say how busy it is; one that rests already goes on resting."""
        if not self.health.get(host, Health()).is_resting(self.chance.now_ms()):
            self.note_failure(host, error)

    # ---- pairs -----------------------------------------------------------------------------------------------------

    def pair(self, candidate: Candidate) -> Pair:
        """The live pair of a candidate.  Raises ApiError `no_escrow` where the escrow has closed meanwhile."""
        found = self.pairs.get((candidate.escrow_id, candidate.host))
        if found is None:
            raise ApiError("no_escrow", retry_after_s=SOON_S)
        return found

    def set_market(self, market: Market) -> None:
        """Take a new look at the chain over: reserves that were topped up, and vouchers of a gateway before this."""
        self.market = market
        for host, offer in market.offers.items():
            known = self.serving_keys.get(host, ())
            if known[:1] != (offer.serving_pubkey,):
                self.serving_keys[host] = (offer.serving_pubkey, *known[:1])
        mine = {e.escrow_id: e for e in market.escrows if e.voucher_pubkey == self.voucher_key}
        for (escrow_id, host), pair in list(self.pairs.items()):
            if escrow_id in mine:
                pair.set_terms(mine[escrow_id].reserves[host])
            elif not pair.load:
                self.deliveries.pop((escrow_id, host)).cancel()
                del self.pairs[escrow_id, host]
        for escrow in mine.values():
            for host in escrow.reserves:
                self._pair(market, escrow, host)

    def _pair(self, market: Market, escrow: Escrow, host: str) -> Pair:
        place = (escrow.escrow_id, host)
        if place not in self.pairs:
            pair = Pair(
                market.make_terms(escrow, host),
                read_pair(self.store.connection, *place),
                store=self.store,
                secret=self.secret,
                send=lambda voucher: self._send(host, voucher),
            )
            self.pairs[place] = pair
            self.deliveries[place] = self.tasks.create_task(pair.deliver())
        return self.pairs[place]

    async def _send(self, host: str, voucher: bytes) -> None:
        offer = self.market.offers.get(host) if self.market else None
        if offer is None:
            raise ApiError("host_unreachable", "it offers nothing now")
        await self.client.send_voucher(offer.endpoint, voucher)

    # ---- what escrows are for --------------------------------------------------------------------------------------

    def list_purposes(self) -> list[Purpose]:
        """Every model that is sold, in each territory of a key whose customer has money."""
        if self.market is None:
            return []
        rows = self.store.read(
            "SELECT DISTINCT policy FROM keys JOIN customers USING (customer) "
            "WHERE revoked_ms IS NULL AND balance_pusd > 0 ORDER BY policy"
        )
        found: dict[Purpose, None] = {}
        for (text,) in rows:
            policy = decode_policy(text)
            territory = combine(self.own, policy)
            for name in list_prices(self.store.connection):
                allowed = policy.models is None or name in policy.models
                if allowed and name in self.market.models and not territory.is_empty:
                    found[Purpose(model=self.market.models[name], territory=territory)] = None
        return list(found)

    def describe_use(self) -> Use:
        """What the escrows are used for now."""
        promised: dict[int, int] = {}
        for (escrow_id, _), pair in self.pairs.items():
            promised[escrow_id] = promised.get(escrow_id, 0) + pair.promised_ngonka
        return Use(
            promised=promised,
            busy=frozenset(escrow_id for (escrow_id, _), pair in self.pairs.items() if pair.load),
            exhausted=frozenset(place for place, pair in self.pairs.items() if pair.is_exhausted),
        )


def check_covered(bounds: Bounds, credit_tokens: int) -> None:
    """A host reads what is embedded at one stroke, and is paid for no part of it before: both sides' credit is all.

    Raises ApiError `context_length_exceeded`.
    """
    most = 2 * credit_tokens
    if bounds.likely_in > most:
        detail = f"some {bounds.likely_in} tokens; a request for embeddings has at most {most}, all inputs together"
        raise ApiError("context_length_exceeded", detail, param="input")


def _plan_script(request: ApiRequest, counted: Counted | None) -> Script | None:
    if isinstance(request, EmbeddingRequest) or counted is None or counted.vocabulary is None:
        return None
    return build_script(request, counted.prompts, counted.vocabulary)


def encode_body(request: ApiRequest) -> bytes:
    """What a host gets: the request as a stream that counts, without what concerns the application's own people."""
    if isinstance(request, EmbeddingRequest):
        changed: ApiRequest = request
    else:
        changed = request.model_copy(update={"stream": True, "stream_options": StreamOptions(include_usage=True)})
    return changed.model_dump_json(by_alias=True, exclude_unset=True, exclude=set(PRIVATE_FIELDS)).encode()


def _count_choices(request: ApiRequest) -> int:
    if isinstance(request, EmbeddingRequest):
        return len(request.inputs)
    return (request.n or 1) * (len(request.prompts) if isinstance(request, CompletionRequest) else 1)
