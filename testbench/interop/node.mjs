// An endpoint on the Internet: it receives by PoHTTP at an address of its own.
import { deliverParcel } from '@relaycorp/relaynet-pohttp';
import {
  Parcel, SessionKeyPair, generateRSAKeyPair, getIdFromIdentityKey, issueEndpointCertificate,
} from '@relaycorp/relaynet-core';
import { Double, StatusError, serveHTTP } from './double.mjs';
import { Endpoint, bufferToArray } from './endpoint.mjs';

const day = 86_400_000;

export class InternetEndpoint extends Double {
  static async start(tls, address, pair = 'server') {
    const n = new InternetEndpoint();
    n.address = address;
    n.endpoint = await selfIssued();
    const routes = { 'POST /': { name: 'take', run: (req, body) => n.take(req, body) } };
    n.port = (await serveHTTP(n, tls.pair(pair), routes)).address().port;
    n.url = `https://localhost:${n.port}`;
    return n;
  }

  async take(req, body) {
    if (req.headers['content-type'] !== 'application/vnd.awala.parcel') throw new StatusError(415, 'no parcel');
    const parcel = await Parcel.deserialize(bufferToArray(body)).catch((err) => { throw new StatusError(400, err.message); });
    await parcel.validate().catch((err) => { throw new StatusError(403, err.message); });
    if (parcel.recipient.id !== this.endpoint.id) throw new StatusError(403, 'for another endpoint');
    this.emit('parcel', { parcel: body, id: parcel.id });
    return { status: 202 };
  }

  // knownTo makes a private endpoint know this one: it writes with a certificate of its own.
  async knownTo(e) {
    const certificate = await certify(e.keys);
    e.peer = { id: this.endpoint.id, address: this.address, pda: certificate, chain: [], session: this.endpoint.session.sessionKey };
  }

  // send posts a parcel to a URL.
  send(url, parcel, options) {
    return deliverParcel(url, bufferToArray(parcel), options);
  }
}

const certify = (keys) => issueEndpointCertificate({
  issuerPrivateKey: keys.privateKey, subjectPublicKey: keys.publicKey,
  validityStartDate: new Date(Date.now() - day), validityEndDate: new Date(Date.now() + 30 * day),
});

async function selfIssued() {
  const e = new Endpoint();
  e.keys = await generateRSAKeyPair();
  e.id = await getIdFromIdentityKey(e.keys.publicKey);
  e.certificate = await certify(e.keys);
  e.session = await SessionKeyPair.generate();
  e.sessionKeys = new Map([[Buffer.from(e.session.sessionKey.keyId).toString('hex'), e.session.privateKey]]);
  return e;
}
