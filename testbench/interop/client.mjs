// Servers of Awala's library, sound and broken, for our clients: node client.mjs DIRECTORY-OF-CERTIFICATES. The test
// that runs this has the clients do what is asked.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { NodeConnectionParams, Parcel, PrivateNodeRegistration, derSerializePublicKey, generateRSAKeyPair } from '@relaycorp/relaynet-core';
import { Courier } from './courier.mjs';
import { Tls } from './double.mjs';
import { Endpoint, bufferToArray } from './endpoint.mjs';
import { InternetGateway } from './internet.mjs';
import { PrivateGateway, internetClient } from './private.mjs';
import { ask, finish, test } from './table.mjs';

const tls = new Tls(process.argv[2]);
const address = 'one.example.org';
const [internet, courier, ann] = await Promise.all([InternetGateway.start(tls, { address }), Courier.start(tls), PrivateGateway.make()]);
const base64 = (list) => list.map((b) => Buffer.from(b).toString('base64'));

// our does one thing with our client; octets go and come as buffers.
async function our(verb, args = {}) {
  const sent = { address, port: internet.port, ...args };
  for (const name of ['raw', 'parcels']) if (sent[name]) sent[name] = base64(sent[name]);
  const o = await ask(verb, sent);
  return { ...o, Raw: (o.Raw ?? []).map((b) => Buffer.from(b, 'base64')) };
}

async function fails(kind, verb, args) {
  const o = await our(verb, args);
  assert.equal(o.Class, kind, o.Error || 'no error');
  return o;
}

async function works(verb, args) {
  const o = await our(verb, args);
  assert.equal(o.Class, '', o.Error);
  return o;
}

// faulty is a table of orders that fail because of a fault: name, class, point, fault, verb, arguments.
async function faulty(cases) {
  for (const [name, kind, point, fault, verb, args] of cases) {
    await test(name, async () => {
      (args?.at ?? internet).faults[point] = [fault];
      await fails(kind, verb, { ...args, at: undefined });
      assert.deepEqual((args?.at ?? internet).faults[point], []);
    });
  }
}

const garbled = (r) => ({ ...r, body: randomBytes(r.body.length) });
const typed = (type) => (r) => ({ ...r, type });
const soon = { timeout: 300 };
await faulty([
  ['pre-registration that fails', 'later', 'preRegister', 500, 'register'],
  ['pre-registration that is not found', 'later', 'preRegister', 404, 'register'],
  ['pre-registration that is refused', 'refused', 'preRegister', 400, 'register'],
  ['pre-registration that is cut off', 'later', 'preRegister', 'cut', 'register'],
  ['pre-registration without an answer', 'later', 'preRegister', 'hang', 'register', soon],
  ['pre-registration of another type', 'later', 'preRegister', typed('text/html'), 'register'],
  ['pre-registration without a type', 'later', 'preRegister', typed(undefined), 'register'],
  ['pre-registration that leads elsewhere', 'later', 'preRegister', () => ({ status: 307, headers: { location: '/v1/pre-registrations' } }), 'register'],
  ['pre-registration with a garbled authorisation', 'refused', 'preRegister', garbled, 'register'],
  ['pre-registration with two megabytes', 'later', 'preRegister', (r) => ({ ...r, body: Buffer.alloc(2 << 20) }), 'register'],
  ['registration that fails', 'later', 'register', 503, 'register'],
  ['registration that is forbidden', 'unauthorised', 'register', 403, 'register'],
  ['registration that is cut off', 'later', 'register', 'cut', 'register'],
  ['registration whose answer is lost', 'later', 'register', 'drop', 'register'],
  ['registration without an answer', 'later', 'register', 'hang', 'register', soon],
  ['registration of another type', 'later', 'register', typed('application/vnd.awala.node-registration.request'), 'register'],
  ['registration with garbage', 'bad', 'register', garbled, 'register'],
  ['registration without a body', 'bad', 'register', (r) => ({ ...r, body: Buffer.alloc(0) }), 'register'],
  ['registration that is cut short', 'bad', 'register', (r) => ({ ...r, body: r.body.subarray(0, -1) }), 'register'],
]);

// answered changes the registration that is answered.
async function answered(change) {
  internet.faults.register = [(r) => r];
  const sound = internet.register;
  internet.register = async (req, body) => {
    const r = await sound.call(internet, req, body);
    const p = await PrivateNodeRegistration.deserialize(bufferToArray(r.body));
    return { ...r, body: Buffer.from(await (await change(p)).serialize()) };
  };
  try {
    return await our('register');
  } finally {
    internet.register = sound;
  }
}
const stranger = await generateRSAKeyPair();
const pnr = (node, gateway, where, key) => new PrivateNodeRegistration(node, gateway, where, key);
const another = await InternetGateway.start(tls, { address });
const badRegistrations = [
  ['of another key', async (p) => pnr(await internet.certify(stranger.publicKey), p.gatewayCertificate, address, p.sessionKey)],
  ['without a session key', (p) => pnr(p.privateNodeCertificate, p.gatewayCertificate, address)],
  ['of another issuer', (p) => pnr(p.privateNodeCertificate, another.certificate, address, p.sessionKey)],
  ['with its certificates the wrong way round', (p) => pnr(p.gatewayCertificate, p.privateNodeCertificate, address, p.sessionKey)],
  ['that has ended', async (p) => pnr(await internet.certify(await p.privateNodeCertificate.getPublicKey(), -0.01), p.gatewayCertificate, address, p.sessionKey)],
];
for (const [name, change] of badRegistrations) {
  await test(`a registration ${name} is not taken`, async () => {
    const o = await answered(change);
    assert.equal(o.Class, 'bad', o.Error || 'it was taken');
  });
}
for (const pair of ['expired', 'foreign']) {
  await test(`a server with a certificate that is ${pair} is left`, async () => {
    const bad = await InternetGateway.start(tls, { address, pair });
    await fails('later', 'register', { port: bad.port });
    await fails('other', 'bring', { port: bad.cargoPort, raw: [randomBytes(100)], timeout: 2000 });
  });
}
await test('nobody there', async () => {
  await fails('later', 'register', { port: 1 });
  await fails('other', 'bring', { port: 1, raw: [randomBytes(100)], timeout: 2000 });
});
await test('our gateway registers', () => works('register'));
await test('and renews', () => works('register'));
await test('connection parameters are read', async () => {
  const [raw] = (await works('params')).Raw;
  const p = await NodeConnectionParams.deserialize(bufferToArray(raw));
  assert.equal(p.internetAddress, address);
});

await ann.register(internetClient(internet.port));
const a = await ann.endpoint();
const b = await Endpoint.make(async (keys) => {
  const [raw] = (await works('endpoint', { spki: Buffer.from(await derSerializePublicKey(keys.publicKey)).toString('base64') })).Raw;
  return PrivateNodeRegistration.deserialize(bufferToArray(raw));
});
await a.addPeer(await b.authorise(a.keys.publicKey));
await b.addPeer(await a.authorise(b.keys.publicKey));
const fromA = () => a.seal(randomBytes(50));
const fromB = (options) => b.seal(randomBytes(50), options);

await test('our gateway delivers', async () => {
  const parcel = await fromB();
  await works('deliver', { parcels: [parcel] });
  assert.deepEqual(await ann.drain(), [parcel]);
});
const one = { parcels: [await fromB()] };
await faulty([
  ['delivery that fails is tried later', 'later', 'take', 500, 'deliver', one],
  ['delivery to a gateway that is busy is tried later', 'later', 'take', 503, 'deliver', one],
  ['delivery too often is tried later', 'later', 'take', 429, 'deliver', one],
  ['delivery of another type is tried later', 'later', 'take', 415, 'deliver', one],
  ['delivery that is cut off is tried later', 'later', 'take', 'cut', 'deliver', one],
  ['delivery whose answer is lost is tried later', 'later', 'take', 'drop', 'deliver', one],
  ['delivery without an answer is tried later', 'later', 'take', 'hang', 'deliver', { ...one, ...soon }],
  ['delivery that is not authorised is kept', 'unauthorised', 'take', 401, 'deliver', one],
  ['delivery that is malformed is dropped', 'refused', 'take', 400, 'deliver', one],
  ['delivery that is invalid is dropped', 'refused', 'take', 422, 'deliver', one],
  ['delivery that is too large is dropped', 'refused', 'take', 413, 'deliver', one],
  ['delivery that leads elsewhere is kept', 'later', 'take', () => ({ status: 308, headers: { location: 'https://localhost/' } }), 'deliver', one],
]);
await test('an expired parcel is refused by the library, and dropped by us', async () => {
  await fails('refused', 'deliver', { parcels: [await fromB({ created: new Date(Date.now() - 60_000), ttl: 5 })] });
});

// queue has parcels wait for our gateway.
async function queue(n) {
  const parcels = [];
  for (let i = 0; i < n; i++) parcels.push(await fromA());
  for (const p of parcels) await ann.deliver(p);
  return parcels;
}
await ann.drain();
await test('our gateway collects until nothing is left', async () => {
  const parcels = await queue(3);
  assert.deepEqual((await works('collect')).Raw, parcels);
  assert.deepEqual((await works('collect')).Raw, []);
});
await test('our gateway collects what arrives meanwhile', async () => {
  internet.forget();
  const collecting = works('collect', { keep: true, most: 1 });
  await internet.event('collecting');
  const parcels = await queue(1);
  assert.deepEqual((await collecting).Raw, parcels);
});
await test('a parcel that cannot be stored is not acknowledged', async () => {
  const parcels = await queue(1);
  await fails('other', 'collect', { fail: true });
  assert.deepEqual((await works('collect')).Raw, parcels);
});
await test('a parcel that comes twice is taken twice, and both acknowledged', async () => {
  const [parcel] = await queue(1);
  internet.faults.delivery = ['twice'];
  assert.deepEqual((await works('collect')).Raw, [parcel, parcel]);
});
await faulty([
  ['collection with a garbled challenge', 'later', 'collection', 'garbage', 'collect'],
  ['collection that is closed at once', 'later', 'collection', 'close', 'collect'],
  ['collection without a challenge', 'later', 'collection', 'silence', 'collect', soon],
]);
for (const fault of ['garbage', 'close']) {
  await test(`collection with a delivery that is ${fault}`, async () => {
    const parcels = await queue(1);
    internet.faults.delivery = [fault];
    await fails('later', 'collect');
    assert.deepEqual((await works('collect')).Raw, parcels);
  });
}
await test('collection under a registration that the gateway has forgotten', async () => {
  const { certificate } = internet;
  internet.certificate = (await InternetGateway.start(tls, { address })).certificate;
  try {
    await fails('unauthorised', 'collect', { keep: true });
    await fails('unauthorised', 'deliver', one);
  } finally {
    internet.certificate = certificate;
  }
});
await test('collection that goes silent', async () => {
  const o = await fails('later', 'collect', { keep: true, silence: 300 });
  assert.match(o.Error, /silent/);
});

const lan = () => ({ address: '', port: courier.port });
const wan = () => ({ port: internet.cargoPort });
const pack = async (parcels, acks = []) => (await works('pack', { parcels, acks })).Raw;
await test('cargo goes to the courier and is opened at the Internet gateway', async () => {
  const parcel = await fromB();
  assert.equal((await works('bring', { ...lan(), raw: await pack([parcel]) })).Acks, 1);
  internet.forget();
  assert.equal((await works('bring', { ...wan(), raw: [courier.cargo.pop().raw] })).Acks, 1);
  assert.equal((await internet.event('cargo')).parcels, 1);
  assert.deepEqual(await ann.drain(), [parcel]);
});
await test('three cargoes go in one call', async () => {
  const raw = [...await pack([await fromB()]), ...await pack([await fromB()]), ...await pack([await fromB()])];
  assert.equal((await works('bring', { ...lan(), raw })).Acks, 3);
  assert.equal((await works('bring', { ...wan(), raw })).Acks, 3);
  assert.equal((await ann.drain()).length, 3);
});
const cargo = await pack([await fromB()]);
const badDeliveries = [
  ['an acknowledgement that is dropped', 'drop', 'other', 0],
  ['an acknowledgement of nothing', 'garbage', 'other', 0],
  ['a call that ends without acknowledgement', 'cut', 'other', 0],
  ['a courier that has no room', 'RESOURCE_EXHAUSTED', 'full', 0],
  ['a server that refuses', 'INVALID_ARGUMENT', 'invalid', 0],
  ['a server that breaks down', 'INTERNAL', 'other', 0],
  ['a server that is not there for it', 'UNAVAILABLE', 'other', 0],
  ['a server that knows no such call', 'UNIMPLEMENTED', 'other', 0],
];
for (const [name, fault, kind, acks] of badDeliveries) {
  for (const [where, at, how] of [['courier', courier, lan], ['Internet gateway', internet, wan]]) {
    await test(`cargo for the ${where} with ${name}`, async () => {
      at.faults.deliverCargo = [fault];
      const o = await fails(kind, 'bring', { ...how(), raw: cargo, timeout: fault === 'drop' ? 300 : 0 });
      assert.equal(o.Acks, acks);
    });
  }
}
await test('an acknowledgement that comes twice counts once', async () => {
  courier.faults.deliverCargo = ['twice'];
  const o = await our('bring', { ...lan(), raw: cargo });
  assert.equal(o.Acks, 1);
});
await test('a slow courier is waited for', async () => {
  courier.faults.deliverCargo = ['slow'];
  assert.equal((await works('bring', { ...lan(), raw: cargo })).Acks, 1);
});
await test('what was acknowledged before a refusal counts', async () => {
  courier.faults.deliverCargo = [undefined, 'RESOURCE_EXHAUSTED'];
  const o = await fails('full', 'bring', { ...lan(), raw: [cargo[0], cargo[0]] });
  assert.equal(o.Acks, 1);
});

const cca = async () => (await works('cca')).Raw;
await test('an Internet gateway gives its cargo for our authorisation, once', async () => {
  const parcels = await queue(2);
  const raw = await cca();
  const { Raw: cargoes } = await works('fetch', { ...wan(), raw });
  assert.equal(cargoes.length, 1);
  const opened = await works('open', { raw: cargoes });
  assert.deepEqual(opened.Raw, parcels);
  await fails('spent', 'fetch', { ...wan(), raw });
  const acks = await Promise.all(parcels.map(async (p) => {
    const { id, recipient, senderCertificate } = await Parcel.deserialize(bufferToArray(p));
    return { Sender: await senderCertificate.calculateSubjectId(), Recipient: recipient.id, ID: id };
  }));
  const before = internet.waiting(await idOfOurs());
  await works('bring', { ...wan(), raw: await pack([], acks) });
  assert.deepEqual([before, internet.waiting(await idOfOurs())], [2, 0]);
});
async function idOfOurs() {
  return b.certificate.getIssuerId();
}
await test('what goes up by cargo is acknowledged by cargo', async () => {
  internet.acks.clear();
  await works('bring', { ...wan(), raw: await pack([await fromB(), await fromB()]) });
  const { Raw } = await works('fetch', { ...wan(), raw: await cca() });
  assert.equal((await works('open', { raw: Raw })).Acks, 2);
});
await test('items that nobody can read are passed over', async () => {
  internet.extra = [randomBytes(40), Buffer.alloc(0), Buffer.from('Awala\x51\0garbage')].map((message) => ({ message, expiryDate: new Date(Date.now() + 60_000) }));
  const parcels = await queue(1);
  const { Raw } = await works('fetch', { ...wan(), raw: await cca() });
  internet.extra = [];
  const opened = await works('open', { raw: Raw });
  assert.ok(opened.Raw.some((p) => p.equals(parcels[0])));
  assert.ok(opened.Skipped >= 1, `skipped ${opened.Skipped}`);
  await works('collect');
});
await test('a certificate that ends soon is renewed by cargo', async () => {
  const two = await InternetGateway.start(tls, { address: 'two.example.org', certificateDays: 30 });
  const there = { address: two.address, port: two.cargoPort };
  await works('register', { ...there, port: two.port });
  const { Raw } = await works('fetch', { ...there, raw: (await works('cca', there)).Raw });
  assert.equal((await works('open', { raw: Raw })).Turns, 1);
  assert.deepEqual((await works('fetch', { ...there, raw: (await works('cca', there)).Raw })).Raw, []); // signed with the new one
});
await test('a courier brings our cargo', async () => {
  const parcels = await queue(1);
  await works('fetch', { ...lan(), raw: await cca() });
  const held = courier.ccas.pop();
  const { Raw } = await works('fetch', { ...wan(), raw: [held.raw] });
  courier.cargo.push({ raw: Raw[0], to: held.sender });
  const { Raw: brought } = await works('fetch', { ...lan(), raw: await cca() });
  assert.deepEqual((await works('open', { raw: brought })).Raw, parcels);
  assert.equal(courier.cargo.filter((c) => c.to === held.sender).length, 0);
  courier.cargo.push({ raw: Raw[0], to: held.sender });
});
await test('cargo that cannot be stored is not acknowledged', async () => {
  await fails('other', 'fetch', { ...lan(), raw: await cca(), fail: true });
  const { Raw } = await works('fetch', { ...lan(), raw: await cca() });
  assert.equal(Raw.length, 1);
  courier.cargo.push({ raw: Raw[0], to: await idOfOurs() });
});
await test('cargo that comes twice is acknowledged twice', async () => {
  courier.faults.collectCargo = ['twice'];
  assert.equal((await works('fetch', { ...lan(), raw: await cca() })).Raw.length, 2);
});
await test('garbage from a courier is no cargo', async () => {
  courier.faults.collectCargo = ['garbage'];
  const { Raw } = await works('fetch', { ...lan(), raw: await cca() });
  assert.equal(Raw.length, 1);
  await fails('bad', 'open', { raw: Raw });
});
await test('garbage from an Internet gateway is no cargo', async () => {
  await queue(1);
  internet.faults.collectCargo = ['garbage'];
  const { Raw } = await works('fetch', { ...wan(), raw: await cca() });
  await fails('bad', 'open', { raw: Raw });
  await works('collect');
});
const badCollections = [
  ['that never answers', 'hang', 'other'], ['that breaks down', 'INTERNAL', 'other'], ['that is not there for it', 'UNAVAILABLE', 'other'],
  ['that takes the authorisation for invalid', 'UNAUTHENTICATED', 'invalid'], ['that it is not for', 'INVALID_ARGUMENT', 'foreign'],
  ['that has seen it', 'PERMISSION_DENIED', 'spent'],
];
for (const [name, fault, kind] of badCollections) {
  await test(`collection at an Internet gateway ${name}`, async () => {
    internet.faults.collectCargo = [fault];
    await fails(kind, 'fetch', { ...wan(), raw: await cca(), timeout: fault === 'hang' ? 300 : 0 });
  });
}
await test('the gateway tells of a broken authorisation', async () => {
  const [raw] = await cca();
  await fails('invalid', 'fetch', { ...wan(), raw: [raw.subarray(0, -1)] });
  await fails('invalid', 'fetch', { ...wan(), raw: [randomBytes(500)] });
  assert.deepEqual((await works('fetch', { ...lan(), raw: [randomBytes(500)] })).Raw, []); // a courier says nothing
});
await test('cargo for another gateway is not opened', async () => {
  await fails('bad', 'open', { raw: cargo });
  await fails('bad', 'open', { raw: [await fromA()] });
});

finish();
