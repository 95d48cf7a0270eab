// A courier as the Android app is one: a CogRPC server with a certificate of its own for its address, in memory.
import { randomBytes, randomUUID } from 'node:crypto';
import { Cargo, CargoCollectionAuthorization } from '@relaycorp/relaynet-core';
import { Double, acknowledge, refuse, serveCargo } from './double.mjs';
import { bufferToArray } from './endpoint.mjs';

const maxMessage = 8_397_056;

export class Courier extends Double {
  cargo = []; // { raw, to, address }
  ccas = []; // { raw, address }
  full = false;

  static async start(tls, pair = 'courier') {
    const c = new Courier();
    Object.assign(c, await serveCargo(c, tls.pair(pair)));
    return c;
  }

  // The faults of deliverCargo are those of acknowledge, 'slow', and the names of gRPC status codes.
  deliverCargo(call) {
    let last = Promise.resolve();
    call.on('data', (d) => { last = last.then(() => this.#take(call, d)); });
    call.on('end', () => last.then(() => call.end()));
    call.on('cancelled', () => this.emit('cancelled'));
    call.on('error', () => {});
  }

  async #take(call, { id, cargo }) {
    const fault = this.fault('deliverCargo');
    if (this.full) { refuse(call, 'RESOURCE_EXHAUSTED', 'the courier is full'); return; }
    try {
      const c = await Cargo.deserialize(bufferToArray(cargo));
      await c.validate();
      if (!c.recipient.internetAddress || cargo.length > maxMessage) throw new Error('not for an Internet gateway');
      this.cargo.push({ raw: cargo, to: c.recipient.id, address: c.recipient.internetAddress });
      this.emit('cargo', { raw: cargo });
    } catch (err) {
      this.emit('bad cargo', { message: err.message });
      refuse(call, 'INVALID_ARGUMENT', err.message);
      return;
    }
    if (fault === 'slow') await new Promise((resolve) => { setTimeout(resolve, 1500); });
    acknowledge(call, id, fault === 'slow' ? undefined : fault);
  }

  // The faults of collectCargo: 'garbage', 'twice', 'cut', 'hang' and the names of gRPC status codes.
  async collectCargo(call) {
    const fault = this.fault('collectCargo');
    call.on('error', () => {});
    call.on('cancelled', () => this.emit('cancelled'));
    const cca = await this.#readCCA(call.metadata);
    if (fault === 'hang') return;
    if (!cca) { call.end(); return; }
    this.ccas.push(cca);
    this.emit('cca', cca);
    const mine = this.cargo.filter((c) => c.to === cca.sender && !c.address);
    if (!mine.length && fault !== 'garbage') { call.end(); return; }
    this.#send(call, mine, fault);
  }

  #send(call, mine, fault) {
    const open = new Map();
    call.on('data', ({ id }) => {
      const c = open.get(id);
      open.delete(id);
      this.cargo = this.cargo.filter((x) => x !== c);
      this.emit('collected', { id, known: c !== undefined });
      if (!open.size) call.end();
    });
    for (const c of fault === 'twice' ? [...mine, ...mine] : mine) {
      const id = randomUUID();
      open.set(id, c);
      call.write({ id, cargo: c.raw });
      if (fault === 'cut') { call.destroy(); return; }
    }
    if (fault === 'garbage') { const id = randomUUID(); open.set(id, null); call.write({ id, cargo: randomBytes(300) }); }
    if (fault && !['garbage', 'twice'].includes(fault)) refuse(call, fault, 'ordered to fail');
  }

  async #readCCA(metadata) {
    const [, base64] = /^Relaynet-CCA (\S+)$/.exec(metadata.get('authorization')[0]) ?? [];
    try {
      const raw = Buffer.from(base64, 'base64');
      const cca = await CargoCollectionAuthorization.deserialize(bufferToArray(raw));
      await cca.validate();
      if (!cca.recipient.internetAddress) return null;
      return { raw, address: cca.recipient.internetAddress, sender: await cca.senderCertificate.calculateSubjectId() };
    } catch {
      return null;
    }
  }

  // travel brings all to the Internet gateways and their answers back: connect makes a client for an address.
  async travel(connect) {
    for (const address of new Set([...this.cargo, ...this.ccas].map((c) => c.address).filter(Boolean))) {
      const client = await connect(address);
      await this.#bring(client, address);
      for (const cca of this.ccas.filter((c) => c.address === address)) await this.#fetch(client, cca);
      client.close();
    }
  }

  async #bring(client, address) {
    const mine = this.cargo.filter((c) => c.address === address);
    if (!mine.length) return;
    for await (const at of client.deliverCargo(mine.map((c, i) => ({ localId: i, cargo: c.raw })))) {
      this.cargo = this.cargo.filter((c) => c !== mine[at]);
    }
  }

  async #fetch(client, cca) {
    this.ccas = this.ccas.filter((c) => c !== cca);
    for await (const raw of client.collectCargo(cca.raw)) {
      const { recipient } = await Cargo.deserialize(bufferToArray(raw));
      this.cargo.push({ raw, to: recipient.id });
    }
  }
}
