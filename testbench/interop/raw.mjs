// Requests that the library would never make.
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { HandshakeChallenge, HandshakeResponse } from '@relaycorp/relaynet-core';
import { bufferToArray } from './endpoint.mjs';

// ws is the WebSocket of Awala's library.
const WebSocket = createRequire(createRequire(import.meta.url).resolve('@relaycorp/relaynet-poweb'))('ws');

export const types = {
  digest: 'text/plain',
  request: 'application/vnd.awala.node-registration.request',
  parcel: 'application/vnd.awala.parcel',
};

// send answers { status, headers, body }.
export function send(port, method, path, headers = {}, body = Buffer.alloc(0)) {
  return new Promise((resolve, reject) => {
    const r = request({ host: '127.0.0.1', port, method, path, headers: { ...headers, 'content-length': body.length } }, (res) => {
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
