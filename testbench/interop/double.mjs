// What the doubles have in common: servers with Awala's types, faults to order and events to wait for.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CargoRelayService } from '@relaycorp/cogrpc';

const inCogRPC = createRequire(createRequire(import.meta.url).resolve('@relaycorp/cogrpc'));
export const grpc = inCogRPC('@grpc/grpc-js');

// Tls reads the certificates that the test has made in a directory (tls_test.go).
export class Tls {
  constructor(dir) {
    this.dir = dir;
    this.ca = this.#read('ca.crt');
  }

  #read(name) {
    return readFileSync(join(this.dir, name));
  }

  pair(name) {
    return { cert: this.#read(`${name}.crt`), key: this.#read(`${name}.key`) };
  }
}

// Double keeps events for who waits for them, and faults for what comes next.
export class Double {
  #events = [];
  #waiting = [];

  // faults has a list for each point where something can go wrong; the next request there takes the first.
  faults = {};

  fault(point) {
    return this.faults[point]?.shift();
  }

  emit(kind, data = {}) {
    const at = this.#waiting.findIndex((w) => w.kind === kind);
    if (at < 0) this.#events.push({ kind, data });
    else this.#waiting.splice(at, 1)[0].resolve(data);
  }

  // event is the next of a kind that nobody has had.
  event(kind) {
    const at = this.#events.findIndex((e) => e.kind === kind);
    if (at >= 0) return Promise.resolve(this.#events.splice(at, 1)[0].data);
    return new Promise((resolve) => { this.#waiting.push({ kind, resolve }); });
  }

  // forget drops the events that nobody has had.
  forget() {
    this.#events = [];
  }
}

export class StatusError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// serveHTTP answers requests over TLS on a free port: routes are functions of (request, body) that return
// { status, type, body }. A fault of a route is: a status; 'cut' the connection; 'hang' without an answer; 'drop' the
// answer of what was done; or a function that changes the answer.
export async function serveHTTP(double, pair, routes) {
  const server = createServer(pair, async (req, res) => {
    const parts = [];
    for await (const b of req) parts.push(b);
    const route = routes[`${req.method} ${req.url}`];
    const fault = route && double.fault(route.name);
    double.emit('request', { route: route?.name, url: req.url, status: fault });
    if (fault === 'hang') return;
    if (fault === 'cut') { req.socket.destroy(); return; }
    let reply = await answer(route, fault, req, Buffer.concat(parts));
    if (fault === 'drop') { req.socket.destroy(); return; }
    if (typeof fault === 'function') reply = fault(reply);
    res.writeHead(reply.status, { ...(reply.type && { 'content-type': reply.type }), ...reply.headers });
    res.end(reply.body);
  });
  server.keepAliveTimeout = 0; // a slow machine's clients would write to what has just been closed
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return server;
}

async function answer(route, fault, req, body) {
  try {
    if (!route) throw new StatusError(404, 'nothing is here');
    if (typeof fault === 'number') throw new StatusError(fault, 'ordered to fail');
    return await route.run(req, body);
  } catch (err) {
    return { status: err.status ?? 500, type: 'application/json', body: JSON.stringify({ message: String(err.message) }) };
  }
}

// serveCargo serves CogRPC over TLS on a free port of this machine.
export async function serveCargo(service, pair) {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 9_437_440, 'grpc.max_metadata_size': 6000 });
  server.addService(CargoRelayService, { deliverCargo: (c) => service.deliverCargo(c), collectCargo: (c) => service.collectCargo(c) });
  const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: pair.key, cert_chain: pair.cert }]);
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (err, n) => (err ? reject(err) : resolve(n)));
  });
  return { server, port };
}

export const refuse = (call, code, details) => { call.emit('error', { code: grpc.status[code], details }); };

// acknowledge writes the acknowledgement of a delivery, or what a fault makes of it.
export function acknowledge(call, id, fault) {
  switch (fault) {
    case 'drop': return;
    case 'twice': call.write({ id }); call.write({ id }); return;
    case 'garbage': call.write({ id: 'never delivered' }); return;
    case 'cut': call.end(); return;
    default:
      if (fault) refuse(call, fault, 'ordered to fail');
      else call.write({ id });
  }
}
