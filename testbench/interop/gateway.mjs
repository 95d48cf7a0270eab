// Our gateway as a private gateway of Internet gateways of Awala's library, with a courier and endpoints of it: node
// gateway.mjs DIRECTORY-OF-CERTIFICATES.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { CogRPCClient } from '@relaycorp/cogrpc';
import { Courier } from './courier.mjs';
import { Tls, grpc } from './double.mjs';
import { Endpoint } from './endpoint.mjs';
import { ramf } from './forge.mjs';
import { InternetGateway } from './internet.mjs';
import { InternetEndpoint } from './node.mjs';
import { PrivateGateway, internetClient } from './private.mjs';
import { ask, finish, test } from './table.mjs';

const tls = new Tls(process.argv[2]);
const node = await InternetEndpoint.start(tls, 'node.example.org');
const urls = { [node.address]: node.url };
const one = await InternetGateway.start(tls, { address: 'one.example.org', urls });
const two = await InternetGateway.start(tls, { address: 'two.example.org', urls: { ...urls, [one.address]: (raw) => one.route(raw) } });
const courier = await Courier.start(tls);
const ann = await PrivateGateway.make();
await ann.register(internetClient(one.port));
const a = await ann.endpoint();
const carrier = (address = one.address) => new CogRPCClient(`localhost:${(address === one.address ? one : two).cargoPort}`, grpc.credentials.createSsl(tls.ca));
const content = () => randomBytes(60);

let us, e;
// taken waits until our gateway has acknowledged all that waited for it.
const taken = async () => { while (one.waiting(e.certificate.getIssuerId())) await one.event('acknowledged'); };
await test('our gateway registers with both and collects from the first', async () => {
  us = await ask('start', { gateways: [one, two].map((g) => ({ address: g.address, port: g.port, cargoPort: g.cargoPort })) });
  await Promise.all([one.event('collecting'), two.event('registered')]);
}, 150);
if (!us) finish();
await test('endpoints are registered under the Internet gateway', async () => {
  e = await Endpoint.register(us.port);
  assert.equal(e.registration.internetGatewayInternetAddress, one.address);
  const path = await e.certificate.getCertificationPath([e.registration.gatewayCertificate], [one.certificate]);
  assert.equal(path.length, 3);
  await e.addPeer(await a.authorise(e.keys.publicKey));
  await a.addPeer(await e.authorise(a.keys.publicKey));
});
await test('a parcel comes over the Internet', async () => {
  const parcel = await a.seal(content());
  await ann.deliver(parcel);
  assert.ok((await e.receive(1))[0].equals(parcel));
});
await test('a parcel goes over the Internet', async () => {
  const parcel = await e.seal(content());
  one.forget();
  await e.deliver(parcel);
  assert.ok((await one.event('queued')).parcel.equals(parcel));
  assert.deepEqual(await ann.drain(), [parcel]);
  assert.equal((await a.open(parcel)).sender, e.id);
});
await test('what is waiting at the Internet gateway comes live while an endpoint is connected', async () => {
  let parcel;
  const [got] = await e.receive(1, { ready: async () => { parcel = await a.seal(content()); await ann.deliver(parcel); } });
  assert.ok(got.equals(parcel));
});
await test('parcels that are no good are acknowledged and dropped, and the next one comes', async () => {
  one.forget();
  const ours = e.certificate.getIssuerId();
  const queue = one.queues.get(ours);
  const strange = await a.seal(content(), { to: { id: ann.id, internetAddress: one.address } });
  const old = await ramf(a.keys.privateKey, a.peer.pda, { to: e.id, address: one.address, chain: a.peer.chain, created: new Date(Date.now() - 3_600_000), ttl: 60 });
  const flipped = Buffer.from(strange);
  flipped[flipped.length - 1] ^= 1;
  for (const [i, bad] of [randomBytes(300), Buffer.alloc(0), strange, old, flipped].entries()) queue.set(`bad ${i}`, bad);
  const parcel = await a.seal(content());
  await ann.deliver(parcel);
  await taken();
  assert.equal(queue.size, 0);
  assert.deepEqual(await e.drain(), [parcel]);
});
await test('a parcel that comes twice is delivered once', async () => {
  one.forget();
  one.faults.delivery = ['twice'];
  const parcel = await a.seal(content());
  await ann.deliver(parcel);
  await taken();
  assert.deepEqual(await e.drain(), [parcel]);
});
await test('a collection that is cut goes on', async () => {
  one.forget();
  one.faults.delivery = ['close'];
  const parcel = await a.seal(content());
  await ann.deliver(parcel);
  await taken();
  assert.deepEqual(await e.drain(), [parcel]);
}, 60);
await test('a parcel goes to an endpoint on the Internet and its answer comes', async () => {
  const peer = e.peer;
  await node.knownTo(e);
  const parcel = await e.seal(content());
  await e.deliver(parcel);
  assert.ok((await node.event('parcel')).parcel.equals(parcel));
  await node.endpoint.addPeer(await e.authorise(node.endpoint.keys.publicKey));
  const answer = await node.endpoint.seal(content());
  await node.send(`https://localhost:${one.port}/`, answer);
  assert.ok((await e.receive(1))[0].equals(answer));
  e.peer = peer;
});
await test('endpoints of our gateway need no Internet gateway', async () => {
  const f = await Endpoint.register(us.port);
  const peer = e.peer;
  await e.addPeer(await f.authorise(e.keys.publicKey));
  const parcel = await e.seal(content());
  await e.deliver(parcel);
  assert.ok((await f.receive(1))[0].equals(parcel));
  e.peer = peer;
});
await test('when the Internet gateway vanishes our gateway turns to the second', async () => {
  two.forget();
  one.vanish();
  await two.event('collecting');
  const peer = e.peer;
  await node.knownTo(e);
  const parcel = await e.seal(content());
  await e.deliver(parcel);
  assert.ok((await node.event('parcel')).parcel.equals(parcel));
  for (let o = await two.event('outgoing'); !o.parcel.equals(parcel);) o = await two.event('outgoing'); // behind what was kept
  e.peer = peer;
}, 90);

// visit has our gateway meet the courier.
const visit = () => ask('sync', { to: `127.0.0.1:${courier.port}` });
const travel = () => courier.travel(carrier);
await test('without the Internet a parcel goes with the courier', async () => {
  two.vanish();
  await ask('offline');
  const parcel = await e.seal(content());
  await e.deliver(parcel);
  const out = await visit();
  assert.equal(out.parcels_out >= 1, true, JSON.stringify(out));
  await travel();
  const seen = { parcels: 0 };
  Object.assign(seen, await ann.collect(carrier()));
  assert.ok(ann.endpoints.get(a.id).got.some((p) => p.equals(parcel)), JSON.stringify([out, seen]));
}, 60);
await test('an answer comes with the courier, and acknowledgements both ways', async () => {
  const parcel = await a.seal(content());
  ann.outgoing = [parcel];
  assert.equal(await ann.bring(carrier()), 1); // also acknowledges what came
  const first = await visit(); // leaves an authorisation
  await travel();
  const out = await visit();
  assert.ok(out.parcels_in >= 1 && first.acks_in + out.acks_in >= 1, JSON.stringify([first, out]));
  assert.ok((await e.drain()).some((p) => p.equals(parcel)));
  const ours = e.certificate.getIssuerId();
  assert.equal(one.waiting(ours) >= 1, true);
  await travel(); // with our acknowledgement
  assert.equal(one.waiting(ours), 0);
}, 90);
await test('garbage from a courier is passed over', async () => {
  courier.faults.collectCargo = ['garbage'];
  const out = await visit();
  assert.ok(out.refused >= 1, JSON.stringify(out));
}, 60);
await test('a courier without room says so', async () => {
  await e.deliver(await e.seal(content()));
  courier.full = true;
  await assert.rejects(visit(), /room/);
  courier.full = false;
}, 60);
await test('what a courier did not take goes with the next', async () => {
  const before = courier.cargo.length;
  const out = await visit();
  assert.ok(out.parcels_out >= 1 && courier.cargo.length > before, JSON.stringify(out));
}, 60);

finish();
