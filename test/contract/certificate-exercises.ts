import { machines } from '@distilled.cloud/fly-io';
import { expect } from 'vitest';
import type { Client, Exercise } from './client.ts';

const shop = { app_name: 'shop' } as const;
const hostname = 'www.example.com';
const named = { ...shop, hostname };
const custom = {
  ...named,
  fullchain: '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
  private_key: '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n',
};

async function asked(client: Client): Promise<void> {
  await client.app();
  await client.call('POST', '/apps/shop/ip_assignments', { type: 'v4' });
  await client.ask(machines.createAppAcmeCertificate, named);
}

/** As asked for, with its DNS set up and issued. */
async function issued(client: Client): Promise<void> {
  await asked(client);
  const { dns_requirements: needed } = await client.ask(machines.getAppCertificate, named);
  await client.call('POST', '/_simulator/dns', { name: hostname, values: needed?.a });
  await client.clock.sleep(10_000);
}

const held = (client: Client) => client.world.apps.get('shop')?.certificates.get(hostname);

export const certificateExercises: Readonly<Record<string, Exercise>> = {
  async createAppAcmeCertificate(client) {
    await client.app();
    const made = await client.ask(machines.createAppAcmeCertificate, named);
    expect(made).toMatchObject({ hostname, status: 'pending_validation', acme_requested: true, configured: false });
    expect(made.validation_errors).toHaveLength(1);
  },
  async createAppCustomCertificate(client) {
    await client.app();
    const made = await client.ask(machines.createAppCustomCertificate, custom);
    expect(made.certificates).toMatchObject([{ source: 'custom', issued: [{ type: 'rsa' }] }]);
  },
  async getAppCertificate(client) {
    await issued(client);
    const read = await client.ask(machines.getAppCertificate, named);
    expect(read).toMatchObject({ status: 'active', configured: true, validation: { http_configured: true } });
    expect(read.certificates?.[0]?.issued?.map(({ type }) => type)).toEqual(['rsa', 'ecdsa']);
  },
  async listAppCertificates(client) {
    await issued(client);
    await client.ask(machines.createAppAcmeCertificate, { ...shop, hostname: '*.example.com' });
    const first = await client.ask(machines.listAppCertificates, { ...shop, limit: 1 });
    expect(first).toMatchObject({ certificates: [{ hostname: '*.example.com' }], total_count: 2 });
    const cursor = first.next_cursor ?? '';
    const rest = await client.ask(machines.listAppCertificates, { ...shop, limit: 1, cursor });
    expect(rest.certificates).toMatchObject([{ hostname, status: 'active', has_fly_certificate: true }]);
  },
  async checkAppCertificate(client) {
    await issued(client);
    const checked = await client.ask(machines.checkAppCertificate, named);
    expect(checked.dns_records?.a).toEqual(checked.dns_requirements?.a);
    await client.call('POST', '/_simulator/dns', { name: hostname, values: ['203.0.113.1', '2001:db8::1'] });
    const moved = await client.ask(machines.checkAppCertificate, named);
    expect(moved.dns_records).toMatchObject({ a: ['203.0.113.1'], aaaa: ['2001:db8::1'] });
  },
  async deleteAppAcmeCertificate(client) {
    await issued(client);
    expect(await client.ask(machines.deleteAppAcmeCertificate, named)).toMatchObject({ acme_requested: false });
    expect(held(client)).toMatchObject({ acmeRequested: false, issuedAt: undefined });
  },
  async deleteAppCustomCertificate(client) {
    await client.app();
    await client.ask(machines.createAppCustomCertificate, custom);
    const left = await client.ask(machines.deleteAppCustomCertificate, named);
    expect(left.warning).toContain(hostname);
    expect(held(client)?.customSince).toBeUndefined();
  },
  async deleteAppCertificate(client) {
    await asked(client);
    await client.ask(machines.deleteAppCertificate, named);
    expect(held(client)).toBeUndefined();
  },
};
