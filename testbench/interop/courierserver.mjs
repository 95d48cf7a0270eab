// Private gateways of Awala's library, sound and hostile, as clients of our courier: node courierserver.mjs
// DIRECTORY-OF-CERTIFICATES.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { generateRSAKeyPair } from '@relaycorp/relaynet-core';
import { CogRPCClient } from '@relaycorp/cogrpc';
import { Tls, grpc } from './double.mjs';
import { ramf } from './forge.mjs';
import { InternetGateway } from './internet.mjs';
import { PrivateGateway, internetClient } from './private.mjs';
import { ask, finish, test } from './table.mjs';

const tls = new Tls(process.argv[2]);
const hour = 3_600_000;
const tomorrow = () => new Date(Date.now() + 24 * hour);
const flipped = (b) => { const c = Buffer.from(b); c[c.length - 1] ^= 1; return c; };
const internet = await InternetGateway.start(tls, { address: 'one.example.org' });
const [ann, ben, strange] = await Promise.all([PrivateGateway.make(), PrivateGateway.make(), generateRSAKeyPair()]);
for (const g of [ann, ben]) await g.register(internetClient(internet.port));
const [a, b] = [await ann.endpoint(), await ben.endpoint()];
await a.addPeer(await b.authorise(a.keys.publicKey));
await b.addPeer(await a.authorise(b.keys.publicKey));
const { courier, full } = await ask('start', { gateways: [{ address: internet.address, port: internet.port, cargoPort: internet.cargoPort }] });

// called makes one call by hand and answers { code, got }. Each thing that comes is acknowledged as reply says.
async function called(host, start, reply) {
  const client = await CogRPCClient.initLan(host);
  const call = start(client.grpcClient, { deadline: Date.now() + 10_000 });
  const got = [];
  call.on('data', (d) => { got.push(d.cargo?.length ? d.cargo : d.id); reply(call, d, got); });
  call.on('error', () => {});
  const { code } = await new Promise((resolve) => { call.on('status', resolve); });
  client.close();
  return { code: grpc.status[code], got };
}

// deliver brings cargo and says goodbye when all is acknowledged; after brings more then.
function deliver(cargoes, { host = courier, after } = {}) {
  return called(host, (client, options) => {
    const call = client.deliverCargo(options);
    cargoes.forEach((cargo, i) => call.write({ id: `cargo ${i}`, cargo }));
    return call;
  }, async (call, _, got) => {
    if (got.length !== cargoes.length) return;
    await after?.(call);
    call.end();
  });
}

// collect fetches with the values of a header.
function collect(values, reply = (call, { id }) => call.write({ id })) {
  const metadata = new grpc.Metadata();
  for (const v of values) metadata.add('authorization', v);
  return called(courier, (client, options) => client.collectCargo(metadata, options), reply);
}
const bearer = (raw) => `Relaynet-CCA ${raw.toString('base64')}`;
const authorised = async () => [bearer(await ann.makeCCA())];

const ourKey = ann.node.identityKeyPair;
const ours = (await ann.stores.certificateStore.retrieveLatest(ann.id, internet.id)).leafCertificate;
// message makes a cargo of any parts; couriers see no more of it than these.
const message = (o = {}) => ramf(o.key ?? ourKey.privateKey, ours, {
  type: 0x43, to: internet.id, address: internet.address, id: randomBytes(8).toString('hex'), created: new Date(Date.now() - 3 * hour), ttl: 86_400, payload: randomBytes(100), ...o,
});
const cca = async (o) => [bearer(await message({ type: 0x44, ...o }))];
// sealed is a cargo with one parcel, as it is.
async function sealed() {
  ann.outgoing = [await a.seal(randomBytes(300))];
  const [raw] = await ann.makeCargoes();
  return { raw, parcel: ann.outgoing[0] };
}
const arrived = async () => (await internet.event('cargo')).raw;

await test('our courier takes cargo to the Internet gateway', async () => {
  const { raw, parcel } = await sealed();
  assert.deepEqual(await deliver([raw]), { code: 'OK', got: ['cargo 0'] });
  assert.ok((await arrived()).equals(raw));
  assert.deepEqual(await ben.drain(), [parcel]);
});
await test('three cargoes come in one call', async () => {
  const raw = [(await sealed()).raw, (await sealed()).raw, (await sealed()).raw];
  assert.deepEqual(await deliver(raw), { code: 'OK', got: ['cargo 0', 'cargo 1', 'cargo 2'] });
  for (const _ of raw) await arrived();
  assert.equal((await ben.drain()).length, 3);
});
await test('a cargo that comes twice goes once, and both are acknowledged', async () => {
  const [twice, next] = [(await sealed()).raw, (await sealed()).raw];
  assert.deepEqual((await deliver([twice, twice])).got, ['cargo 0', 'cargo 1']);
  assert.ok((await arrived()).equals(twice));
  assert.deepEqual((await deliver([twice])).got, ['cargo 0']); // it has gone meanwhile
  assert.deepEqual((await deliver([next])).got, ['cargo 0']);
  assert.ok((await arrived()).equals(next));
});
for (const [name, make] of [
  ['garbage', () => randomBytes(300)],
  ['nothing', () => Buffer.alloc(0)],
  ['a parcel', () => message({ type: 0x50 })],
  ['a collection authorisation', () => message({ type: 0x44 })],
  ['a message of another format', () => message({ version: 1 })],
  ['cargo with a broken signature', async () => flipped(await message())],
  ['cargo signed with another key', () => message({ key: strange.privateKey })],
  ['cargo without address', () => message({ address: undefined })],
  ['expired cargo', () => message({ ttl: 60 })],
  ['cargo of tomorrow', () => message({ created: tomorrow() })],
  ['cargo with half of its octets', async () => { const c = await message(); return c.subarray(0, c.length / 2); }],
]) {
  await test(`${name} ends the delivery`, async () => {
    assert.deepEqual(await deliver([await make(), await message()]), { code: 'INVALID_ARGUMENT', got: [] });
  });
}
await test('what was acknowledged before a refusal is kept', async () => {
  internet.forget();
  const { raw } = await sealed();
  assert.deepEqual(await deliver([raw, randomBytes(300)]), { code: 'INVALID_ARGUMENT', got: ['cargo 0'] });
  assert.ok((await arrived()).equals(raw));
});
await test('a courier without room says so', async () => {
  assert.deepEqual(await deliver([await message({ payload: randomBytes(100_000) })], { host: full }), { code: 'RESOURCE_EXHAUSTED', got: [] });
});
await test('a client that takes its time is waited for', async () => {
  const { raw } = await sealed();
  const r = await deliver([await message()], { after: async (call) => {
    await pause(1500);
    call.write({ id: 'late', cargo: raw });
    await new Promise((resolve) => { call.on('data', resolve); });
  } });
  assert.deepEqual(r, { code: 'OK', got: ['cargo 0', 'late'] });
  assert.ok((await arrived()).equals(raw));
});
await test('a client that goes in the middle harms nobody', async () => {
  const r = await deliver([await message()], { after: (call) => { call.write({ id: 'half', cargo: randomBytes(100_000) }); call.cancel(); } });
  assert.deepEqual(r.got, ['cargo 0']);
  assert.deepEqual((await deliver([await message()])).got, ['cargo 0']);
});

let held;
await test('cargo for the client is brought', async () => {
  internet.forget();
  held = await b.seal(randomBytes(300));
  await ben.deliver(held);
  assert.deepEqual(await collect(await authorised()), { code: 'OK', got: [] });
  await internet.event('fulfilled');
  internet.queues.clear(); // later authorisations bring no more
  await ask('cargo');
});
for (const [name, values] of [
  ['no authorisation', () => []],
  ['two authorisations', async () => [...await authorised(), ...await authorised()]],
  ['another scheme', () => ['Basic YTpi']],
  ['a scheme alone', () => ['Relaynet-CCA']],
  ['no base64', () => ['Relaynet-CCA ***']],
  ['garbage', () => [bearer(randomBytes(500))]],
  ['a parcel', () => cca({ type: 0x50 })],
  ['a cargo', () => cca({ type: 0x43 })],
  ['a broken signature', async () => [bearer(flipped(await ann.makeCCA()))]],
  ['one signed with another key', () => cca({ key: strange.privateKey })],
  ['one without address', () => cca({ address: undefined })],
  ['one that has expired', () => cca({ ttl: 60 })],
  ['one of tomorrow', () => cca({ created: tomorrow() })],
  ['one of another gateway', async () => [bearer(await ben.makeCCA())]],
]) {
  await test(`cargo is not given for ${name}`, async () => {
    const { code, got } = await collect(await values());
    assert.deepEqual(got, []);
    assert.ok(['OK', 'INTERNAL'].includes(code), code); // two are more than headers may have
  });
}
for (const [name, reply] of [
  ['whose acknowledgement is dropped', (call) => call.end()],
  ['with an acknowledgement of nothing', (call) => { call.write({ id: 'never delivered' }); call.end(); }],
  ['with an acknowledgement without id', (call) => { call.write({ id: '' }); call.end(); }],
  ['whose collection is cancelled', (call) => call.cancel()],
]) {
  await test(`cargo ${name} comes again`, async () => {
    assert.equal((await collect(await authorised(), reply)).got.length, 1);
    await ask('cargo');
  });
}
await test('two clients do not get the same cargo at once', async () => {
  let second;
  const first = await collect(await authorised(), async (call) => { second = await collect(await authorised()); call.end(); });
  assert.deepEqual([first.got.length, second.got.length], [1, 0]);
});
await test('a slow acknowledgement, twice, is one', async () => {
  const { code, got } = await collect(await authorised(), async (call, { id }) => { await pause(1500); call.write({ id }); call.write({ id }); });
  assert.equal(code, 'OK');
  const seen = { cargo: 0, parcels: 0, acks: 0, rotations: 0, refused: 0 };
  await ann.open(got[0], seen);
  assert.deepEqual(ann.endpoints.get(a.id).got, [held]);
});
await test('what was acknowledged does not come again', async () => {
  assert.deepEqual(await collect(await authorised()), { code: 'OK', got: [] });
});

finish();
