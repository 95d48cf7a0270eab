// An Internet gateway made of Awala's library, with its queues in memory: PoWeb, PoHTTP and CogRPC, all with TLS.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import {
  Cargo, CargoCollectionAuthorization, CargoMessageSet, CertificateRotation, CertificationPath, Gateway, GatewayChannel,
  HandshakeChallenge, HandshakeResponse, MockKeyStoreSet, NodeConnectionParams, Parcel, ParcelCollectionAck,
  ParcelCollectionHandshakeVerifier, ParcelDelivery, ParcelDeliveryVerifier, PrivateNodeRegistration,
  PrivateNodeRegistrationAuthorization, PrivateNodeRegistrationRequest, derSerializePublicKey, issueGatewayCertificate,
} from '@relaycorp/relaynet-core';
import { deliverParcel } from '@relaycorp/relaynet-pohttp';
import { Double, StatusError, acknowledge, refuse, serveCargo, serveHTTP } from './double.mjs';
import { bufferToArray } from './endpoint.mjs';

const { Server: WebSocketServer } = createRequire(createRequire(import.meta.url).resolve('@relaycorp/relaynet-poweb'))('ws');

const hour = 3_600_000;
const day = 24 * hour;
const registration = 'application/vnd.awala.node-registration';
const parcelType = 'application/vnd.awala.parcel';

export class InternetGateway extends Double {
  // certificateDays is for how long private gateways are registered. urls are where other Internet nodes are, by address, or functions that take parcels.
  static async start(tls, { address, certificateDays = 180, pair = 'server', urls = {} }) {
    const g = new InternetGateway();
    Object.assign(g, { address, certificateDays, urls, queues: new Map(), watchers: new Set(), fulfilled: new Set(), acks: new Map() });
    await g.#makeKeys();
    const s = await serveHTTP(g, tls.pair(pair), g.#routes());
    g.server = s;
    g.#serveSockets(s);
    g.port = s.address().port;
    g.cargo = await serveCargo(g, tls.pair(pair));
    g.cargoPort = g.cargo.port;
    return g;
  }

  // vanish ends PoWeb and PoHTTP, as a server that loses its power; CogRPC stays.
  vanish() {
    this.server.close();
    this.server.closeAllConnections();
    for (const ws of this.sockets.clients) ws.terminate();
  }

  async #makeKeys() {
    const stores = new MockKeyStoreSet();
    const keys = await stores.privateKeyStore.generateIdentityKeyPair();
    this.node = new Gateway(keys.id, keys, stores, {});
    this.id = keys.id;
    this.keys = keys;
    this.certificate = await issueGatewayCertificate({
      issuerPrivateKey: keys.privateKey, subjectPublicKey: keys.publicKey,
      validityStartDate: new Date(Date.now() - 3 * hour), validityEndDate: new Date(Date.now() + 360 * day),
    });
    this.sessionKey = await this.node.generateSessionKey();
  }

  #routes() {
    const route = (name) => ({ name, run: (req, body) => this[name](req, body) });
    return {
      'POST /v1/pre-registrations': route('preRegister'),
      'POST /v1/nodes': route('register'),
      'POST /v1/parcels': route('take'),
      'GET /connection-params.der': route('parameters'),
      'POST /': route('takeFromInternet'),
    };
  }

  async parameters() {
    const p = new NodeConnectionParams(this.address, this.keys.publicKey, this.sessionKey);
    return { status: 200, type: 'application/vnd.etsi.tsl.der', body: Buffer.from(await p.serialize()) };
  }

  async preRegister(req, body) {
    wantType(req, 'text/plain');
    if (body.length !== 64) throw new StatusError(400, 'not the digest of a key');
    const pnra = new PrivateNodeRegistrationAuthorization(new Date(Date.now() + 10_000), bufferToArray(Buffer.from(body.toString(), 'hex')));
    return { status: 200, type: `${registration}.authorization`, body: Buffer.from(await pnra.serialize(this.keys.privateKey)) };
  }

  async register(req, body) {
    wantType(req, `${registration}.request`);
    const pnrr = await orStatus(400, PrivateNodeRegistrationRequest.deserialize(bufferToArray(body)));
    const pnra = await orStatus(400, PrivateNodeRegistrationAuthorization.deserialize(pnrr.pnraSerialized, this.keys.publicKey));
    const spki = await derSerializePublicKey(pnrr.privateNodePublicKey);
    if (!createHash('sha256').update(spki).digest().equals(Buffer.from(pnra.gatewayData))) throw new StatusError(403, 'authorisation of another key');
    const certificate = await this.certify(pnrr.privateNodePublicKey);
    await this.node.keyStores.publicKeyStore.saveIdentityKey(pnrr.privateNodePublicKey);
    const pnr = new PrivateNodeRegistration(certificate, this.certificate, this.address, this.sessionKey);
    this.emit('registered', { id: await certificate.calculateSubjectId() });
    return { status: 200, type: `${registration}.registration`, body: Buffer.from(await pnr.serialize()) };
  }

  certify(publicKey, days = this.certificateDays) {
    return issueGatewayCertificate({
      issuerCertificate: this.certificate, issuerPrivateKey: this.keys.privateKey, subjectPublicKey: publicKey,
      validityStartDate: new Date(Date.now() - 3 * hour), validityEndDate: new Date(Date.now() + days * day),
    });
  }

  async take(req, body) {
    wantType(req, parcelType);
    const [, signature] = /^Relaynet-Countersignature (\S+)$/.exec(req.headers.authorization) ?? [];
    if (!signature) throw new StatusError(401, 'no countersignature');
    const verifier = new ParcelDeliveryVerifier([this.certificate]);
    await orStatus(401, verifier.verify(bufferToArray(Buffer.from(signature, 'base64')), bufferToArray(body)));
    await this.route(body);
    return { status: 202 };
  }

  async takeFromInternet(req, body) {
    wantType(req, parcelType);
    await this.route(body, 403, true);
    return { status: 202 };
  }

  // route checks a parcel and passes it on: to a private gateway of ours, or to another node of the Internet.
  async route(raw, status = 422, fromInternet = false) {
    const parcel = await orStatus(status === 403 ? 403 : 400, Parcel.deserialize(bufferToArray(raw)));
    const { id, internetAddress } = parcel.recipient;
    const ours = !internetAddress || internetAddress === this.address;
    if (!ours && fromInternet) throw new StatusError(403, 'not for us');
    if (!ours) {
      await orStatus(status, parcel.validate());
      this.emit('outgoing', { parcel: raw, recipient: id, address: internetAddress, id: parcel.id });
      const there = this.urls[internetAddress];
      if (typeof there === 'function') await there(raw);
      else if (there) await deliverParcel(there, raw);
      return parcel;
    }
    const path = await orStatus(status, parcel.validate([this.certificate]));
    const gateway = await path[path.length - 2].calculateSubjectId();
    const key = `${await parcel.senderCertificate.calculateSubjectId()} ${id} ${parcel.id}`;
    this.#queue(gateway).set(key, raw);
    this.emit('queued', { parcel: raw, gateway });
    for (const w of this.watchers) w();
    return parcel;
  }

  #queue(gateway) {
    if (!this.queues.has(gateway)) this.queues.set(gateway, new Map());
    return this.queues.get(gateway);
  }

  waiting(gateway) {
    return this.#queue(gateway).size;
  }

  // The faults of a collection: 'garbage' for the challenge or a delivery, 'close', 'silence' (no ping either), 'twice'
  // for a delivery that comes again after its acknowledgement, 'burst' for one that does not wait for it.
  #serveSockets(server) {
    this.sockets = new WebSocketServer({ server, path: '/v1/parcel-collection', maxPayload: 6 * 1024 });
    this.sockets.on('connection', (ws, req) => { this.#collection(ws, req).catch((err) => ws.close(err.status ?? 1011, err.message.slice(0, 100))); });
  }

  async #collection(ws, req) {
    const fault = this.fault('collection');
    this.emit('connection', { fault });
    if (fault === 'silence') return;
    if (fault === 'close') { ws.close(1011, 'ordered to fail'); return; }
    const ping = setInterval(() => ws.ping(), 5000);
    ws.on('close', (code) => { clearInterval(ping); this.emit('closed', { code }); });
    const inbox = messages(ws);
    if (fault === 'garbage') { ws.send(randomBytes(100)); return; }
    const gateway = await this.#handshake(ws, inbox);
    this.emit('collecting', { gateway });
    const keep = req.headers['x-relaynet-streaming-mode'] !== 'close-upon-completion';
    await this.#deliver(ws, inbox, this.#queue(gateway), keep);
  }

  async #handshake(ws, inbox) {
    const nonce = bufferToArray(randomBytes(16));
    ws.send(Buffer.from(new HandshakeChallenge(nonce).serialize()));
    const { value } = await inbox.next();
    try {
      const { nonceSignatures } = HandshakeResponse.deserialize(bufferToArray(Buffer.from(value)));
      if (nonceSignatures.length !== 1) throw new Error('one signature is wanted');
      const signer = await new ParcelCollectionHandshakeVerifier([this.certificate]).verify(nonceSignatures[0], nonce);
      return signer.calculateSubjectId();
    } catch (err) {
      throw new StatusError(1003, err.message);
    }
  }

  async #deliver(ws, inbox, queue, keep) {
    let wake = () => {};
    const watcher = () => wake();
    this.watchers.add(watcher);
    ws.on('close', () => { this.watchers.delete(watcher); wake(); });
    while (ws.readyState === ws.OPEN) {
      const [entry] = queue;
      if (entry) await this.#deliverOne(ws, inbox, queue, entry);
      else if (!keep) { ws.close(1000); return; }
      else await new Promise((resolve) => { wake = resolve; if (queue.size || ws.readyState !== ws.OPEN) resolve(); });
    }
  }

  async #deliverOne(ws, inbox, queue, [key, raw]) {
    const fault = this.fault('delivery');
    const id = randomUUID();
    if (fault === 'garbage') { ws.send(randomBytes(50)); await inbox.next(); return; }
    if (fault === 'close') { ws.terminate(); return; }
    ws.send(Buffer.from(new ParcelDelivery(id, bufferToArray(raw)).serialize()));
    const { value, done } = await inbox.next();
    if (done) return;
    if (value.toString() !== id) throw new StatusError(1003, 'unknown delivery');
    if (fault !== 'twice' && queue.get(key) === raw) queue.delete(key);
    this.emit('acknowledged', { parcel: raw });
  }

  // deliverCargo acknowledges bad cargo too, as the real one does.
  deliverCargo(call) {
    let last = Promise.resolve();
    call.on('data', (d) => { last = last.then(() => this.#takeCargo(call, d)); });
    call.on('end', () => last.then(() => call.end()));
    call.on('cancelled', () => this.emit('cancelled'));
    call.on('error', () => {});
  }

  async #takeCargo(call, { id, cargo }) {
    const fault = this.fault('deliverCargo');
    if (fault === 'forget') { return; }
    try {
      await this.#openCargo(cargo);
    } catch (err) {
      this.emit('bad cargo', { message: err.message });
    }
    acknowledge(call, id, fault);
  }

  async #openCargo(raw) {
    const cargo = await Cargo.deserialize(bufferToArray(raw));
    await this.node.validateMessage(cargo, [this.certificate]);
    const gateway = await cargo.senderCertificate.calculateSubjectId();
    const { messages: items } = await this.node.unwrapMessagePayload(cargo);
    const seen = { gateway, parcels: 0, acks: 0, refused: 0, raw };
    for (const octets of items) await this.#takeItem(gateway, octets, seen);
    this.emit('cargo', seen);
  }

  async #takeItem(gateway, octets, seen) {
    try {
      const item = await CargoMessageSet.deserializeItem(octets);
      if (item instanceof ParcelCollectionAck) {
        seen.acks++;
        this.#queue(gateway).delete(`${item.senderEndpointId} ${item.recipientEndpointId} ${item.parcelId}`);
        return;
      }
      const p = await this.route(Buffer.from(octets));
      seen.parcels++;
      const ack = new ParcelCollectionAck(await p.senderCertificate.calculateSubjectId(), p.recipient.id, p.id);
      this.acks.set(gateway, [...this.acks.get(gateway) ?? [], { message: Buffer.from(ack.serialize()), expiryDate: p.expiryDate }]);
    } catch (err) {
      seen.refused++;
      this.emit('bad item', { message: err.message });
    }
  }

  async collectCargo(call) {
    call.on('data', ({ id }) => this.emit('cargo ack', { id }));
    call.on('error', () => {});
    call.on('cancelled', () => this.emit('cancelled'));
    const fault = this.fault('collectCargo');
    if (fault === 'hang') return;
    if (fault && fault !== 'garbage' && fault !== 'twice' && fault !== 'cut') { refuse(call, fault, 'ordered to fail'); return; }
    try {
      for await (const cargo of this.#cargoFor(call.metadata)) {
        if (fault === 'cut') { call.destroy(); return; }
        call.write({ id: randomUUID(), cargo: fault === 'garbage' ? randomBytes(500) : cargo });
        if (fault === 'twice') call.write({ id: randomUUID(), cargo });
      }
      call.end();
    } catch (err) {
      refuse(call, err.status ?? 'INTERNAL', err.message);
    }
  }

  async #readCCA(metadata) {
    const values = metadata.get('authorization');
    const [, base64] = /^Relaynet-CCA (\S+)$/.exec(values[0]) ?? [];
    if (values.length !== 1 || !base64) throw new StatusError('UNAUTHENTICATED', 'no CCA');
    const cca = await orStatus('UNAUTHENTICATED', CargoCollectionAuthorization.deserialize(bufferToArray(Buffer.from(base64, 'base64'))));
    if (cca.recipient.id !== this.id || cca.recipient.internetAddress !== this.address) throw new StatusError('INVALID_ARGUMENT', 'for another gateway');
    await orStatus('UNAUTHENTICATED', cca.validate([this.certificate]));
    return cca;
  }

  async* #cargoFor(metadata) {
    const cca = await this.#readCCA(metadata);
    const gateway = await cca.senderCertificate.calculateSubjectId();
    if (this.fulfilled.has(`${gateway} ${cca.id}`)) throw new StatusError('PERMISSION_DENIED', 'fulfilled before');
    const { cargoDeliveryAuthorization: cda } = await orStatus('UNAUTHENTICATED', this.node.unwrapMessagePayload(cca));
    const peer = { id: gateway, identityPublicKey: await cca.senderCertificate.getPublicKey() };
    const channel = new GatewayChannel(this.node, peer, new CertificationPath(cda, []), this.node.keyStores);
    yield* channel.generateCargoes(this.#itemsFor(gateway, cca.senderCertificate));
    this.fulfilled.add(`${gateway} ${cca.id}`);
    this.emit('fulfilled', { gateway });
  }

  async* #itemsFor(gateway, certificate) {
    yield* this.acks.get(gateway) ?? [];
    this.acks.delete(gateway);
    for (const raw of this.#queue(gateway).values()) {
      const { expiryDate } = await Parcel.deserialize(bufferToArray(raw));
      yield { message: raw, expiryDate };
    }
    yield* this.extra ?? [];
    if (certificate.expiryDate - Date.now() > 90 * day) return;
    const renewed = await this.certify(await certificate.getPublicKey(), 180);
    const rotation = new CertificateRotation(new CertificationPath(renewed, [this.certificate]));
    yield { message: Buffer.from(rotation.serialize()), expiryDate: renewed.expiryDate };
  }
}

async function* messages(ws) {
  const got = [];
  let wake = () => {};
  ws.on('message', (m) => { got.push(m); wake(); });
  ws.on('close', () => { got.push(null); wake(); });
  for (;;) {
    if (!got.length) await new Promise((resolve) => { wake = resolve; });
    const m = got.shift();
    if (m === null) return;
    yield m;
  }
}

function wantType(req, type) {
  if (req.headers['content-type'] !== type) throw new StatusError(415, `want ${type}`);
}

async function orStatus(status, promise) {
  try {
    return await promise;
  } catch (err) {
    throw new StatusError(status, err.message);
  }
}
