// A cargo travels: from a private gateway of Awala's library to our courier, over the radio to our gateway that has an
// Internet gateway of Awala's library, and back: node travel.mjs DIRECTORY-OF-CERTIFICATES.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Tls } from './double.mjs';
import { InternetGateway } from './internet.mjs';
import { PrivateGateway, internetClient } from './private.mjs';
import { ask, finish, test } from './table.mjs';

const tls = new Tls(process.argv[2]);
const internet = await InternetGateway.start(tls, { address: 'one.example.org' });
const [ann, ben] = await Promise.all([PrivateGateway.make(), PrivateGateway.make()]);
for (const g of [ann, ben]) await g.register(internetClient(internet.port));
const [a, b] = [await ann.endpoint(), await ben.endpoint()];
await a.addPeer(await b.authorise(a.keys.publicKey));
await b.addPeer(await a.authorise(b.keys.publicKey));
internet.forget();

let courier;
await test('our gateways meet, one by the courier and one at the Internet gateway', async () => {
  const gateways = [{ address: internet.address, port: internet.port, cargoPort: internet.cargoPort }];
  ({ courier } = await ask('start', { gateways }));
  await internet.event('collecting');
  await ask('ready');
}, 150);
if (!courier) finish();
const parcel = await a.seal(randomBytes(300));
const answer = await b.seal(randomBytes(300));
await test('a cargo travels from the courier over the radio to the Internet', async () => {
  ann.outgoing = [parcel];
  await ben.deliver(answer); // it waits for us there
  const { got, sent } = await ann.sync(courier);
  assert.deepEqual([got.cargo, sent], [0, 1]);
  const cargo = await internet.event('cargo');
  assert.deepEqual([cargo.gateway, cargo.parcels], [ann.id, 1]);
  assert.deepEqual(await ben.drain(), [parcel]);
}, 150);
await test('and what answers comes back the same way', async () => {
  assert.equal((await internet.event('fulfilled')).gateway, ann.id);
  await ask('cargo');
  const { got } = await ann.sync(courier);
  assert.deepEqual([got.parcels, got.refused], [1, 0]);
  assert.deepEqual(ann.endpoints.get(a.id).got, [answer]);
  if (!got.acks) {
    // The CCA was handed in before the cargo, and got to the Internet before it: the acknowledgement is in the next cargo.
    assert.equal((await internet.event('fulfilled')).gateway, ann.id);
    await ask('cargo');
    const { got: next } = await ann.sync(courier);
    assert.deepEqual([next.parcels, next.refused], [0, 0]);
    got.acks = next.acks;
  }
  assert.equal(got.acks, 1);
  assert.deepEqual(ann.outgoing, []);
}, 150);
await test('our acknowledgement goes the whole way', async () => {
  const { gateway } = await internet.event('cargo'); // brought with the last visit
  assert.equal(gateway, ann.id);
  assert.equal(internet.waiting(ann.id), 0);
}, 150);

finish();
