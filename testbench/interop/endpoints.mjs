// Two endpoints made with Awala's JavaScript library talk through the gateways at two PoWeb ports, which may be
// one: node endpoints.mjs PORT_A PORT_B SECONDS OCTETS COUNT. Each case, which may take so many seconds, is
// reported on a line of its own. OCTETS is the size of a large parcel, COUNT how many are sent at once.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PrivateNodeRegistrationRequest, generateRSAKeyPair, ParcelDeliverySigner } from '@relaycorp/relaynet-core';
import { Endpoint, bufferToArray } from './endpoint.mjs';
import { handshake, postParcel, response, send, types } from './raw.mjs';
import { finish, test as within } from './table.mjs';

const [portA, portB, seconds, large, count] = process.argv.slice(2).map(Number);

const test = (name, run) => within(name, run, seconds);

let a, b;
await test('two endpoints register', async () => {
  [a, b] = await Promise.all([Endpoint.register(portA), Endpoint.register(portB)]);
  for (const e of [a, b]) {
    const { privateNodeCertificate: node, gatewayCertificate: gateway } = e.registration;
    assert.equal(await node.calculateSubjectId(), e.id);
    assert.equal(node.getIssuerId(), await gateway.calculateSubjectId());
    assert.equal((await node.getCertificationPath([], [gateway])).length, 2);
    assert.match(e.registration.internetGatewayInternetAddress, /^[a-z0-9-]+\.[a-z0-9]+\.internal$/);
  }
});
if (!a || !b) process.exit(1);
await a.addPeer(await b.authorise(a.keys.publicKey));
await b.addPeer(await a.authorise(b.keys.publicKey));

// arrives sends content and checks what comes out at the other end, octet by octet.
async function arrives(from, to, content) {
  const parcel = await from.seal(content);
  await from.deliver(parcel);
  const [got] = await to.receive(1);
  assert.ok(got.equals(parcel), 'the parcel has changed on its way');
  const opened = await to.open(got);
  assert.equal(opened.sender, from.id);
  assert.ok(opened.content.equals(content), 'the content has changed on its way');
}

await test('a parcel goes from A to B', () => arrives(a, b, Buffer.from('water is safe to drink')));
await test('an answer goes back, sealed to the key of the first', () => arrives(b, a, randomBytes(700)));
await test('and another one, sealed to the key of the answer', () => arrives(a, b, randomBytes(5)));
await test(`a parcel of ${large} octets`, () => arrives(a, b, randomBytes(large)));

await test('a connected endpoint gets what arrives', async () => {
  let parcel;
  const [got] = await b.receive(1, { ready: async () => {
    parcel = await a.seal(Buffer.from('live'));
    await a.deliver(parcel);
  } });
  assert.ok(got.equals(parcel));
});

await test('a parcel that was not acknowledged comes again', async () => {
  const parcel = await a.seal(Buffer.from('twice'));
  await a.deliver(parcel);
  const [first] = await b.receive(1, { ack: false });
  const [second] = await b.drain();
  assert.ok(first.equals(parcel) && second.equals(parcel));
  assert.deepEqual(await b.drain(), []);
});

await test('many parcels arrive once each', async () => {
  const sent = [];
  for (let i = 0; i < count; i++) {
    sent.push(await a.seal(Buffer.from(`parcel ${i}`)));
    await a.deliver(sent[i]);
  }
  const got = await b.receive(sent.length);
  const text = (list) => list.map((p) => p.toString('hex')).sort();
  assert.deepEqual(text(got), text(sent));
  assert.deepEqual(await b.drain(), []);
});

await test('a replayed parcel is accepted and not delivered again', async () => {
  const parcel = await a.seal(Buffer.from('once'));
  await a.deliver(parcel);
  assert.equal((await postParcel(a, parcel)).status, 202);
  assert.ok((await b.receive(1))[0].equals(parcel));
  assert.equal((await postParcel(a, parcel)).status, 202);
  await arrives(a, b, Buffer.from('behind it'));
  assert.deepEqual(await b.drain(), []);
});

// refuses posts a parcel and expects a status with a JSON message.
async function refuses(status, parcel, headers) {
  const r = await postParcel(a, parcel, headers);
  assert.equal(r.status, status, r.body.toString());
  assert.equal(r.headers['content-type'], 'application/json');
  assert.ok(JSON.parse(r.body).message);
  return r;
}

const hi = Buffer.from('hi');
const flipped = (octets, at) => { const c = Buffer.from(octets); c[at] ^= 1; return c; };

await test('a parcel without authorisation is refused', async () => {
  await refuses(422, await a.seal(hi, { certificate: a.certificate, chain: [a.registration.gatewayCertificate] }));
});
await test('an authorisation for another recipient is refused', async () => {
  await refuses(422, await a.seal(hi, { to: { id: a.id, internetAddress: a.peer.address } }));
});
await test('an authorisation without its chain is refused', async () => {
  await refuses(422, await a.seal(hi, { chain: [] }));
});
await test('an expired parcel is refused', async () => {
  await refuses(422, await a.seal(hi, { created: new Date(Date.now() - 60_000), ttl: 30 }));
});
await test('a parcel of the future is refused', async () => {
  await refuses(422, await a.seal(hi, { created: new Date(Date.now() + 3 * 3_600_000) }));
});
await test('a parcel with a broken signature is refused', async () => {
  const parcel = await a.seal(hi);
  await refuses(422, flipped(parcel, parcel.length - 1));
});
await test('a truncated parcel is refused', async () => {
  const parcel = await a.seal(hi);
  for (const n of [0, 3, 7, 100, parcel.length - 1]) await refuses(400, parcel.subarray(0, n));
});
await test('an oversized parcel is refused', async () => {
  const signature = Buffer.from(await a.deliverySigner().sign(bufferToArray(hi))).toString('base64');
  const r = await send(portA, 'POST', '/v1/parcels', { 'content-type': types.parcel, authorization: `Relaynet-Countersignature ${signature}` }, Buffer.alloc(9_437_185));
  assert.equal(r.status, 413);
});
await test('a parcel needs a countersignature by an endpoint of this gateway', async () => {
  const parcel = await a.seal(hi);
  const stranger = await generateRSAKeyPair();
  const signers = [new ParcelDeliverySigner(a.certificate, stranger.privateKey), a.collectionSigner()];
  const headers = ['', 'Basic YTpi', 'Relaynet-Countersignature', 'Relaynet-Countersignature ***'];
  for (const s of signers) headers.push(`Relaynet-Countersignature ${Buffer.from(await s.sign(bufferToArray(parcel))).toString('base64')}`);
  headers.push(`Relaynet-Countersignature ${Buffer.from(await a.deliverySigner().sign(bufferToArray(hi))).toString('base64')}`);
  if (portA !== portB) headers.push(`Relaynet-Countersignature ${Buffer.from(await b.deliverySigner().sign(bufferToArray(parcel))).toString('base64')}`);
  for (const authorization of headers) {
    const r = await refuses(401, parcel, { authorization });
    assert.equal(r.headers['www-authenticate'], 'Relaynet-Countersignature');
  }
});
await test('the countersignature scheme may be spelled as the specification does', async () => {
  const parcel = await a.seal(Buffer.from('scheme'));
  const signature = Buffer.from(await a.deliverySigner().sign(bufferToArray(parcel))).toString('base64');
  assert.equal((await postParcel(a, parcel, { authorization: `Awala-Countersignature ${signature}` })).status, 202);
  assert.ok((await b.receive(1))[0].equals(parcel));
});
await test('other content types and methods are refused', async () => {
  await refuses(415, await a.seal(hi), { 'content-type': 'application/octet-stream' });
  const get = await send(portA, 'GET', '/v1/parcels');
  assert.deepEqual([get.status, get.headers.allow], [405, 'POST']);
  const options = await send(portA, 'OPTIONS', '/v1/parcels');
  assert.deepEqual([options.status, options.headers.allow], [204, 'POST']);
});
await test('web pages are refused', async () => {
  await refuses(400, await a.seal(hi), { origin: 'https://example.org' });
  assert.equal(await handshake(portA, { origin: 'https://example.org' }, () => response()), 1008);
});
await test('bad registrations are refused', async () => {
  const short = await send(portA, 'POST', '/v1/pre-registrations', { 'content-type': types.digest }, Buffer.from('ab'));
  assert.equal(short.status, 400);
  const json = await send(portA, 'POST', '/v1/pre-registrations', { 'content-type': 'application/json' }, Buffer.from('ab'));
  assert.equal(json.status, 415);
  const other = await generateRSAKeyPair();
  const pnra = await a.client.preRegisterNode(other.publicKey);
  const foreign = Buffer.from(await new PrivateNodeRegistrationRequest(a.keys.publicKey, pnra).serialize(a.keys.privateKey));
  const good = Buffer.from(await new PrivateNodeRegistrationRequest(other.publicKey, pnra).serialize(other.privateKey));
  for (const body of [foreign, flipped(good, good.length - 1), good.subarray(0, 50), Buffer.alloc(0)]) {
    const r = await send(portA, 'POST', '/v1/nodes', { 'content-type': types.request }, body);
    assert.equal(r.status, 400, r.body.toString());
  }
  const wrong = await send(portA, 'POST', '/v1/nodes', { 'content-type': types.parcel }, good);
  assert.equal(wrong.status, 415);
});
await test('bad handshakes are closed', async () => {
  const sign = (nonce) => a.collectionSigner().sign(nonce);
  for (const answer of [
    () => Buffer.from('hello'),
    () => response(),
    async () => response(await sign(bufferToArray(hi))),
    async (nonce) => response(await a.deliverySigner().sign(nonce)),
    async (nonce) => response(await sign(nonce), bufferToArray(hi)),
  ]) assert.equal(await handshake(portA, {}, answer), 1003);
  assert.equal(await handshake(portA, { 'x-relaynet-streaming-mode': 'close-upon-completion' }, async (nonce) => response(await sign(nonce))), 1000);
});

finish();
