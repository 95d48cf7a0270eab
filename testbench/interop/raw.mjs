// Requests that the library would never make.
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { HandshakeChallenge, HandshakeResponse, ParcelDelivery } from '@relaycorp/relaynet-core';
import { bufferToArray } from './endpoint.mjs';

// ws is the WebSocket of Awala's library.
const WebSocket = createRequire(createRequire(import.meta.url).resolve('@relaycorp/relaynet-poweb'))('ws');

export const types = {
  digest: 'text/plain',
  request: 'application/vnd.awala.node-registration.request',
  parcel: 'application/vnd.awala.parcel',
};

// send answers { status, headers, body }. A header of several values is an array.
export function send(port, method, path, headers = {}, body = Buffer.alloc(0)) {
  const all = { ...headers };
  if (!('transfer-encoding' in all)) all['content-length'] = body.length;
  return new Promise((resolve, reject) => {
    const r = request({ host: '127.0.0.1', port, method, path, headers: all }, (res) => {
      const parts = [];
      res.on('data', (b) => parts.push(b));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
    });
    r.on('error', reject);
    r.end(body);
  });
}

// postParcel countersigns as an endpoint, unless the headers say otherwise.
export async function postParcel(endpoint, parcel, headers = {}) {
  const signature = Buffer.from(await endpoint.deliverySigner().sign(bufferToArray(parcel)));
  const all = { 'content-type': types.parcel, authorization: `Relaynet-Countersignature ${signature.toString('base64')}`, ...headers };
  return send(endpoint.port, 'POST', '/v1/parcels', all, parcel);
}

// handshake opens a collection, answers the challenge with what answer returns, and tells the close code.
export function handshake(port, headers, answer) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/v1/parcel-collection`, { headers });
    ws.on('error', reject);
    ws.on('close', resolve);
    ws.on('message', async (b) => {
      const { nonce } = HandshakeChallenge.deserialize(bufferToArray(b));
      ws.send(await answer(nonce));
    });
  });
}

export const response = (...signatures) => Buffer.from(new HandshakeResponse(signatures).serialize());

// parseDelivery reads { id, parcel } of a message.
export function parseDelivery(message) {
  const { deliveryId, parcelSerialized } = ParcelDelivery.deserialize(bufferToArray(message));
  return { id: deliveryId, parcel: Buffer.from(parcelSerialized) };
}

// Socket is a parcel collection that does only what it is told.
export class Socket {
  #got = [];
  #waiting = [];
  pings = 0;

  // An address is a port of this machine, or a URL.
  constructor(address, headers = {}) {
    const url = typeof address === 'number' ? `ws://127.0.0.1:${address}/v1/parcel-collection` : address;
    this.ws = new WebSocket(url, { headers });
    this.ws.on('message', (data) => this.#put(data));
    this.ws.on('close', (code) => this.#put({ code }));
    this.ws.on('error', (error) => this.#put({ error }));
    this.ws.on('ping', () => { this.pings++; });
  }

  #put(event) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(event);
    else this.#got.push(event);
  }

  // next is a message (Buffer), { code } of the end or { error }.
  next() {
    const event = this.#got.shift();
    return event ? Promise.resolve(event) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(data) {
    this.ws.send(data);
  }

  // nonce reads the challenge.
  async nonce() {
    return HandshakeChallenge.deserialize(bufferToArray(await this.next())).nonce;
  }

  // open does the handshake for endpoints.
  async open(...endpoints) {
    const nonce = await this.nonce();
    this.send(response(...await Promise.all(endpoints.map((e) => e.collectionSigner().sign(nonce)))));
    return this;
  }

  // delivery reads the next parcel.
  async delivery() {
    return parseDelivery(await this.next());
  }

  // cut drops the connection without a word.
  cut() {
    this.ws.terminate();
  }
}
