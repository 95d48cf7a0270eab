// Makes the fixtures of the codec tests with Awala's own JavaScript library:
//
//	npm ci
//	node generate.mjs ../../gateway/ramf/testdata/js.json
//
// Keys are fresh on every run; dates are fixed. All octet strings are in base64.
import { writeFileSync } from 'node:fs';
import * as awala from '@relaycorp/relaynet-core';

const from = new Date('2026-01-01T00:00:00Z');
const until = new Date('2035-12-31T23:59:59Z');
const created = new Date('2026-05-04T12:00:00Z');
const ttl = 15552000;
const encode = (b) => Buffer.from(b).toString('base64');

const keys = {};
for (const name of ['root', 'gateway', 'recipient', 'sender']) keys[name] = await awala.generateRSAKeyPair();
const id = (name) => awala.getIdFromIdentityKey(keys[name].publicKey);

const issue = (make, subject, issuer, issuerCertificate) =>
  make({
    subjectPublicKey: keys[subject].publicKey,
    issuerPrivateKey: keys[issuer].privateKey,
    issuerCertificate,
    validityStartDate: from,
    validityEndDate: until,
  });
const root = await issue(awala.issueGatewayCertificate, 'root', 'root');
const gateway = await issue(awala.issueGatewayCertificate, 'gateway', 'root', root);
const recipient = await issue(awala.issueEndpointCertificate, 'recipient', 'gateway', gateway);
const pda = await issue(awala.issueDeliveryAuthorization, 'sender', 'recipient', recipient);
const sender = await issue(awala.issueEndpointCertificate, 'sender', 'gateway', gateway);

// One of 512 certificates has a serial number padded with zeros: the library takes 8 random octets as they are.
let padded;
do padded = await issue(awala.issueEndpointCertificate, 'sender', 'gateway', gateway);
while (!/^00[0-7]/.test(padded.getSerialNumberHex()));

const session = await awala.SessionKeyPair.generate();
const plaintext = new awala.ServiceMessage('text/plain', Buffer.from('water is safe to drink')).serialize();
const sealed = {};
for (const aesKeySize of [128, 192, 256]) {
  const { envelopedData, dhKeyId } = await awala.SessionEnvelopedData.encrypt(plaintext, session.sessionKey, { aesKeySize });
  sealed[aesKeySize] = { envelopedData: encode(envelopedData.serialize()), originatorKeyId: encode(dhKeyId) };
}
const payload = Buffer.from(sealed[128].envelopedData, 'base64');

const to = { id: await id('recipient'), internetAddress: 'valley.example.org' };
const message = (type, certificate, chain, messageId) =>
  new type(to, certificate, payload, { id: messageId, creationDate: created, ttl, senderCaCertificateChain: chain });
const parcel = message(awala.Parcel, pda, [recipient, gateway], 'parcel-1');
const parcelOctets = await parcel.serialize(keys.sender.privateKey);
const hashed = {};
for (const hashingAlgorithmName of ['SHA-384', 'SHA-512'])
  hashed[hashingAlgorithmName] = encode(await parcel.serialize(keys.sender.privateKey, { hashingAlgorithmName }));

const params = new awala.PrivateEndpointConnParams(
  keys.recipient.publicKey,
  'valley.example.org',
  new awala.CertificationPath(pda, [recipient, gateway]),
  session.sessionKey,
);
const nonce = Buffer.from('0123456789abcdef');
const expiry = new Date('2035-12-31T00:00:00Z');
const pnra = new awala.PrivateNodeRegistrationAuthorization(expiry, Buffer.alloc(32, 7));

const fixture = {
  certificates: Object.fromEntries(
    Object.entries({ root, gateway, recipient, pda, sender, padded }).map(([name, c]) => [name, encode(c.serialize())]),
  ),
  ids: Object.fromEntries(await Promise.all(Object.keys(keys).map(async (name) => [name, await id(name)]))),
  keys: {
    recipient: encode(await awala.derSerializePrivateKey(keys.recipient.privateKey)),
    sender: encode(await awala.derSerializePrivateKey(keys.sender.privateKey)),
    session: encode(await awala.derSerializePrivateKey(session.privateKey)),
  },
  sessionKeyId: encode(session.sessionKey.keyId),
  plaintext: encode(plaintext),
  sealed,
  parcel: encode(parcelOctets),
  parcelHashed: hashed,
  paddedParcel: encode(await message(awala.Parcel, padded, [], 'parcel-2').serialize(keys.sender.privateKey)),
  cargo: encode(await message(awala.Cargo, pda, [recipient], 'cargo-1').serialize(keys.sender.privateKey)),
  cca: encode(await message(awala.CargoCollectionAuthorization, sender, [], 'cca-1').serialize(keys.sender.privateKey)),
  delivery: encode(await new awala.ParcelDeliverySigner(sender, keys.sender.privateKey).sign(parcelOctets)),
  collection: encode(await new awala.ParcelCollectionHandshakeSigner(sender, keys.sender.privateKey).sign(nonce)),
  nonce: encode(nonce),
  pnra: encode(await pnra.serialize(keys.sender.privateKey)),
  connParams: encode(await params.serialize()),
};
writeFileSync(process.argv[2], JSON.stringify(fixture, null, 1) + '\n');
