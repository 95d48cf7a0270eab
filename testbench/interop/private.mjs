// A private gateway made of Awala's library, with its queues in memory: the client of Internet gateways and couriers.
import {
  Cargo, CargoMessageSet, CertificateRotation, CertificationPath, MockKeyStoreSet, Parcel, ParcelCollectionAck,
  ParcelCollectionHandshakeSigner, ParcelDeliverySigner, PrivateGatewayManager, PrivateNodeRegistration, StreamingMode,
} from '@relaycorp/relaynet-core';
import { CogRPCClient } from '@relaycorp/cogrpc';
import { PoWebClient } from '@relaycorp/relaynet-poweb';
import { Double } from './double.mjs';
import { Endpoint, bufferToArray } from './endpoint.mjs';

export class PrivateGateway extends Double {
  endpoints = new Map(); // by id
  outgoing = []; // parcels
  acks = []; // of parcels that couriers brought

  static async make() {
    const g = new PrivateGateway();
    g.stores = new MockKeyStoreSet();
    const { id } = await g.stores.privateKeyStore.generateIdentityKeyPair();
    g.id = id;
    g.node = await new PrivateGatewayManager(g.stores).get(id);
    return g;
  }

  // register registers with the Internet gateway of a PoWeb client.
  async register(client) {
    this.client = client;
    const { publicKey } = this.node.identityKeyPair;
    const pnra = await client.preRegisterNode(publicKey);
    const pnr = await client.registerNode(await this.node.requestInternetGatewayRegistration(pnra));
    await this.node.saveInternetGatewayChannel(pnr.privateNodeCertificate, pnr.gatewayCertificate, pnr.sessionKey);
    this.registration = pnr;
    this.peer = await pnr.gatewayCertificate.calculateSubjectId();
    return pnr;
  }

  channel() {
    return this.node.getChannel(this.peer, this.registration.internetGatewayInternetAddress);
  }

  // endpoint makes an endpoint of this gateway.
  async endpoint() {
    const channel = await this.channel();
    const e = await Endpoint.make(async (keys) => PrivateNodeRegistration.deserialize(await channel.registerEndpoint(keys.publicKey)));
    this.endpoints.set(e.id, { endpoint: e, got: [] });
    return e;
  }

  signer(type) {
    return this.node.getGSCSigner(this.peer, type);
  }

  // deliver passes a parcel up over the Internet.
  async deliver(parcel) {
    await this.client.deliverParcel(bufferToArray(parcel), await this.signer(ParcelDeliverySigner));
  }

  // drain collects what waits at the Internet gateway.
  async drain() {
    const got = [];
    const signer = await this.signer(ParcelCollectionHandshakeSigner);
    for await (const c of this.client.collectParcels([signer], StreamingMode.CLOSE_UPON_COMPLETION)) {
      got.push(Buffer.from(c.parcelSerialized));
      await c.ack();
    }
    return got;
  }

  // live keeps a collection open and tells of what comes by 'parcel'; ready is called after each handshake.
  async live(ready) {
    const signer = await this.signer(ParcelCollectionHandshakeSigner);
    for await (const c of this.client.collectParcels([signer], StreamingMode.KEEP_ALIVE, ready)) {
      const parcel = Buffer.from(c.parcelSerialized);
      await c.ack();
      this.emit('parcel', { parcel });
      if (this.leaving) return;
    }
  }

  async makeCCA() {
    return Buffer.from(await (await this.channel()).generateCCA());
  }

  // makeCargoes packs the acknowledgements, then the parcels that wait.
  async makeCargoes() {
    const items = [...this.acks];
    for (const raw of this.outgoing) {
      const { expiryDate } = await Parcel.deserialize(bufferToArray(raw));
      items.push({ message: raw, expiryDate });
    }
    const cargoes = [];
    for await (const c of (await this.channel()).generateCargoes(items)) cargoes.push(c);
    return cargoes;
  }

  // sync meets the courier at an address of this LAN, as the desktop gateway does but without the pause between.
  async sync(host) {
    const client = await CogRPCClient.initLan(host);
    try {
      const got = await this.collect(client);
      return { got, sent: await this.bring(client) };
    } finally {
      client.close();
    }
  }

  async collect(client, cca) {
    const seen = { cargo: 0, parcels: 0, acks: 0, rotations: 0, refused: 0 };
    for await (const raw of client.collectCargo(cca ?? await this.makeCCA())) {
      seen.cargo++;
      await this.open(raw, seen);
    }
    return seen;
  }

  async bring(client) {
    const cargoes = await this.makeCargoes();
    let acknowledged = 0;
    if (!cargoes.length) return acknowledged;
    for await (const _ of client.deliverCargo(cargoes.map((cargo, i) => ({ localId: i, cargo })))) acknowledged++;
    return acknowledged;
  }

  async open(raw, seen) {
    const cargo = await Cargo.deserialize(bufferToArray(raw));
    const channel = await this.channel();
    await this.node.validateMessage(cargo, await channel.getCDAIssuers());
    const { messages } = await this.node.unwrapMessagePayload(cargo);
    for (const octets of messages) await this.#takeItem(octets, seen);
  }

  async #takeItem(octets, seen) {
    let item;
    try {
      item = await CargoMessageSet.deserializeItem(octets);
    } catch {
      seen.refused++;
      return;
    }
    if (item instanceof ParcelCollectionAck) return this.#acknowledged(item, seen);
    if (item instanceof CertificateRotation) return this.#rotate(item, seen);
    return this.#takeParcel(item, Buffer.from(octets), seen);
  }

  async #acknowledged(pca, seen) {
    seen.acks++;
    const left = [];
    for (const raw of this.outgoing) {
      const p = await Parcel.deserialize(bufferToArray(raw));
      if (p.id !== pca.parcelId || p.recipient.id !== pca.recipientEndpointId) left.push(raw);
    }
    this.outgoing = left;
  }

  async #rotate({ certificationPath }, seen) {
    seen.rotations++;
    const { leafCertificate } = certificationPath;
    if (await leafCertificate.calculateSubjectId() !== this.id) throw new Error('rotation for another gateway');
    await this.stores.certificateStore.save(new CertificationPath(leafCertificate, []), leafCertificate.getIssuerId());
  }

  async #takeParcel(parcel, raw, seen) {
    const to = this.endpoints.get(parcel.recipient.id);
    await parcel.validate([this.registration.privateNodeCertificate]);
    if (!to) throw new Error('parcel for no endpoint of ours');
    seen.parcels++;
    to.got.push(raw);
    const ack = new ParcelCollectionAck(await parcel.senderCertificate.calculateSubjectId(), parcel.recipient.id, parcel.id);
    this.acks.push({ message: Buffer.from(ack.serialize()), expiryDate: parcel.expiryDate });
  }
}

export const internetClient = (port) => PoWebClient.initRemote('localhost', port);
