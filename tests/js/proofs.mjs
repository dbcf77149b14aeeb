// An unmodified @confio/ics23 on the proofs of a running chain: `node proofs.mjs RPC SPEC KEY...`.
// SPEC is the chain's ProofSpec in base64, keys are in hex.  Prints, for each key, whether its pair is proved, and
// whether another value and another root are refused.

import { ics23, verifyMembership } from "@confio/ics23";
import { fromBase64, fromHex } from "@cosmjs/encoding";
import { connectComet } from "@cosmjs/tendermint-rpc";

const [rpc, spec64, ...keys] = process.argv.slice(2);
const spec = ics23.ProofSpec.decode(fromBase64(spec64));
const comet = await connectComet(rpc);

async function readHeader(height) {
  for (;;) {
    if ((await comet.status()).syncInfo.latestBlockHeight >= height) return (await comet.block(height)).block.header;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const seen = [];
for (const key of keys.map(fromHex)) {
  const answer = await comet.abciQuery({ path: "/key", data: key, prove: true });
  const proof = ics23.CommitmentProof.decode(answer.proof.ops[0].data);
  const { appHash } = await readHeader(answer.height + 1);
  const otherValue = Uint8Array.from([...answer.value, 0]);
  seen.push([
    verifyMembership(proof, spec, appHash, key, answer.value),
    verifyMembership(proof, spec, appHash, key, otherValue),
    verifyMembership(proof, spec, new Uint8Array(32), key, answer.value),
  ]);
}
console.log(JSON.stringify(seen));
comet.disconnect();
