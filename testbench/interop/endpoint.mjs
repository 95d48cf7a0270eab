// An endpoint as an app has it: Awala's own JavaScript library, and the keys it needs.
import {
  CertificationPath, EnvelopedData, Parcel, ParcelCollectionHandshakeSigner, ParcelDeliverySigner,
  PrivateEndpointConnParams, PrivateNodeRegistrationRequest, ServiceMessage, SessionEnvelopedData,
  SessionKeyPair, StreamingMode, generateRSAKeyPair, getIdFromIdentityKey, issueDeliveryAuthorization,
} from '@relaycorp/relaynet-core';
import { PoWebClient } from '@relaycorp/relaynet-poweb';

const hour = 3_600_000;

export class Endpoint {
  // make makes an endpoint; register gets a registration for its keys.
  static async make(register) {
    const e = new Endpoint();
    e.keys = await generateRSAKeyPair();
    e.id = await getIdFromIdentityKey(e.keys.publicKey);
    e.registration = await register(e.keys);
    e.certificate = e.registration.privateNodeCertificate;
    e.session = await SessionKeyPair.generate();
    e.sessionKeys = new Map([[hex(e.session.sessionKey.keyId), e.session.privateKey]]);
    return e;
  }

  // register makes an endpoint and registers it with the gateway at a port.
  static async register(port) {
    const client = PoWebClient.initLocal(port);
    const e = await Endpoint.make(async (keys) => {
      const request = new PrivateNodeRegistrationRequest(keys.publicKey, await client.preRegisterNode(keys.publicKey));
      return client.registerNode(await request.serialize(keys.privateKey));
    });
    return Object.assign(e, { port, client });
  }

  // authorise lets a sender write to this endpoint: what it returns is handed over out of band.
  async authorise(senderKey, until = this.certificate.expiryDate) {
    const pda = await issueDeliveryAuthorization({
      issuerCertificate: this.certificate,
      issuerPrivateKey: this.keys.privateKey,
      subjectPublicKey: senderKey,
      validityStartDate: this.certificate.startDate,
      validityEndDate: until,
    });
    const path = new CertificationPath(pda, [this.certificate, this.registration.gatewayCertificate]);
    const address = this.registration.internetGatewayInternetAddress;
    const params = new PrivateEndpointConnParams(this.keys.publicKey, address, path, this.session.sessionKey);
    return params.serialize();
  }

  async addPeer(params) {
    const p = await PrivateEndpointConnParams.deserialize(params);
    this.peer = {
      id: await getIdFromIdentityKey(p.identityKey),
      address: p.internetGatewayAddress,
      pda: p.deliveryAuth.leafCertificate,
      chain: p.deliveryAuth.certificateAuthorities,
      session: p.sessionKey,
    };
  }

  // seal makes a parcel for the peer. Options replace what a correct parcel has.
  async seal(content, options = {}) {
    const plaintext = new ServiceMessage('application/octet-stream', content).serialize();
    const sealed = await SessionEnvelopedData.encrypt(plaintext, this.peer.session);
    this.sessionKeys.set(hex(sealed.dhKeyId), sealed.dhPrivateKey);
    const parcel = new Parcel(
      options.to ?? { id: this.peer.id, internetAddress: this.peer.address },
      options.certificate ?? this.peer.pda,
      Buffer.from(sealed.envelopedData.serialize()),
      {
        creationDate: options.created ?? new Date(Date.now() - 5_000),
        id: options.id,
        senderCaCertificateChain: options.chain ?? this.peer.chain,
        ttl: options.ttl ?? 24 * hour / 1000,
      },
    );
    return Buffer.from(await parcel.serialize(this.keys.privateKey));
  }

  // open decrypts a parcel and remembers the key that the answer must be sealed to.
  async open(octets) {
    const parcel = await Parcel.deserialize(bufferToArray(octets));
    const envelope = EnvelopedData.deserialize(bufferToArray(parcel.payloadSerialized));
    const key = this.sessionKeys.get(hex(envelope.getRecipientKeyId()));
    if (!key) throw new Error('sealed to a key that is not ours');
    const message = ServiceMessage.deserialize(await envelope.decrypt(key));
    this.peer.session = await envelope.getOriginatorKey();
    return { sender: await parcel.senderCertificate.calculateSubjectId(), id: parcel.id, content: message.content };
  }

  deliverySigner() {
    return new ParcelDeliverySigner(this.certificate, this.keys.privateKey);
  }

  async deliver(parcel) {
    await this.client.deliverParcel(bufferToArray(parcel), this.deliverySigner());
  }

  collectionSigner() {
    return new ParcelCollectionHandshakeSigner(this.certificate, this.keys.privateKey);
  }

  // receive waits for n parcels; ready is called when the gateway has accepted the handshake.
  async receive(n, { ack = true, ready } = {}) {
    const got = [];
    for await (const c of this.client.collectParcels([this.collectionSigner()], StreamingMode.KEEP_ALIVE, ready)) {
      got.push(Buffer.from(c.parcelSerialized));
      if (ack) await c.ack();
      if (got.length === n) break;
    }
    return got;
  }

  // drain collects what waits at the gateway, until it closes.
  async drain() {
    const got = [];
    for await (const c of this.client.collectParcels([this.collectionSigner()], StreamingMode.CLOSE_UPON_COMPLETION)) {
      got.push(Buffer.from(c.parcelSerialized));
      await c.ack();
    }
    return got;
  }
}

export const bufferToArray = (b) => b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength);

const hex = (b) => Buffer.from(b).toString('hex');
