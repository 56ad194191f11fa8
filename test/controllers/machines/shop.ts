/** One app with a version in its image's name, for what becomes of a version on its machines. */
import { hash } from 'node:crypto';
import type { Arena, Files } from '../arena.ts';

export interface Shop {
  readonly image?: string;
  readonly count?: number;
  /** Sections beside the usual ones. */
  readonly more?: string;
  /** Fields of `deploy`. */
  readonly deploy?: string;
  readonly wait?: string;
  /** '': nobody is served, and nothing checked. */
  readonly service?: string;
}

export const service = `http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
      grace_period: 1s
`;

export function shop(written: Shop = {}): Files {
  const { image = 'shop:1', count = 2, more = '', deploy = '', wait = '30s', service: served = service } = written;
  return {
    'flycd.yaml': 'fleet: field\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
machines:
  count: ${count}
deploy:
  wait_timeout: ${wait}
${deploy}${served}${more}`,
  };
}

export function machinesOf({ simulator }: Arena, app = 'shop') {
  const all = [...(simulator.world.apps.get(app)?.machines.values() ?? [])];
  return all.filter(({ state, name }) => state !== 'destroyed' && !name.startsWith('release-'));
}

export function imagesOf(world: Arena, app = 'shop'): readonly (string | undefined)[] {
  return machinesOf(world, app).map(({ config }) => /acme\/([^@]+)/.exec(config.image ?? '')?.[1]);
}

/** What its machines say under one key, where they say something. */
export function stampsOf(world: Arena, key: string): readonly string[] {
  return machinesOf(world).flatMap(({ config }) => config.metadata?.[key] ?? []);
}

export async function sync(world: Arena, ...more: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...more]);
  return { code, said: stderr + stdout };
}
