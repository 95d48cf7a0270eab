// Messages and signatures that Awala's library would not make.
import { createRequire } from 'node:module';
import { derSerializePrivateKey } from '@relaycorp/relaynet-core';

const require = createRequire(import.meta.url);
const lib = (path) => require(`@relaycorp/relaynet-core/build/main/lib/${path}.js`);
const inCore = createRequire(require.resolve('@relaycorp/relaynet-core'));
const asn1js = inCore('asn1js');
const { makeImplicitlyTaggedSequence: sequence, dateToASN1DateTimeInUTC: date } = lib('asn1');
const { SignedData } = lib('crypto/cms/signedData');
const { Signer } = lib('nodes/signatures/Signer');
const rsa = lib('crypto/rsaSigning');

const text = (value) => new asn1js.VisibleString({ value });
const octets = (b) => new asn1js.OctetString({ valueHex: b.buffer ? b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength) : b });

// ramf makes a RAMF message of any content. Options: type, version, to, address, id, created, ttl, payload, chain,
// signature (options of SignedData.sign), fields (the octets to sign, instead of all those).
export async function ramf(key, certificate, o = {}) {
  const to = o.address === undefined ? [text(o.to)] : [text(o.to), text(o.address)];
  const fields = o.fields ?? sequence(
    sequence(...to), text(o.id ?? 'an id'), date(o.created ?? new Date(Date.now() - 5000)),
    new asn1js.Integer({ value: o.ttl ?? 3600 }), octets(o.payload ?? Buffer.from('payload')),
  ).toBER();
  const signed = await SignedData.sign(fields, key, certificate, o.chain ?? [], o.signature ?? {});
  return Buffer.concat([Buffer.from('Awala'), Buffer.from([o.type ?? 0x50, o.version ?? 0]), Buffer.from(signed.serialize())]);
}

// pkcs1 is the same private key, which signs with PKCS #1 v1.5.
export async function pkcs1(key) {
  const { subtle } = new (inCore('@peculiar/webcrypto').Crypto)();
  const der = await derSerializePrivateKey(key);
  return subtle.importKey('pkcs8', der, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['sign']);
}

// SignerFor makes countersignatures for any purpose.
export class SignerFor extends Signer {
  constructor(oid, certificate, key) {
    super(certificate, key);
    this.oid = oid;
  }
}

// enclosed makes a countersignature with its content inside.
export async function enclosed(plaintext, key, certificate) {
  return Buffer.from((await SignedData.sign(plaintext, key, certificate)).serialize());
}

// pnrr makes a registration request of any parts.
export async function pnrr(spki, pnra, key, oid = '1.3.6.1.4.1.58708.0.2.1') {
  const plaintext = sequence(new asn1js.ObjectIdentifier({ value: oid }), octets(pnra)).toBER();
  const signature = await rsa.sign(plaintext, key);
  return Buffer.from(sequence(octets(spki), octets(pnra), octets(signature)).toBER());
}
