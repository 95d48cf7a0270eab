// What PoWeb servers refuse and what they bear, case by case: node poweb.mjs PORT OTHER, the ports of two private
// gateways that are strangers to each other.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  ParcelDeliverySigner, PrivateNodeRegistrationAuthorization, PrivateNodeRegistrationRequest, derSerializePublicKey,
  generateRSAKeyPair, issueDeliveryAuthorization, issueEndpointCertificate,
} from '@relaycorp/relaynet-core';
import { Endpoint, bufferToArray } from './endpoint.mjs';
import { SignerFor, enclosed, pkcs1, pnrr, ramf } from './forge.mjs';
import { Socket, handshake, parseDelivery, postParcel, response, send, types } from './raw.mjs';
import { finish, test } from './table.mjs';

const [port, otherPort] = process.argv.slice(2).map(Number);
const hour = 3_600_000;
const hi = Buffer.from('hi');
const flipped = (b, at) => { const c = Buffer.from(b); c[at < 0 ? b.length + at : at] ^= 1; return c; };
const path = { digest: '/v1/pre-registrations', nodes: '/v1/nodes', parcels: '/v1/parcels', collection: '/v1/parcel-collection' };

const [a, b, foreign, stranger] = await Promise.all([
  Endpoint.register(port), Endpoint.register(port), Endpoint.register(otherPort), generateRSAKeyPair(),
]);
const pnraOf = async (keys) => Buffer.from(await a.client.preRegisterNode(keys.publicKey));
const late = { pnra: await pnraOf(stranger), at: Date.now() }; // used when it has expired
await a.addPeer(await b.authorise(a.keys.publicKey));
await foreign.addPeer(await b.authorise(foreign.keys.publicKey));

// told checks a refusal: its status, and that it says why.
function told(r, status) {
  assert.equal(r.status, status, r.body.toString());
  assert.equal(r.headers['content-type'], 'application/json');
  assert.ok(JSON.parse(r.body).message);
}

// refused is a table of requests: name, status, method, path, headers, body.
async function refused(cases) {
  for (const [name, status, method, where, headers, body] of cases) {
    await test(name, async () => {
      const sent = typeof body === 'function' ? await body() : body;
      told(await send(port, method, where, headers, sent), status);
    });
  }
}

const digest = createHash('sha256').update('key').digest('hex');
const plain = { 'content-type': types.digest };
const asRequest = { 'content-type': types.request };
await refused([
  ['pre-registration without a body', 400, 'POST', path.digest, plain, Buffer.alloc(0)],
  ['pre-registration of 63 digits', 400, 'POST', path.digest, plain, Buffer.from(digest.slice(1))],
  ['pre-registration of 65 digits', 400, 'POST', path.digest, plain, Buffer.from(`${digest}0`)],
  ['pre-registration with a letter behind f', 400, 'POST', path.digest, plain, Buffer.from(`g${digest.slice(1)}`)],
  ['pre-registration with the digest in octets', 400, 'POST', path.digest, plain, Buffer.from(digest, 'hex')],
  ['pre-registration as JSON', 415, 'POST', path.digest, { 'content-type': 'application/json' }, Buffer.from(digest)],
  ['pre-registration without a type', 415, 'POST', path.digest, {}, Buffer.from(digest)],
  ['pre-registration of a megabyte', 413, 'POST', path.digest, plain, Buffer.alloc(1 << 20, 'a')],
  ['pre-registration of a megabyte in chunks', 413, 'POST', path.digest, { ...plain, 'transfer-encoding': 'chunked' }, Buffer.alloc(1 << 20, 'a')],
  ['pre-registration of a web page', 400, 'POST', path.digest, { ...plain, origin: 'http://127.0.0.1' }, Buffer.from(digest)],
  ['registration of a web page', 400, 'POST', path.nodes, { ...asRequest, origin: 'null' }, hi],
  ['registration without a body', 400, 'POST', path.nodes, asRequest, Buffer.alloc(0)],
  ['registration with garbage', 400, 'POST', path.nodes, asRequest, randomBytes(700)],
  ['registration with another type', 415, 'POST', path.nodes, plain, hi],
  ['registration without a type', 415, 'POST', path.nodes, {}, hi],
  ['registration of a megabyte', 413, 'POST', path.nodes, asRequest, Buffer.alloc(1 << 20)],
  ['a path that is none', 404, 'POST', '/v1/parcel', {}, hi],
  ['another version', 404, 'POST', '/v2/parcels', {}, hi],
  ['a path with a slash behind it', 404, 'POST', '/v1/parcels/', {}, hi],
  ['a path that climbs', 404, 'GET', '/v1/../../etc/passwd', {}, Buffer.alloc(0)],
]);
for (const [where, allow] of [[path.digest, 'POST'], [path.nodes, 'POST'], [path.parcels, 'POST'], [path.collection, 'GET']]) {
  await test(`methods of ${where}`, async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'POST']) {
      if (method === allow) continue;
      const r = await send(port, method, where);
      told(r, 405);
      assert.equal(r.headers.allow, allow);
    }
    const options = await send(port, 'OPTIONS', where);
    assert.deepEqual([options.status, options.headers.allow], [204, allow]);
  });
}

// request is a good PNRR, unless an option replaces a part.
async function request({ keys, pnra, spki, key, oid } = {}) {
  keys ??= await generateRSAKeyPair();
  pnra ??= await pnraOf(keys);
  return pnrr(spki ?? await derSerializePublicKey(keys.publicKey), pnra, key ?? keys.privateKey, oid);
}
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
const weak = await generateRSAKeyPair({ modulus: 1024 }).catch(() => null);
const weakSPKI = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'der' });
assert.equal(weak, null, 'the library makes weak keys');
await refused([
  ['registration with a broken signature', 400, async () => flipped(await request(), -1)],
  ['registration signed by another key', 400, () => request({ key: stranger.privateKey })],
  ['registration signed for another purpose', 400, () => request({ oid: '1.3.6.1.4.1.58708.0.2.0' })],
  ['registration with the authorisation of another key', 400, async () => request({ pnra: await pnraOf(stranger) })],
  ['registration with a garbled authorisation', 400, async () => request({ pnra: randomBytes(100) })],
  ['registration with an empty authorisation', 400, () => request({ pnra: Buffer.alloc(0) })],
  ['registration with a changed authorisation', 400, async () => {
    const keys = await generateRSAKeyPair();
    return request({ keys, pnra: flipped(await pnraOf(keys), -1) });
  }],
  ['registration with the authorisation of another gateway', 400, async () => {
    const keys = await generateRSAKeyPair();
    return request({ keys, pnra: Buffer.from(await foreign.client.preRegisterNode(keys.publicKey)) });
  }],
  ['registration with an authorisation of our own making', 400, async () => {
    const keys = await generateRSAKeyPair();
    const sum = createHash('sha256').update(await derSerializePublicKey(keys.publicKey)).digest();
    const made = new PrivateNodeRegistrationAuthorization(new Date(Date.now() + hour), bufferToArray(sum));
    return request({ keys, pnra: Buffer.from(await made.serialize(keys.privateKey)) });
  }],
  ['registration of an elliptic curve key', 400, () => request({ spki: ec })],
  ['registration of a short key', 400, () => request({ spki: weakSPKI })],
  ['registration of a garbled key', 400, () => request({ spki: randomBytes(294) })],
  ['registration that is cut off', 400, async () => (await request()).subarray(0, -1)],
  ['registration with octets behind it', 400, async () => Buffer.concat([await request(), hi])],
].map(([name, status, body]) => [name, status, 'POST', path.nodes, asRequest, body]));
await test('an authorisation is used once', async () => {
  const body = await request();
  assert.equal((await send(port, 'POST', path.nodes, asRequest, body)).status, 200);
  told(await send(port, 'POST', path.nodes, asRequest, body), 400);
});

// parcel seals one from a to b, unless an option replaces a part.
const sealed = (options) => a.seal(hi, options);
const good = await sealed();
const sign = async (signer, octets = good) => `Relaynet-Countersignature ${Buffer.from(await signer.sign(bufferToArray(octets))).toString('base64')}`;
const delegated = await issueEndpointCertificate({
  issuerCertificate: a.certificate, issuerPrivateKey: a.keys.privateKey, subjectPublicKey: stranger.publicKey, validityEndDate: a.certificate.expiryDate,
});
const selfIssued = await issueEndpointCertificate({
  issuerPrivateKey: stranger.privateKey, subjectPublicKey: stranger.publicKey, validityEndDate: new Date(Date.now() + hour),
});
const impostor = await issueEndpointCertificate({
  issuerCertificate: a.registration.gatewayCertificate, issuerPrivateKey: stranger.privateKey, subjectPublicKey: stranger.publicKey, validityEndDate: a.certificate.expiryDate,
});
const unauthorised = [
  ['no countersignature', () => ''],
  ['another scheme', () => 'Basic YTpi'],
  ['a scheme without a countersignature', () => 'Relaynet-Countersignature'],
  ['a countersignature that is not base64', () => 'Relaynet-Countersignature ***'],
  ['a countersignature in the alphabet of URLs', () => `Relaynet-Countersignature ${Buffer.alloc(30, 0xff).toString('base64url')}`],
  ['a countersignature of garbage', () => `Relaynet-Countersignature ${randomBytes(1500).toString('base64')}`],
  ['a countersignature of 24 kB', () => `Relaynet-Countersignature ${Buffer.alloc(18_000).toString('base64')}`],
  ['two countersignatures', async () => [await sign(a.deliverySigner()), await sign(a.deliverySigner())]],
  ['a countersignature for a handshake', () => sign(a.collectionSigner())],
  ['a countersignature with another key', () => sign(new ParcelDeliverySigner(a.certificate, stranger.privateKey))],
  ['a countersignature over other octets', () => sign(a.deliverySigner(), hi)],
  ['a countersignature over a parcel with one bit changed', () => sign(a.deliverySigner(), flipped(good, 20))],
  ['a countersignature by an endpoint of another gateway', () => sign(foreign.deliverySigner())],
  ['a countersignature with a certificate of an endpoint', () => sign(new ParcelDeliverySigner(delegated, stranger.privateKey))],
  ['a countersignature with a certificate of its own', () => sign(new ParcelDeliverySigner(selfIssued, stranger.privateKey))],
  ['a countersignature with a forged certificate', () => sign(new ParcelDeliverySigner(impostor, stranger.privateKey))],
  ['a countersignature with its content inside', async () => `Relaynet-Countersignature ${(await enclosed(bufferToArray(good), a.keys.privateKey, a.certificate)).toString('base64')}`],
  ['a countersignature of an old kind', async () => sign(new ParcelDeliverySigner(a.certificate, await pkcs1(a.keys.privateKey)))],
  ['a countersignature for no known purpose', () => sign(new SignerFor('1.3.6.1.4.1.58708.0.3.9', a.certificate, a.keys.privateKey))],
];
for (const [name, authorization] of unauthorised) {
  await test(`${name} is refused`, async () => {
    const value = await authorization();
    const r = await send(port, 'POST', path.parcels, { 'content-type': types.parcel, ...(value && { authorization: value }) }, good);
    told(r, 401);
    assert.equal(r.headers['www-authenticate'], 'Relaynet-Countersignature');
  });
}

// made is a parcel as good has it, but for what the options say, which may be what the library would refuse to write.
const made = (options = {}) => ramf(a.keys.privateKey, a.peer.pda, { to: b.id, chain: a.peer.chain, id: randomBytes(8).toString('hex'), ...options });
const authorisation = (issuer, issuerKey, subject, end = issuer.expiryDate) => issueDeliveryAuthorization({
  issuerCertificate: issuer, issuerPrivateKey: issuerKey, subjectPublicKey: subject, validityStartDate: new Date(Date.now() - 2000), validityEndDate: end,
});
const [root] = a.peer.chain.slice(-1);
const badParcels = [
  ['nothing', 400, () => Buffer.alloc(0)],
  ['no magic', 400, () => hi],
  ['a header only', 400, () => good.subarray(0, 7)],
  ['another magic', 400, () => flipped(good, 0)],
  ['a cargo', 400, () => made({ type: 0x43 })],
  ['a cargo collection authorisation', 400, () => made({ type: 0x44 })],
  ['a collection acknowledgement', 400, () => Buffer.concat([Buffer.from('Awala\x51\0'), randomBytes(30)])],
  ['a message of no known type', 400, () => made({ type: 0x99 })],
  ['a parcel of version 1', 400, () => made({ version: 1 })],
  ['a parcel without its last octet', 400, () => good.subarray(0, -1)],
  ['a parcel with octets behind it', 400, () => Buffer.concat([good, hi])],
  ['a parcel whose fields are no sequence', 400, () => made({ fields: bufferToArray(Buffer.from('hello')) })],
  ['a parcel without fields', 400, () => made({ fields: bufferToArray(Buffer.from([0x30, 0])) })],
  ['a parcel with an id of 65 characters', 400, () => made({ id: 'x'.repeat(65) })],
  ['a parcel with a line feed in its id', 400, () => made({ id: 'a\nb' })],
  ['a parcel with a zero octet in its id', 400, () => made({ id: 'a\0b' })],
  ['a parcel for a capital recipient', 400, () => made({ to: b.id.toUpperCase().replace(/^0/, 'A') })],
  ['a parcel for nobody', 400, () => made({ to: '' })],
  ['a parcel for a path', 400, () => made({ to: '../../etc/passwd' })],
  ['a parcel for a recipient of 1,025 characters', 400, () => made({ to: 'a'.repeat(1025) })],
  ['a parcel to an address that is none', 400, () => made({ address: 'https://example.org/' })],
  ['a parcel with a negative time to live', 400, () => made({ ttl: -1 })],
  ['a parcel with a time to live of 181 days', 400, () => made({ ttl: 181 * 86_400 })],
  ['a parcel larger than Awala allows', 413, () => Buffer.alloc(9_437_185)],
  ['a parcel with a broken signature', 422, () => flipped(good, -1)],
  ['a parcel signed with another key', 422, () => ramf(stranger.privateKey, a.peer.pda, { to: b.id, chain: a.peer.chain })],
  ['a parcel with a signature of an old kind', 400, async () => ramf(await pkcs1(a.keys.privateKey), a.peer.pda, { to: b.id, chain: a.peer.chain })],
  ['an expired parcel', 422, () => made({ created: new Date(Date.now() - hour), ttl: 60 })],
  ['a parcel of tomorrow', 422, () => made({ created: new Date(Date.now() + 24 * hour) })],
  ['a parcel of an endpoint without authorisation', 422, () => sealed({ certificate: a.certificate, chain: [root] })],
  ['a parcel with a certificate of its own', 422, () => ramf(stranger.privateKey, selfIssued, { to: b.id })],
  ['a parcel authorised by the wrong endpoint', 422, async () => sealed({ certificate: await authorisation(a.certificate, a.keys.privateKey, a.keys.publicKey), chain: [a.certificate, root] })],
  ['a parcel authorised by itself', 422, async () => ramf(stranger.privateKey, await authorisation(selfIssued, stranger.privateKey, stranger.publicKey), { to: b.id, chain: [selfIssued, root] })],
  ['a parcel for somebody else than authorised', 422, () => made({ to: a.id })],
  ['a parcel without its chain', 422, () => made({ chain: [] })],
  ['a parcel with half of its chain', 422, () => made({ chain: [root] })],
  ['a parcel with an expired authorisation', 422, async () => sealed({ certificate: await authorisation(b.certificate, b.keys.privateKey, a.keys.publicKey, new Date(Date.now() - 1000)) })],
  ['a parcel with a chain deeper than allowed', 422, async () => {
    const deeper = await issueEndpointCertificate({
      issuerCertificate: b.certificate, issuerPrivateKey: b.keys.privateKey, subjectPublicKey: stranger.publicKey, validityEndDate: b.certificate.expiryDate,
    });
    const pda = await authorisation(deeper, stranger.privateKey, a.keys.publicKey);
    return ramf(a.keys.privateKey, pda, { to: pda.getIssuerId(), chain: [deeper, b.certificate, root] });
  }],
  ['a parcel authorised by who may not authorise', 422, async () => {
    const pda = await authorisation(b.certificate, b.keys.privateKey, stranger.publicKey); // no CA
    const next = await authorisation(selfIssued, stranger.privateKey, a.keys.publicKey); // by the same key
    return ramf(a.keys.privateKey, next, { to: next.getIssuerId(), chain: [pda, b.certificate, root] });
  }],
];
for (const [name, status, parcel] of badParcels) {
  await test(`${name} is refused`, async () => told(await postParcel(a, await parcel()), status));
}
await refused([
  ['a parcel of another type', 415, 'POST', path.parcels, { 'content-type': 'application/octet-stream' }, good],
  ['a parcel without a type', 415, 'POST', path.parcels, {}, good],
  ['a parcel of a web page', 400, 'POST', path.parcels, { 'content-type': types.parcel, origin: 'https://example.org' }, good],
]);
await test('nothing that was refused has arrived', async () => assert.deepEqual(await b.drain(), []));

const hostile = ['', '.', '..', '../../../etc/passwd', '/etc/passwd', 'C:\\nul', '%2e%2e%2f', "'; drop table parcels; --", '<script>', '$(reboot)', 'x'.repeat(64), '~'.repeat(64), ' '];
await test('hostile ids are ids', async () => {
  for (const id of hostile) {
    const parcel = await made({ id });
    assert.equal((await postParcel(a, parcel)).status, 202, id);
    assert.ok((await b.receive(1))[0].equals(parcel), id);
  }
  assert.deepEqual(await b.drain(), []);
});
await test('who countersigns need not be the sender', async () => {
  const parcel = await foreign.seal(hi);
  assert.equal((await postParcel(a, parcel)).status, 202);
  assert.ok((await b.drain())[0].equals(parcel));
});

const done = { 'x-relaynet-streaming-mode': 'close-upon-completion' };
const badHandshakes = [
  ['garbage', () => randomBytes(100)],
  ['nothing', () => Buffer.alloc(0)],
  ['text', () => 'hello'],
  ['no signature', () => response()],
  ['a signature of garbage', () => response(bufferToArray(randomBytes(300)))],
  ['a signature over another nonce', async () => response(await a.collectionSigner().sign(bufferToArray(randomBytes(16))))],
  ['a signature for a delivery', async (nonce) => response(await a.deliverySigner().sign(nonce))],
  ['a signature by an endpoint of another gateway', async (nonce) => response(await foreign.collectionSigner().sign(nonce))],
  ['one bad signature of two', async (nonce) => response(await a.collectionSigner().sign(nonce), await foreign.collectionSigner().sign(nonce))],
  ['a signature that is cut off', async (nonce) => response((await a.collectionSigner().sign(nonce)).slice(0, -1))],
  ['octets behind the response', async (nonce) => Buffer.concat([response(await a.collectionSigner().sign(nonce)), hi])],
];
for (const [name, answer] of badHandshakes) {
  await test(`a handshake with ${name} is closed`, async () => assert.equal(await handshake(port, done, answer), 1003));
}
await test('a handshake of a web page is closed', async () => assert.equal(await handshake(port, { origin: 'http://127.0.0.1' }, () => response()), 1008));
await test('a handshake of a megabyte is cut off', async () => {
  const s = new Socket(port, done);
  await s.nonce();
  s.send(Buffer.alloc(1 << 20));
  assert.notEqual((await s.next()).code, 1000);
});
await test('a collection that is no WebSocket is refused', async () => {
  const r = await send(port, 'GET', path.collection);
  assert.ok(r.status >= 400 && r.status < 500, `status ${r.status}`);
});

// queued delivers parcels to b and returns them.
async function queued(n) {
  const parcels = [];
  for (let i = 0; i < n; i++) parcels.push(await sealed());
  for (const p of parcels) await a.deliver(p);
  return parcels;
}
const badAcks = [
  ['an unknown delivery', () => '00000000-0000-4000-8000-000000000000'],
  ['nothing', () => ''],
  ['the delivery in capitals', (id) => id.toUpperCase()],
  ['the delivery with a space', (id) => `${id} `],
  ['a parcel instead of a delivery', () => good.subarray(0, 500)],
  ['a megabyte', () => Buffer.alloc(1 << 20)],
];
for (const [name, ack] of badAcks) {
  await test(`an acknowledgement of ${name} ends the collection and counts for nothing`, async () => {
    const [parcel] = await queued(1);
    const s = await new Socket(port).open(b);
    s.send(ack((await s.delivery()).id));
    const { code } = await s.next();
    assert.ok(code === 1003 || code === 1009, `code ${code}`);
    assert.ok((await b.drain())[0].equals(parcel));
  });
}
await test('an acknowledgement before any delivery ends the collection', async () => {
  const s = await new Socket(port).open(b);
  s.send('00000000-0000-4000-8000-000000000000');
  assert.equal((await s.next()).code, 1003);
});
await test('an acknowledgement of the last connection is not one of this', async () => {
  await queued(1);
  const first = await new Socket(port).open(b);
  const { id } = await first.delivery();
  first.cut();
  const second = await new Socket(port).open(b);
  assert.notEqual((await second.delivery()).id, id);
  second.send(id);
  assert.equal((await second.next()).code, 1003);
  assert.equal((await b.drain()).length, 1);
});
await test('an acknowledgement that comes twice ends the collection, and the next parcel comes again', async () => {
  const [first, second] = await queued(2);
  const s = await new Socket(port).open(b);
  const d = await s.delivery();
  assert.ok(d.parcel.equals(first));
  s.send(d.id);
  s.send(d.id);
  for (;;) {
    const e = await s.next();
    if (e.code) { assert.equal(e.code, 1003); break; }
  }
  assert.deepEqual(await b.drain(), [second]);
});
await test('an acknowledgement may be binary', async () => {
  await queued(1);
  const s = await new Socket(port, done).open(b);
  s.send(Buffer.from((await s.delivery()).id));
  assert.equal((await s.next()).code, 1000);
  assert.deepEqual(await b.drain(), []);
});
await test('one delivery is in flight, and what is not acknowledged comes again in order', async () => {
  const sent = await queued(3);
  const s = await new Socket(port).open(b);
  assert.ok((await s.delivery()).parcel.equals(sent[0]));
  const silence = new Promise((resolve) => s.ws.once('ping', () => resolve('ping')));
  assert.equal(await Promise.race([s.next(), silence]), 'ping'); // no second delivery until the first ping
  s.cut();
  assert.deepEqual(await b.drain(), sent);
});
await test('a slow reader gets all', async () => {
  const sent = await queued(3);
  const s = await new Socket(port, done).open(b);
  for (const parcel of sent) {
    const d = await s.delivery();
    assert.ok(d.parcel.equals(parcel));
    s.ws._socket.pause();
    await new Promise((resolve) => { setImmediate(resolve); });
    s.ws._socket.resume();
    s.send(d.id);
  }
  assert.equal((await s.next()).code, 1000);
});
await test('two connections of one endpoint get all between them', async () => {
  const sockets = [await new Socket(port).open(b), await new Socket(port).open(b)];
  const got = new Set();
  let enough;
  const all = new Promise((resolve) => { enough = resolve; });
  const reading = sockets.map(async (s) => {
    for (let e = await s.next(); !e.code; e = await s.next()) {
      const d = parseDelivery(e);
      got.add(d.parcel.toString('hex'));
      s.send(d.id);
      if (got.size === 6) enough();
    }
  });
  const sent = await queued(6);
  await all;
  for (const s of sockets) s.ws.close();
  await Promise.all(reading);
  const hex = sent.map((p) => p.toString('hex'));
  for (const p of await b.drain()) assert.ok(hex.includes(p.toString('hex'))); // an acknowledgement may have come too late
  assert.deepEqual([...got].sort(), hex.sort());
  assert.deepEqual(await b.drain(), []);
});
await test('one connection collects for two endpoints', async () => {
  const [parcel] = await queued(1);
  await b.addPeer(await a.authorise(b.keys.publicKey));
  const back = await b.seal(hi);
  await b.deliver(back);
  const s = await new Socket(port, done).open(a, b);
  const got = [];
  for (let i = 0; i < 2; i++) {
    const d = await s.delivery();
    got.push(d.parcel);
    s.send(d.id);
  }
  assert.equal((await s.next()).code, 1000);
  assert.ok(got.some((p) => p.equals(parcel)) && got.some((p) => p.equals(back)));
});
await test('an endpoint gets nothing of another', async () => {
  await queued(1);
  assert.deepEqual(await a.drain(), []);
  assert.equal((await b.drain()).length, 1);
});
await test('a client that goes in the middle of the handshake harms nobody', async () => {
  for (let i = 0; i < 40; i++) {
    const s = new Socket(port);
    await s.nonce();
    s.cut();
  }
  assert.deepEqual(await b.drain(), []);
});
await test('an expired authorisation is refused', async () => {
  const wait = late.at + 11_000 - Date.now();
  if (wait > 0) await new Promise((resolve) => { setTimeout(resolve, wait); });
  const body = Buffer.from(await new PrivateNodeRegistrationRequest(stranger.publicKey, bufferToArray(late.pnra)).serialize(stranger.privateKey));
  told(await send(port, 'POST', path.nodes, asRequest, body), 400);
});

finish();
