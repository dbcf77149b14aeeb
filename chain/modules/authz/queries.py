"""What cosmos.authz.v1beta1 answers: the grants that have not expired."""

from collections.abc import Iterator

from chain.modules.authz.state import get_grant, scan_grants
from chain.modules.pagination import bounded, paginate
from chain.modules.query import Query, Snapshot
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError

from cosmos.authz.v1beta1 import query_pb2 as pb
from cosmos.authz.v1beta1.authz_pb2 import Grant, GrantAuthorization


def list_between(snapshot: Snapshot, request: pb.QueryGrantsRequest) -> pb.QueryGrantsResponse:
    """What one account lets another do; of one message only where a type URL is given.

    RuleError grant_missing: there is no grant of that message.
    """
    granter, grantee = decode_address(request.granter), decode_address(request.grantee)
    if request.msg_type_url:
        grant = get_grant(snapshot.store, granter, grantee, request.msg_type_url)
        if grant is None or _has_expired(snapshot, grant):
            raise RuleError("grant_missing", f"grant of {request.msg_type_url[:80]!r} not found")
        return pb.QueryGrantsResponse(grants=[grant])
    found = (grant for _, to, grant in _scan(snapshot, granter) if to == grantee)
    grants, page = paginate(found, request.pagination)
    return pb.QueryGrantsResponse(grants=grants, pagination=page)


def list_by_granter(snapshot: Snapshot, request: pb.QueryGranterGrantsRequest) -> pb.QueryGranterGrantsResponse:
    """What an account lets others do."""
    found = _scan(snapshot, decode_address(request.granter))
    grants, page = paginate(found, request.pagination)
    return pb.QueryGranterGrantsResponse(grants=[_describe(*grant) for grant in grants], pagination=page)


def list_by_grantee(snapshot: Snapshot, request: pb.QueryGranteeGrantsRequest) -> pb.QueryGranteeGrantsResponse:
    """What others let an account do."""
    grantee = decode_address(request.grantee)
    found = (found for found in _scan(snapshot) if found[1] == grantee)
    grants, page = paginate(found, request.pagination)
    return pb.QueryGranteeGrantsResponse(grants=[_describe(*grant) for grant in grants], pagination=page)


def _scan(snapshot: Snapshot, granter: bytes = b"") -> Iterator[tuple[bytes, bytes, Grant]]:
    return (found for found in bounded(scan_grants(snapshot.store, granter)) if not _has_expired(snapshot, found[2]))


def _has_expired(snapshot: Snapshot, grant: Grant) -> bool:
    return bool(grant.HasField("expiration") and grant.expiration.ToNanoseconds() <= snapshot.time_ns)


def _describe(granter: bytes, grantee: bytes, grant: Grant) -> GrantAuthorization:
    return GrantAuthorization(
        granter=encode_address(granter),
        grantee=encode_address(grantee),
        authorization=grant.authorization,
        expiration=grant.expiration if grant.HasField("expiration") else None,
    )


QUERIES = (
    Query("cosmos.authz.v1beta1.Query.Grants", list_between),
    Query("cosmos.authz.v1beta1.Query.GranterGrants", list_by_granter),
    Query("cosmos.authz.v1beta1.Query.GranteeGrants", list_by_grantee),
)
