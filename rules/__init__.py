"""The protocol as pure functions over frozen records.  Integers only; the standard library only.

The life of a Sprint, step by step, and the module that decides each:

    a height is an epoch, a phase, a deadline                           schedule
    hosts commit to secrets; revealed, they give the epoch's seeds      beacon, seeds
    hits become a claim: a count and a Merkle root                      claims
    the sample seed picks the leaves to open, and who sits on a claim   sampling
    opened leaves are hashed up to the root, each in order or not       claims
    verifiers' rows are committed and revealed                          seeds, sampling
    rows that name a mismatch open disputes; jurors vote                verdicts
    rows and votes become verdicts, slashes, and wrong duties           verdicts
    verdicts and stake become units, and those effective units          weights
    effective units become consensus power                              power
    effective units become votes                                        ballots
    subsidy and fees become payouts                                     rewards

`params` holds what governance may change, `presets` its three settings, `types` the words, `errors` every refusal,
`addresses` how an account is written.
"""
