// An unmodified @cosmjs/stargate against a running chain: `node wallet.mjs RPC SECRET SECRET`, secrets in hex.
// Prints one JSON object of what it saw.

import { Secp256k1Wallet } from "@cosmjs/amino";
import { fromHex } from "@cosmjs/encoding";
import { DirectSecp256k1Wallet } from "@cosmjs/proto-signing";
import { GasPrice, QueryClient, SigningStargateClient, setupGovExtension } from "@cosmjs/stargate";
import { Comet38Client, connectComet } from "@cosmjs/tendermint-rpc";
import { TextProposal } from "cosmjs-types/cosmos/gov/v1beta1/gov";

const [rpc, annSecret, bobSecret] = process.argv.slice(2);
const DENOM = "ngonka";
const GOV = "/cosmos.gov.v1beta1";
const options = { gasPrice: GasPrice.fromString(`1${DENOM}`), broadcastPollIntervalMs: 100 };

async function connect(wallet) {
  const client = await SigningStargateClient.connectWithSigner(rpc, wallet, options);
  const [{ address }] = await wallet.getAccounts();
  return { client, address };
}

async function balanceOf(person) {
  return BigInt((await person.client.getBalance(person.address, DENOM)).amount);
}

async function send(from, to, amount) {
  const before = await balanceOf(to);
  const sent = await from.client.sendTokens(from.address, to.address, [{ denom: DENOM, amount }], "auto", "from CosmJS");
  const found = await from.client.getTx(sent.transactionHash);
  return { code: sent.code, arrived: String((await balanceOf(to)) - before), memo: found !== null, height: sent.height };
}

async function act(person, typeUrl, value) {
  const result = await person.client.signAndBroadcast(person.address, [{ typeUrl, value }], "auto");
  if (result.code !== 0) throw new Error(result.rawLog);
  return result;
}

const ann = await connect(await DirectSecp256k1Wallet.fromKey(fromHex(annSecret), "gonka"));
const bob = await connect(await Secp256k1Wallet.fromKey(fromHex(bobSecret), "gonka"));
const comet = await connectComet(rpc);
const gov = QueryClient.withExtensions(comet, setupGovExtension);

const seen = {
  chainId: await ann.client.getChainId(),
  client: comet instanceof Comet38Client,
  direct: await send(ann, bob, "1000"),
  amino: await send(bob, ann, "500"),
};

const text = TextProposal.encode({ title: "A text", description: "that CosmJS proposes" }).finish();
const proposed = await act(ann, `${GOV}.MsgSubmitProposal`, {
  content: { typeUrl: `${GOV}.TextProposal`, value: text },
  initialDeposit: [{ denom: DENOM, amount: "10000000000" }],
  proposer: ann.address,
});
const found = proposed.events.flatMap((event) => event.attributes).find((one) => one.key === "proposal_id");
const proposalId = BigInt(found.value);
await act(ann, `${GOV}.MsgVote`, { proposalId, voter: ann.address, option: 1 });
const half = "500000000000000000";
await act(bob, `${GOV}.MsgVoteWeighted`, {
  proposalId,
  voter: bob.address,
  options: [{ option: 1, weight: half }, { option: 3, weight: half }],
});
seen.votes = await Promise.all(
  [ann, bob].map(async (person) => (await gov.gov.vote(proposalId, person.address)).vote.options.map((one) => one.option)),
);

const status = await comet.status();
const block = await comet.block(seen.direct.height);
const results = await comet.blockResults(seen.direct.height);
const search = await ann.client.searchTx([{ key: "message.sender", value: ann.address }]);
const validators = await comet.validatorsAll(seen.direct.height);
const commit = await comet.commit(seen.direct.height);
const genesis = await comet.genesis();
const heights = await comet.blockchain(1, 3);
seen.node = {
  version: status.nodeInfo.version,
  txs: block.block.txs.length,
  results: results.results.length,
  sent: search.length,
  validators: validators.validators.length,
  signatures: commit.commit.signatures.length,
  genesis: genesis.chainId,
  metas: heights.blockMetas.length,
};

const socket = await Comet38Client.connect(rpc.replace("http", "ws"));
const told = { blocks: [], txs: 0 };
const watching = [
  socket.subscribeNewBlock().subscribe({ next: (event) => told.blocks.push(event.header.height) }),
  socket.subscribeTx(`message.sender='${ann.address}'`).subscribe({ next: () => (told.txs += 1) }),
];
await new Promise((resolve) => setTimeout(resolve, 500));
await send(ann, bob, "1");
await send(bob, ann, "1");
for (let tries = 0; tries < 100 && (told.blocks.length < 2 || told.txs < 1); tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
watching.forEach((one) => one.unsubscribe());
seen.told = { blocks: told.blocks.length >= 2, txs: told.txs };

console.log(JSON.stringify(seen));
process.exit(0); // CosmJS goes on reconnecting a socket that was disconnected
