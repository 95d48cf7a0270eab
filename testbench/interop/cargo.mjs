// Makes the fixtures of gateway/cargo and gateway/registration with Awala's own JavaScript library:
//
//	npm ci
//	node cargo.mjs ../../gateway/cargo/testdata/js.json
//
// Keys are fresh on every run; dates are fixed. All octet strings are in base64.
import { writeFileSync } from 'node:fs';
import * as awala from '@relaycorp/relaynet-core';

const dates = { validityStartDate: new Date('2026-01-01T00:00:00Z'), validityEndDate: new Date('2035-12-31T23:59:59Z') };
const encode = (b) => Buffer.from(b).toString('base64');

const [internet, ours] = [await awala.generateRSAKeyPair(), await awala.generateRSAKeyPair()];
const root = await awala.issueGatewayCertificate({
  subjectPublicKey: internet.publicKey, issuerPrivateKey: internet.privateKey, ...dates });
const gateway = await awala.issueGatewayCertificate({
  subjectPublicKey: ours.publicKey, issuerPrivateKey: internet.privateKey, issuerCertificate: root, ...dates });
const cdaIssuer = await awala.issueGatewayCertificate({
  subjectPublicKey: ours.publicKey, issuerPrivateKey: ours.privateKey, ...dates });
const cda = await awala.issueDeliveryAuthorization({
  subjectPublicKey: internet.publicKey, issuerPrivateKey: ours.privateKey, issuerCertificate: cdaIssuer, ...dates });

const sender = await awala.getIdFromIdentityKey(ours.publicKey);
const recipient = await awala.getIdFromIdentityKey(internet.publicKey);
const pca = new awala.ParcelCollectionAck(sender, recipient, 'parcel-1').serialize();
const rotation = new awala.CertificateRotation(new awala.CertificationPath(gateway, [root])).serialize();
const bare = new awala.CertificateRotation(new awala.CertificationPath(gateway, [])).serialize();
const parcel = Buffer.from('Awala\x50\x00 and what follows');
const session = await awala.SessionKeyPair.generate();

const fixture = {
  root: encode(root.serialize()),
  gateway: encode(gateway.serialize()),
  cda: encode(cda.serialize()),
  sender,
  recipient,
  set: encode(new awala.CargoMessageSet([pca, parcel, Buffer.from('?'), bare, rotation]).serialize()),
  request: encode(new awala.CargoCollectionRequest(cda).serialize()),
  sessionKeyId: encode(session.sessionKey.keyId),
  sessionKey: encode(await awala.derSerializePublicKey(session.sessionKey.publicKey)),
  registration: encode(
    await new awala.PrivateNodeRegistration(gateway, root, 'gateway.example.org', session.sessionKey).serialize(),
  ),
  params: encode(await new awala.NodeConnectionParams('gateway.example.org', internet.publicKey, session.sessionKey).serialize()),
};
writeFileSync(process.argv[2], JSON.stringify(fixture, null, 1) + '\n');
