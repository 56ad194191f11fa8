/** Volumes, secrets and addresses of an app. */
import type { Owned } from '../../../schemas/app.ts';
import type { MappedGroup } from '../../flyconfig/machine.ts';
import { strangeRegion } from '../../flyconfig/reading/regions.ts';
import type { DesiredNetwork, DesiredSecret, DesiredVolume } from '../../model/desired.ts';
import { isObject, type JsonObject } from '../../model/base/json.ts';
import { SecretValue } from '../../model/base/secret-value.ts';
import type { FindingList } from '../documents/finding.ts';

/** flyctl's size of a volume nobody gives one. */
const sizeGbDefault = 1;

/** A mount makes its volumes; an entry adds a size and a number, and stands alone where nothing mounts it. */
export function desiredVolumes(
  owned: Owned,
  mapped: readonly MappedGroup[],
  findings: FindingList,
): readonly DesiredVolume[] {
  const entries = new Map<
    string,
    { readonly size: number | undefined; readonly count: number; readonly index: number }
  >();
  for (const [index, { name, size_gb: size, count = 0 }] of (owned.volumes ?? []).entries()) {
    const twin = entries.get(name);
    if (twin !== undefined)
      findings.warning(['volumes', index], `${name} has two entries: the larger size and number count`);
    const sizes = [size, twin?.size].filter((known) => known !== undefined);
    entries.set(name, {
      size: sizes.length === 0 ? undefined : Math.max(...sizes),
      count: Math.max(count, twin?.count ?? 0),
      index: twin?.index ?? index,
    });
  }
  const mounted = mapped.flatMap(({ name: group, mount }): readonly DesiredVolume[] => {
    if (mount === undefined) return [];
    const entry = entries.get(mount.volume);
    const { initialSizeGb, snapshotRetentionDays, scheduledSnapshots } = mount;
    const sizeGb = entry?.size ?? initialSizeGb ?? sizeGbDefault;
    return [{ name: mount.volume, sizeGb, count: entry?.count ?? 0, group, snapshotRetentionDays, scheduledSnapshots }];
  });
  const names = new Set(mounted.map(({ name }) => name));
  const alone = [...entries].flatMap(([name, { size, count, index }]): readonly DesiredVolume[] => {
    if (names.has(name)) return [];
    findings.warning(
      ['volumes', index, 'name'],
      `no mount uses the volume ${name}; it is created all the same`,
      'mounts[].source names it',
    );
    const sizeGb = size ?? sizeGbDefault;
    return [
      {
        name,
        sizeGb,
        count: Math.max(1, count),
        group: undefined,
        snapshotRetentionDays: undefined,
        scheduledSnapshots: undefined,
      },
    ];
  });
  return [...mounted, ...alone];
}

export interface Secrets {
  readonly secrets: readonly DesiredSecret[];
  /** By name, for type raw. */
  readonly raw: ReadonlyMap<string, SecretValue>;
}

/**
 * What FlyCD itself is trusted with. Whoever may write a config file must not be able to hand it to an app by naming it:
 * a folder of a shared repo would reach the whole organization.
 */
const ownCredentials = /^(?:FLYCD_.*|FLY_API_TOKEN|FLY_ACCESS_TOKEN|FLY_SSH_PRIVATE_KEY.*|GITHUB_TOKEN)$/;

/** Of two entries with one name the later counts: v0 set them in order. */
export function desiredSecrets(owned: Owned, fly: JsonObject, findings: FindingList): Secrets {
  const { env } = fly;
  const secrets = new Map<string, DesiredSecret>();
  const raw = new Map<string, SecretValue>();
  for (const [index, entry] of (owned.secrets ?? []).entries()) {
    const { name } = entry;
    if (secrets.has(name))
      findings.warning(['secrets', index, 'name'], `${name} has two entries: the later one counts`);
    if (isObject(env) && Object.hasOwn(env, name)) {
      findings.warning(['secrets', index, 'name'], `env has ${name} too: the secret beats it`, 'keep one of the two');
    }
    raw.delete(name);
    if (entry.type === 'raw') raw.set(name, new SecretValue(entry.raw ?? ''));
    const origin =
      entry.type === 'raw' ? ({ type: 'raw' } as const) : { type: 'env' as const, variable: entry.env ?? name };
    if (origin.type === 'env' && ownCredentials.test(origin.variable)) {
      const hint = `where FlyCD runs, set a variable of the app's own, such as ${name}_FOR_APP, and name that`;
      findings.error(['secrets', index, 'env'], `${origin.variable} is a credential of FlyCD itself`, hint);
    }
    secrets.set(name, { name, origin });
  }
  return { secrets: [...secrets.values()], raw };
}

export function desiredNetwork(owned: Owned, findings: FindingList): DesiredNetwork {
  const { ips, auto_prune_ips: autoPruneIps = false } = owned.network ?? {};
  for (const [index, { region = '' }] of (ips ?? []).entries()) {
    const strange = strangeRegion(region);
    if (strange !== undefined) findings.warning(['network', 'ips', index, 'region'], strange.message, strange.hint);
  }
  if (autoPruneIps && ips === undefined) {
    const message = 'releases nothing while ips lists nothing: FlyCD 0.x would have released every address';
    findings.warning(
      ['network', 'auto_prune_ips'],
      message,
      'write ips: [] if that is meant, else the addresses that stay',
    );
  }
  return {
    ips: ips?.map((ip) => ({
      version: ip.v,
      shared: ip.shared ?? false,
      private: ip.private ?? false,
      region: ip.region,
      network: ip.network,
      org: ip.org,
    })),
    autoPruneIps,
  };
}
