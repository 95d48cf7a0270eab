// Cargo between a private gateway of ours (package gateway/uplink, which the test that runs this asks) and an
// Internet gateway made of Awala's library, octets only: no network and no queues.
import assert from 'node:assert/strict';
import {
  Cargo, CargoCollectionAuthorization, CargoMessageSet, CertificateRotation, CertificationPath, Gateway, GatewayChannel,
  MockKeyStoreSet, ParcelCollectionAck, PrivateNodeRegistration, SessionEnvelopedData, derDeserializeRSAPublicKey,
  issueDeliveryAuthorization, issueGatewayCertificate,
} from '@relaycorp/relaynet-core';
import { bufferToArray } from './endpoint.mjs';
import { ask, finish, test } from './table.mjs';

const hour = 3_600_000;
const day = 24 * hour;
const address = 'north.example.org';
const encode = (b) => Buffer.from(b).toString('base64');
const octets = (s) => bufferToArray(Buffer.from(s, 'base64'));
const inDays = (n) => new Date(Date.now() + n * day);

// internet makes an Internet gateway.
async function internet() {
  const stores = new MockKeyStoreSet();
  const keys = await stores.privateKeyStore.generateIdentityKeyPair();
  const node = new Gateway(keys.id, keys, stores, {});
  const certificate = await issueGatewayCertificate({
    issuerPrivateKey: keys.privateKey, subjectPublicKey: keys.publicKey,
    validityStartDate: new Date(Date.now() - 3 * hour), validityEndDate: inDays(360) });
  return { id: keys.id, keys, node, stores, certificate, sessionKey: await node.generateSessionKey() };
}

const certify = (g, publicKey, days = 180, from = new Date(Date.now() - 3 * hour)) => issueGatewayCertificate({
  issuerCertificate: g.certificate, issuerPrivateKey: g.keys.privateKey, subjectPublicKey: publicKey,
  validityStartDate: from, validityEndDate: inDays(days) });

const north = await internet();
const stranger = await internet();
const ourKey = await derDeserializeRSAPublicKey(Buffer.from(await ask('key'), 'base64'));
await north.stores.publicKeyStore.saveIdentityKey(ourKey);

const register = async (certificate, { issuer = north.certificate, at = address, session = north.sessionKey } = {}) =>
  ask('register', { address, pnr: encode(await new PrivateNodeRegistration(certificate, issuer, at, session).serialize()) });
const parcel = (text) => ({ message: Buffer.from(`Awala\x50\x00${text}`), expiryDate: inDays(3) });

const refused = (name, message, run) => test(name, () => assert.rejects(run, { message }));

await refused('registration without a session key', /session key/, async () => register(await certify(north, ourKey), { session: null }));
await refused('registration of another key', /not this gateway/, async () => register(await certify(north, stranger.keys.publicKey)));
await refused('registration at another address', /its address/, async () => register(await certify(north, ourKey), { at: 'south.example.org' }));
await refused('registration under another gateway', /not the issuer/, async () => register(await certify(north, ourKey), { issuer: stranger.certificate }));
await refused('registration that begins tomorrow', /clock/, async () => register(await certify(north, ourKey, 2, inDays(1))));
await test('registration', async () => register(await certify(north, ourKey)));

// collect is what an Internet gateway makes of a CCA.
async function collect(raw) {
  const cca = await CargoCollectionAuthorization.deserialize(octets(raw));
  assert.equal(cca.recipient.id, north.id);
  assert.equal(cca.recipient.internetAddress, address);
  await cca.validate([north.certificate]);
  const { cargoDeliveryAuthorization } = await north.node.unwrapMessagePayload(cca);
  return { cca, cda: cargoDeliveryAuthorization };
}

let us;
let cda;
await test('our CCA', async () => {
  const got = await collect(await ask('cca'));
  cda = got.cda;
  us = await got.cca.senderCertificate.calculateSubjectId();
  assert.equal(await cda.calculateSubjectId(), north.id);
  assert.equal(cda.getIssuerId(), us);
  assert.ok(Math.abs(cda.expiryDate - inDays(14)) < 60_000, `CDA until ${cda.expiryDate.toISOString()}`);
  assert.ok(encode(got.cca.senderCertificate.serialize()).length < 6000);
});

const channel = (options = {}, g = north) =>
  new GatewayChannel(g.node, { id: us, identityPublicKey: ourKey }, new CertificationPath(cda, []), g.stores, options);

async function cargo(items, options) {
  const all = [];
  for await (const c of channel(options).generateCargoes(items)) all.push(c);
  assert.equal(all.length, 1);
  return all[0];
}

const open = async (raw) => ask('open', { cargo: encode(raw) });
const texts = (items) => items.map((i) => (i.parcel ? Buffer.from(i.parcel, 'base64').toString().slice(7) : Object.keys(i)[0]));

await test('cargo with a parcel and a PCA', async () => {
  const pca = { message: Buffer.from(new ParcelCollectionAck(us, north.id, 'parcel-7').serialize()), expiryDate: inDays(1) };
  const { items, skipped } = await open(await cargo([pca, parcel('one')]));
  assert.deepEqual(texts(items), ['pca', 'one']);
  assert.deepEqual(items[0].pca, { Sender: us, Recipient: north.id, ID: 'parcel-7' });
  assert.equal(skipped, 0);
});
for (const aesKeySize of [128, 192, 256]) {
  for (const hashingAlgorithmName of ['SHA-256', 'SHA-384', 'SHA-512']) {
    await test(`cargo with AES-${aesKeySize} and ${hashingAlgorithmName}`, async () => {
      const raw = await cargo([parcel('two')], { encryption: { aesKeySize }, signature: { hashingAlgorithmName } });
      assert.deepEqual(texts((await open(raw)).items), ['two']);
    });
  }
}
await test('cargo out of order and twice', async () => {
  const sent = [await cargo([parcel('a')]), await cargo([parcel('b')]), await cargo([parcel('c')])];
  for (const i of [2, 0, 1, 0, 2]) assert.deepEqual(texts((await open(sent[i])).items), ['abc'[i]]);
});
await test('item that cannot be read', async () => {
  const broken = { message: Buffer.from('Awala\x51\x00broken'), expiryDate: inDays(1) };
  const { items, skipped } = await open(await cargo([broken, parcel('fine')]));
  assert.deepEqual([texts(items), skipped], [['fine'], 1]);
});
await test('rotation', async () => {
  const renewed = await certify(north, ourKey, 200);
  const rotation = new CertificateRotation(new CertificationPath(renewed, [north.certificate]));
  const { items } = await open(await cargo([{ message: Buffer.from(rotation.serialize()), expiryDate: inDays(1) }]));
  assert.deepEqual(texts(items), ['rotation']);
  const { cca } = await collect(await ask('cca'));
  assert.deepEqual(encode(cca.senderCertificate.serialize()), encode(renewed.serialize()));
});
await refused('rotation of another gateway', /not of this gateway/, async () => {
  const rotation = new CertificateRotation(new CertificationPath(await certify(north, stranger.keys.publicKey), [north.certificate]));
  await open(await cargo([{ message: Buffer.from(rotation.serialize()), expiryDate: inDays(1) }]));
});

await test('our cargo', async () => {
  const pca = new ParcelCollectionAck(us, north.id, 'parcel-8').serialize();
  const made = await Cargo.deserialize(octets(await ask('seal', { items: [encode(pca), encode('hello')], hours: 48 })));
  await north.node.validateMessage(made, [north.certificate]);
  const { messages } = await north.node.unwrapMessagePayload(made);
  assert.equal((await CargoMessageSet.deserializeItem(bufferToArray(Buffer.from(messages[0])))).parcelId, 'parcel-8');
  assert.equal(Buffer.from(messages[1]).toString(), 'hello');
  assert.equal(made.recipient.internetAddress, address);
  assert.ok(Math.abs(made.expiryDate - inDays(2)) < 60_000);
  assert.ok(Math.abs(Date.now() - 3 * hour - made.creationDate) < 60_000);
});

// forge signs a cargo by hand. The plaintext is a set of nothing.
async function forge({ certificate = cda, chain = [], recipient = us, key = north.keys.privateKey, created = Date.now() - hour, ttl = 86_400 } = {}) {
  const session = await north.stores.publicKeyStore.retrieveLastSessionKey(us);
  const { envelopedData } = await SessionEnvelopedData.encrypt(new CargoMessageSet([]).serialize(), session);
  const m = new Cargo({ id: recipient }, certificate, Buffer.from(envelopedData.serialize()),
    { creationDate: new Date(created), ttl, senderCaCertificateChain: chain });
  return Buffer.from(await m.serialize(key));
}

const below = (issuer, g, publicKey) => issueDeliveryAuthorization({
  issuerCertificate: issuer, issuerPrivateKey: g.keys.privateKey, subjectPublicKey: publicKey, validityEndDate: inDays(1) });
await test('cargo made by hand', async () => assert.deepEqual((await open(await forge())).items, []));
await test('cargo with certificates attached', async () => open(await forge({ chain: [north.certificate, stranger.certificate] })));
await refused("cargo under the Internet gateway's own certificate", /not trusted/, async () => open(await forge({ certificate: north.certificate })));
await refused('cargo of a stranger', /not trusted/, async () => open(await forge({ certificate: stranger.certificate, key: stranger.keys.privateKey })));
await refused("cargo of the Internet gateway's friend", /no delivery authorisation/, async () => {
  const certificate = await below(cda, north, stranger.keys.publicKey);
  await open(await forge({ certificate, chain: [cda], key: stranger.keys.privateKey }));
});
await refused('cargo for another gateway', /another than this gateway/, async () => open(await forge({ recipient: stranger.id })));
await refused('cargo from the future', /future/, async () => open(await forge({ created: Date.now() + hour })));
await refused('cargo that expired', /expired/, async () => open(await forge({ ttl: 60 })));
await refused('cargo with a wrong signature', /not signed by its sender/, async () => {
  const raw = await forge();
  raw[raw.length - 3] ^= 1;
  await open(raw);
});
await refused('garbage', /not a RAMF message/, async () => open(Buffer.from('garbage')));
finish();
