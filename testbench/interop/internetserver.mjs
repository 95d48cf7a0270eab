// Private gateways and endpoints of Awala's library, sound and hostile, as clients of an Internet gateway: node
// internetserver.mjs DIRECTORY-OF-CERTIFICATES [double]. It is the double, to show that the table is sound, or the one
// that the test starts when it is asked.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import {
  Cargo, CargoCollectionAuthorization, CargoCollectionRequest, CargoMessageSet, NodeConnectionParams, Parcel, ParcelCollectionAck,
  ParcelCollectionHandshakeSigner, ParcelDeliverySigner, PrivateNodeRegistrationRequest, SessionEnvelopedData, SessionKeyPair, derSerializePublicKey,
  generateRSAKeyPair, issueDeliveryAuthorization, issueEndpointCertificate, issueGatewayCertificate,
} from '@relaycorp/relaynet-core';
import { CogRPCClient } from '@relaycorp/cogrpc';
import { Tls, grpc } from './double.mjs';
import { bufferToArray } from './endpoint.mjs';
import { pkcs1, pnrr, ramf } from './forge.mjs';
import { InternetGateway } from './internet.mjs';
import { InternetEndpoint } from './node.mjs';
import { PrivateGateway, internetClient } from './private.mjs';
import { Socket, response, types } from './raw.mjs';
import { ask, finish, test } from './table.mjs';

const tls = new Tls(process.argv[2]);
const hour = 3_600_000;
const address = 'one.example.org';
const hi = Buffer.from('hi');
const double = process.argv[3] === 'double';
const flipped = (b, at) => { const c = Buffer.from(b); c[at < 0 ? b.length + at : at] ^= 1; return c; };
const node = await InternetEndpoint.start(tls, 'node.example.org');
const it = double ? await startDouble() : await ask('start', { address, node: node.port });
const carrier = () => new CogRPCClient(`localhost:${it.cargoPort}`, grpc.credentials.createSsl(tls.ca));

async function startDouble() {
  const d = await InternetGateway.start(tls, { address, urls: { [node.address]: node.url } });
  return { port: d.port, cargoPort: d.cargoPort, pohttpPort: d.port };
}

// send answers { status, headers, body }.
function send(method, path, headers = {}, body = Buffer.alloc(0), port = it.port) {
  return new Promise((resolve, reject) => {
    const r = request({ agent: false, host: 'localhost', port, method, path, headers: { ...headers, 'content-length': body.length } }, (res) => {
      const parts = [];
      res.on('data', (b) => parts.push(b));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
    });
    r.on('error', reject);
    r.end(body);
  });
}

const [ann, ben, strange] = await Promise.all([PrivateGateway.make(), PrivateGateway.make(), generateRSAKeyPair()]);
let a, b, parameters;
await test('the connection parameters name the gateway', async () => {
  const r = await send('GET', '/connection-params.der');
  assert.deepEqual([r.status, r.headers['content-type']], [200, 'application/vnd.etsi.tsl.der']);
  parameters = await NodeConnectionParams.deserialize(bufferToArray(r.body));
  assert.equal(parameters.internetAddress, address);
});
await test('private gateways register', async () => {
  for (const g of [ann, ben]) {
    const pnr = await g.register(internetClient(it.port));
    assert.equal(await pnr.privateNodeCertificate.calculateSubjectId(), g.id);
    assert.equal(pnr.internetGatewayInternetAddress, address);
    assert.ok(pnr.sessionKey.keyId.length > 0);
    assert.ok(pnr.privateNodeCertificate.expiryDate - Date.now() > 100 * 24 * hour);
    assert.ok(pnr.privateNodeCertificate.startDate - Date.now() < -2 * hour); // for clients whose clock is behind
  }
  [a, b] = [await ann.endpoint(), await ben.endpoint()];
  await a.addPeer(await b.authorise(a.keys.publicKey));
  await b.addPeer(await a.authorise(b.keys.publicKey));
});
if (!a) finish();
const peer = ann.peer; // the Internet gateway's id
const registration = await generateRSAKeyPair();
const pnraOf = async (keys) => Buffer.from(await ann.client.preRegisterNode(keys.publicKey));
const asRequest = { 'content-type': types.request };
const refusedRegistrations = [
  ['with a broken signature', [400], async () => flipped(await goodRequest(), -1)],
  ['with the authorisation of another key', [403], async () => goodRequest({ pnra: await pnraOf(strange) })],
  ['signed by another key', [400], () => goodRequest({ key: strange.privateKey })],
  ['with a garbled authorisation', [400], () => goodRequest({ pnra: randomBytes(80) })],
  ['with a changed authorisation', [400], async () => goodRequest({ pnra: flipped(await pnraOf(registration), -1) })],
  ['of garbage', [400], () => randomBytes(500)],
  ['of nothing', [400], () => Buffer.alloc(0)],
];
async function goodRequest({ pnra, key } = {}) {
  return pnrr(await derSerializePublicKey(registration.publicKey), pnra ?? await pnraOf(registration), key ?? registration.privateKey);
}
for (const [name, status, body] of refusedRegistrations) {
  await test(`registration ${name} is refused`, async () => {
    const r = await send('POST', '/v1/nodes', asRequest, await body());
    assert.ok(status.includes(r.status), `${r.status} ${r.body}`);
  });
}
for (const [name, status, path, type, body] of [
  ['a pre-registration of another type', 415, '/v1/pre-registrations', 'application/json', Buffer.alloc(64, 'a')],
  ['a pre-registration that is too short', 400, '/v1/pre-registrations', 'text/plain', Buffer.alloc(63, 'a')],
  ['a registration of another type', 415, '/v1/nodes', 'text/plain', hi],
  ['a parcel of another type', 415, '/v1/parcels', 'text/plain', hi],
  ['a path that is none', 404, '/v1/nothing', 'text/plain', hi],
]) {
  await test(`${name} is refused`, async () => assert.equal((await send('POST', path, { 'content-type': type }, body)).status, status));
}

const fromA = (options) => a.seal(randomBytes(50), options);
await test('a parcel goes from gateway to gateway', async () => {
  const parcel = await fromA();
  await ann.deliver(parcel);
  assert.deepEqual(await ben.drain(), [parcel]);
  assert.equal((await b.open(parcel)).sender, a.id);
  assert.deepEqual(await ben.drain(), []);
});
await test('and back, live', async () => {
  let connected;
  const ready = new Promise((resolve) => { connected = resolve; });
  const live = ann.live(connected);
  await ready;
  ann.leaving = true; // after one
  const parcel = await b.seal(hi);
  await ben.deliver(parcel);
  assert.ok((await ann.event('parcel')).parcel.equals(parcel));
  await live;
});
await test('a parcel for a name that is left out is for the gateway itself', async () => {
  const parcel = await fromA({ to: { id: b.id } });
  await ann.deliver(parcel);
  assert.deepEqual(await ben.drain(), [parcel]);
});
await test('the same parcel again is one', async () => {
  const parcel = await fromA();
  await ann.deliver(parcel);
  await ann.deliver(parcel);
  assert.deepEqual(await ben.drain(), [parcel]);
});
const signed = async (signer, parcel) => ({ 'content-type': types.parcel, authorization: `Relaynet-Countersignature ${Buffer.from(await signer.sign(bufferToArray(parcel))).toString('base64')}` });
const countersigner = await ann.signer(ParcelDeliverySigner);
const good = await fromA();
const selfSigned = await issueGatewayCertificate({ issuerPrivateKey: strange.privateKey, subjectPublicKey: strange.publicKey, validityEndDate: new Date(Date.now() + hour) });
for (const [name, headers] of [
  ['none', () => ({ 'content-type': types.parcel })],
  ['one over other octets', () => signed(countersigner, hi)],
  ['one by an endpoint', () => signed(a.deliverySigner(), good)],
  ['one by a stranger', () => signed(new ParcelDeliverySigner(selfSigned, strange.privateKey), good)],
  ['one with another key', () => signed(new ParcelDeliverySigner(countersigner.certificate, strange.privateKey), good)],
  ['one for a handshake', async () => signed(await ann.signer(ParcelCollectionHandshakeSigner), good)],
  ...double ? [] : [['one of an old kind', async () => signed(new ParcelDeliverySigner(countersigner.certificate, await pkcs1(ann.node.identityKeyPair.privateKey)), good)]], // Awala's takes it
]) {
  await test(`a countersignature, ${name}`, async () => {
    const r = await send('POST', '/v1/parcels', await headers(), good);
    assert.equal(r.status, 401, r.body.toString());
  });
}
const [root] = a.peer.chain.slice(-1);
const badParcels = [
  ['garbage', [400], () => randomBytes(300)],
  ['a cargo', [400], () => ramf(a.keys.privateKey, a.peer.pda, { type: 0x43, to: b.id, chain: a.peer.chain })],
  ['a parcel with an id of 65 characters', [400], () => ramf(a.keys.privateKey, a.peer.pda, { id: 'x'.repeat(65), to: b.id, chain: a.peer.chain })],
  ['a parcel with a broken signature', [400, 422], () => flipped(good, -1)],
  ['an expired parcel', [422], () => fromA({ created: new Date(Date.now() - hour), ttl: 60 })],
  ['a parcel of tomorrow', [422], () => fromA({ created: new Date(Date.now() + 24 * hour) })],
  ['a parcel without authorisation', [422], () => fromA({ certificate: a.certificate, chain: [a.registration.gatewayCertificate] })],
  ['a parcel for somebody else than authorised', [422], () => fromA({ to: { id: a.id } })],
  ['a parcel without its chain', [422], () => fromA({ chain: [] })],
  ['a parcel with half of its chain', [422], () => fromA({ chain: [root] })],
  ['a parcel authorised under a gateway that is not registered', [422], async () => {
    const g = await issueGatewayCertificate({ issuerCertificate: selfSigned, issuerPrivateKey: strange.privateKey, subjectPublicKey: strange.publicKey, validityEndDate: selfSigned.expiryDate });
    const e = await issueEndpointCertificate({ issuerCertificate: g, issuerPrivateKey: strange.privateKey, subjectPublicKey: b.keys.publicKey, validityEndDate: g.expiryDate });
    const pda = await issueDeliveryAuthorization({ issuerCertificate: e, issuerPrivateKey: b.keys.privateKey, subjectPublicKey: a.keys.publicKey, validityEndDate: e.expiryDate });
    return fromA({ certificate: pda, chain: [e, g, selfSigned] });
  }],
];
for (const [name, status, parcel] of badParcels) {
  await test(`${name} is refused`, async () => {
    const octets = await parcel();
    const r = await send('POST', '/v1/parcels', await signed(countersigner, octets), octets);
    assert.ok(status.includes(r.status), `${r.status} ${r.body}`);
  });
}

const url = `wss://localhost:${it.port}/v1/parcel-collection`;
const handshaker = await ann.signer(ParcelCollectionHandshakeSigner);
for (const [name, answer] of [
  ['garbage', () => randomBytes(100)],
  ['no signature', () => response()],
  ['two signatures', async (nonce) => response(await handshaker.sign(nonce), await handshaker.sign(nonce))],
  ['a signature by an endpoint', async (nonce) => response(await a.collectionSigner().sign(nonce))],
  ['a signature by a stranger', async (nonce) => response(await new ParcelCollectionHandshakeSigner(selfSigned, strange.privateKey).sign(nonce))],
  ['a signature over another nonce', async () => response(await handshaker.sign(bufferToArray(hi)))],
  ['a signature for a delivery', async (nonce) => response(await countersigner.sign(nonce))],
]) {
  await test(`a handshake with ${name} is closed`, async () => {
    const s = new Socket(url);
    s.send(await answer(await s.nonce()));
    assert.equal((await s.next()).code, 1003);
  });
}
await test('an acknowledgement of nothing ends the collection, and the parcel comes again', async () => {
  const parcel = await b.seal(hi);
  await ben.deliver(parcel);
  const s = new Socket(url);
  s.send(response(await handshaker.sign(await s.nonce())));
  assert.ok((await s.delivery()).parcel.equals(parcel));
  s.send('00000000-0000-4000-8000-000000000000');
  assert.equal((await s.next()).code, 1003);
  assert.deepEqual(await ann.drain(), [parcel]);
});

// attempt makes one CogRPC call by hand; it answers { code, cargo }.
function attempt(values) {
  const client = carrier();
  const metadata = new grpc.Metadata();
  for (const v of values) metadata.add('authorization', v);
  return new Promise((resolve) => {
    const cargo = [];
    const call = client.grpcClient.collectCargo(metadata, { deadline: Date.now() + 10_000 });
    call.on('data', (d) => cargo.push(d.cargo));
    call.on('error', () => {});
    call.on('status', (s) => { client.close(); resolve({ code: grpc.status[s.code], cargo }); });
    call.end();
  });
}
const bearer = (raw) => `Relaynet-CCA ${raw.toString('base64')}`;
const channel = await ann.channel();
const ourKey = ann.node.identityKeyPair;
const ours = (await ann.stores.certificateStore.retrieveLatest(ann.id, peer)).leafCertificate;
const cdaIssuer = await channel.getOrCreateCDAIssuer();

// sealed encrypts to a key, and keeps the one that the answer will be sealed to.
async function sealed(plain, session) {
  const { envelopedData, dhKeyId, dhPrivateKey } = await SessionEnvelopedData.encrypt(plain, session);
  await ann.stores.privateKeyStore.saveSessionKey(dhPrivateKey, Buffer.from(dhKeyId), ann.id, peer);
  return Buffer.from(envelopedData.serialize());
}

// cca makes one of any parts.
async function cca(o = {}) {
  const cda = await issueGatewayCertificate({ issuerCertificate: cdaIssuer, issuerPrivateKey: ourKey.privateKey, subjectPublicKey: parameters.identityKey, validityEndDate: cdaIssuer.expiryDate });
  const plain = o.plain ?? new CargoCollectionRequest(cda).serialize();
  const session = o.session ?? parameters.sessionKey;
  const payload = o.payload ?? await sealed(plain, session);
  return ramf(o.key ?? ourKey.privateKey, o.certificate ?? ours, {
    type: o.type ?? 0x44, id: o.id ?? randomBytes(8).toString('hex'), to: o.to ?? peer, address: 'address' in o ? o.address : address,
    created: o.created ?? new Date(Date.now() - 1.5 * hour), ttl: o.ttl ?? 14 * 86_400, payload,
  });
}
for (const [name, codes, values] of [
  ['no authorisation', ['UNAUTHENTICATED'], () => []],
  ['another scheme', ['UNAUTHENTICATED'], () => ['Basic YTpi']],
  ['a scheme alone', ['UNAUTHENTICATED'], () => ['Relaynet-CCA']],
  ['no base64', ['UNAUTHENTICATED'], () => ['Relaynet-CCA ***']],
  ['garbage', ['UNAUTHENTICATED'], () => [bearer(randomBytes(500))]],
  ['a parcel', ['UNAUTHENTICATED'], async () => [bearer(await cca({ type: 0x50 }))]],
  ['a broken signature', ['UNAUTHENTICATED'], async () => [bearer(flipped(await cca(), -1))]],
  ['one for another gateway', ['INVALID_ARGUMENT'], async () => [bearer(await cca({ to: ben.id }))]],
  ['one for another address', ['INVALID_ARGUMENT'], async () => [bearer(await cca({ address: 'two.example.org' }))]],
  ['one that has expired', ['UNAUTHENTICATED'], async () => [bearer(await cca({ ttl: 60 }))]],
  ['one of tomorrow', ['UNAUTHENTICATED'], async () => [bearer(await cca({ created: new Date(Date.now() + 24 * hour) }))]],
  ['one by a stranger', ['UNAUTHENTICATED'], async () => [bearer(await cca({ key: strange.privateKey, certificate: selfSigned }))]],
  ['one signed with another key', ['UNAUTHENTICATED'], async () => [bearer(await cca({ key: strange.privateKey }))]],
  ['one by an endpoint', ['UNAUTHENTICATED'], async () => [bearer(await cca({ key: a.keys.privateKey, certificate: a.certificate }))]],
  ['one that is not sealed', ['UNAUTHENTICATED'], async () => [bearer(await cca({ payload: hi }))]],
  ['one sealed to an unknown key', ['UNAUTHENTICATED'], async () => [bearer(await cca({ session: (await SessionKeyPair.generate()).sessionKey }))]],
  ['one with garbage inside', ['UNAUTHENTICATED'], async () => [bearer(await cca({ plain: bufferToArray(hi) }))]],
]) {
  await test(`cargo is not given for ${name}`, async () => {
    const r = await attempt(await values());
    assert.ok(codes.includes(r.code), r.code);
    assert.deepEqual(r.cargo, []);
  });
}
await test('cargo is given once for one authorisation', async () => {
  const parcel = await b.seal(hi);
  await ben.deliver(parcel);
  const raw = await cca();
  const first = await attempt([bearer(raw)]);
  assert.deepEqual([first.code, first.cargo.length], ['OK', 1]);
  const seen = { parcels: 0, acks: 0, rotations: 0, refused: 0 };
  await ann.open(first.cargo[0], seen);
  assert.equal(seen.parcels, 1);
  assert.equal((await attempt([bearer(raw)])).code, 'PERMISSION_DENIED');
  assert.equal((await attempt([bearer(await cca())])).cargo.length, 1); // not acknowledged yet
});
await test('an acknowledgement in cargo ends a parcel', async () => {
  assert.equal(await ann.bring(carrier()), 1);
  ann.acks = [];
  assert.deepEqual((await attempt([bearer(await cca())])).cargo, []);
  assert.deepEqual(await ann.drain(), []);
});
await test('parcels go by cargo and are acknowledged by cargo', async () => {
  const parcels = [await fromA(), await fromA(), await fromA()];
  ann.outgoing = [...parcels];
  assert.equal(await ann.bring(carrier()), 1);
  const text = (list) => list.map((p) => p.toString('hex')).sort();
  assert.deepEqual(text(await ben.drain()), text(parcels));
  const seen = await ann.collect(carrier());
  assert.deepEqual([seen.acks, ann.outgoing.length], [3, 0]);
});
await test('the same cargo again delivers nothing again', async () => {
  ann.outgoing = [await fromA()];
  const raw = await ann.makeCargoes();
  const bring = async () => { let n = 0; for await (const _ of carrier().deliverCargo([{ localId: 1, cargo: raw[0] }])) n++; return n; };
  assert.equal(await bring(), 1);
  assert.equal((await ben.drain()).length, 1);
  assert.equal(await bring(), 1);
  if (!double) assert.deepEqual(await ben.drain(), []); // Awala's has forgotten it, and delivers again
  else await ben.drain();
  ann.outgoing = [];
});

// cargo makes one of any parts.
async function cargo(items, o = {}) {
  const plain = new CargoMessageSet(items.map(bufferToArray)).serialize();
  const payload = o.payload ?? await sealed(plain, o.session ?? parameters.sessionKey);
  return ramf(o.key ?? ourKey.privateKey, o.certificate ?? ours, {
    type: o.type ?? 0x43, to: o.to ?? peer, address, id: randomBytes(8).toString('hex'), created: o.created ?? new Date(Date.now() - 3 * hour), ttl: o.ttl ?? 86_400, payload,
  });
}
const bring = async (...cargoes) => {
  const client = carrier();
  let n = 0;
  for await (const _ of client.deliverCargo(cargoes.map((c, i) => ({ localId: i, cargo: c })))) n++;
  client.close();
  return n;
};
for (const [name, make] of [
  ['garbage', () => randomBytes(300)],
  ['nothing', () => Buffer.alloc(0)],
  ['a parcel', () => fromA()],
  ['cargo with a broken signature', async () => flipped(await cargo([await fromA()]), -1)],
  ['cargo for another gateway', async () => cargo([await fromA()], { to: ben.id })],
  ['expired cargo', async () => cargo([await fromA()], { ttl: 60 })],
  ['cargo of tomorrow', async () => cargo([await fromA()], { created: new Date(Date.now() + 24 * hour) })],
  ['cargo by a stranger', async () => cargo([await fromA()], { key: strange.privateKey, certificate: selfSigned })],
  ['cargo that is not sealed', async () => cargo([], { payload: hi })],
  ['cargo sealed to an unknown key', async () => cargo([await fromA()], { session: (await SessionKeyPair.generate()).sessionKey })],
]) {
  await test(`${name} is acknowledged and dropped`, async () => {
    assert.equal(await bring(await make()), 1);
    assert.deepEqual(await ben.drain(), []);
  });
}
await test('what is sound in a cargo is taken beside what is not', async () => {
  const parcel = await fromA();
  const bad = await fromA({ to: { id: a.id } });
  const pca = (id) => Buffer.from(new ParcelCollectionAck(b.id, '../../../etc', id).serialize());
  assert.equal(await bring(await cargo([hi, Buffer.alloc(0), pca('../..'), pca('x'.repeat(64)), bad, parcel, randomBytes(200)])), 1);
  assert.deepEqual(await ben.drain(), [parcel]);
});
await test('an acknowledgement of another gateway ends nothing', async () => {
  const parcel = await fromA();
  await ann.deliver(parcel);
  const { id } = await Parcel.deserialize(bufferToArray(parcel));
  await bring(await cargo([Buffer.from(new ParcelCollectionAck(a.id, b.id, id).serialize())])); // by the sender's gateway
  assert.deepEqual(await ben.drain(), [parcel]);
});
await test('cargo after cargo in one call', async () => {
  const parcels = [await fromA(), await fromA(), await fromA()];
  assert.equal(await bring(...await Promise.all(parcels.map((p) => cargo([p])))), 3);
  assert.equal((await ben.drain()).length, 3);
});
await test('a courier that goes in the middle harms nobody', async () => {
  const client = carrier();
  const call = client.grpcClient.deliverCargo({ deadline: Date.now() + 10_000 });
  call.on('error', () => {});
  const ended = new Promise((resolve) => { call.on('status', resolve); });
  call.write({ id: 'one', cargo: await cargo([]) });
  await new Promise((resolve) => { call.on('data', resolve); });
  call.write({ id: 'two', cargo: randomBytes(100_000) });
  call.cancel();
  await ended;
  client.close();
  assert.equal(await bring(await cargo([])), 1);
});

await node.knownTo(a);
for (const [name, fault] of double ? [] : [ // Awala's tells its client
  ['whose answer is lost', 'drop'], ['whose node breaks the connection', 'cut'],
  ['whose node sends it elsewhere', (r) => ({ ...r, status: 307, headers: { location: `${node.url}/` } })],
]) {
  await test(`a parcel ${name} goes in the end`, async () => {
    node.forget();
    node.faults.take = [fault];
    const parcel = await fromA();
    await ann.deliver(parcel);
    for (const times = fault === 'cut' ? 1 : 2, seen = []; seen.length < times;) seen.push((await node.event('parcel')).parcel.equals(parcel));
    assert.deepEqual(node.faults.take, []);
  });
}
await test('a parcel goes out to an endpoint on the Internet', async () => {
  const parcel = await fromA();
  await ann.deliver(parcel);
  assert.ok((await node.event('parcel')).parcel.equals(parcel));
  assert.equal((await node.endpoint.constructor.prototype.open.call(Object.assign(node.endpoint, { peer: {} }), parcel)).sender, a.id);
});
await node.endpoint.addPeer(await a.authorise(node.endpoint.keys.publicKey));
const pohttp = `https://localhost:${it.pohttpPort}/`;
await test('and its answer comes in', async () => {
  const answer = await node.endpoint.seal(hi);
  assert.equal((await node.send(pohttp, answer)).status, 202);
  assert.deepEqual(await ann.drain(), [answer]);
});
const answerOf = (options) => node.endpoint.seal(hi, options);
for (const [name, error, parcel] of [
  ['garbage', 'PoHTTPClientBindingError', () => randomBytes(200)],
  ['a cargo', 'PoHTTPClientBindingError', () => cargo([])],
  ['an expired parcel', 'PoHTTPInvalidParcelError', () => answerOf({ created: new Date(Date.now() - hour), ttl: 60 })],
  ['a parcel of tomorrow', 'PoHTTPInvalidParcelError', () => answerOf({ created: new Date(Date.now() + 24 * hour) })],
  ['a parcel without authorisation', 'PoHTTPInvalidParcelError', () => answerOf({ certificate: node.endpoint.certificate, chain: [] })],
  ['a parcel for somebody else than authorised', 'PoHTTPInvalidParcelError', () => answerOf({ to: { id: b.id, internetAddress: address } })],
  ['a parcel for another gateway', 'PoHTTPInvalidParcelError', () => answerOf({ to: { id: a.id, internetAddress: 'two.example.org' } })],
]) {
  await test(`${name} from the Internet is refused`, async () => {
    const err = await node.send(pohttp, await parcel()).then(() => assert.fail('it was taken'), (e) => e);
    if (!double) assert.equal(err.constructor.name, error, err.message);
    assert.deepEqual(await ann.drain(), []);
  });
}
await test('another type from the Internet is refused', async () => {
  const r = await send('POST', '/', { 'content-type': 'text/plain' }, await answerOf(), it.pohttpPort);
  assert.equal(r.status, 415);
});
finish();
