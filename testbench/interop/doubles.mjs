// The doubles against each other, so that they are known to be sound: node doubles.mjs DIRECTORY-OF-CERTIFICATES.
import assert from 'node:assert/strict';
import { CogRPCClient } from '@relaycorp/cogrpc';
import { Courier } from './courier.mjs';
import { Tls, grpc } from './double.mjs';
import { InternetGateway } from './internet.mjs';
import { InternetEndpoint } from './node.mjs';
import { PrivateGateway, internetClient } from './private.mjs';
import { finish, test } from './table.mjs';

const tls = new Tls(process.argv[2]);
const node = await InternetEndpoint.start(tls, 'node.example.org');
const internet = await InternetGateway.start(tls, { address: 'one.example.org', urls: { 'node.example.org': node.url } });
const courier = await Courier.start(tls);
const connect = () => new CogRPCClient(`localhost:${internet.cargoPort}`, grpc.credentials.createSsl(tls.ca));
const [ann, ben] = await Promise.all([PrivateGateway.make(), PrivateGateway.make()]);
let a, b;

await test('private gateways register and their endpoints know each other', async () => {
  await Promise.all([ann, ben].map((g) => g.register(internetClient(internet.port))));
  [a, b] = await Promise.all([ann.endpoint(), ben.endpoint()]);
  await a.addPeer(await b.authorise(a.keys.publicKey));
  await b.addPeer(await a.authorise(b.keys.publicKey));
});
await test('a parcel goes over the Internet', async () => {
  const parcel = await a.seal(Buffer.from('over the Internet'));
  await ann.deliver(parcel);
  assert.deepEqual(await ben.drain(), [parcel]);
  assert.equal((await b.open(parcel)).content.toString(), 'over the Internet');
  assert.equal(internet.waiting(ben.id), 0);
});
await test('a parcel goes with the courier and its acknowledgement comes back', async () => {
  const parcel = await a.seal(Buffer.from('by courier'));
  ann.outgoing.push(parcel);
  assert.equal((await ann.sync(`127.0.0.1:${courier.port}`)).sent, 1);
  await ben.sync(`127.0.0.1:${courier.port}`);
  await courier.travel(connect);
  assert.equal((await ben.sync(`127.0.0.1:${courier.port}`)).got.parcels, 1);
  assert.deepEqual(ben.endpoints.get(b.id).got, [parcel]);
  assert.equal(internet.waiting(ben.id), 1); // until the acknowledgement
  const { got } = await ann.sync(`127.0.0.1:${courier.port}`);
  assert.deepEqual([got.acks, ann.outgoing.length], [1, 0]);
  await courier.travel(connect);
  assert.equal(internet.waiting(ben.id), 0);
});
await test('a parcel goes to an endpoint on the Internet and its answer comes', async () => {
  await node.knownTo(a);
  const parcel = await a.seal(Buffer.from('to the Internet'));
  await ann.deliver(parcel);
  assert.ok((await node.event('parcel')).parcel.equals(parcel));
  await node.endpoint.addPeer(await a.authorise(node.endpoint.keys.publicKey));
  const answer = await node.endpoint.seal(Buffer.from('answer'));
  await node.send(`https://localhost:${internet.port}/`, answer);
  assert.deepEqual(await ann.drain(), [answer]);
});
await test('a certificate that ends soon is renewed by cargo', async () => {
  internet.certificateDays = 30;
  const cleo = await PrivateGateway.make();
  await cleo.register(internetClient(internet.port));
  internet.certificateDays = 180;
  assert.equal((await cleo.collect(connect())).rotations, 1);
  const path = await cleo.stores.certificateStore.retrieveLatest(cleo.id, internet.id);
  assert.ok(path.leafCertificate.expiryDate - Date.now() > 170 * 86_400_000);
});

finish();
