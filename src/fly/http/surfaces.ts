/** The addresses of Fly's interfaces. */
import { Fault } from '../../model/base/fault.ts';

/**
 * machines: the Machines API, published and with documented limits. web: what the dashboard and flyctl use beside it
 * (flyctl calls it ui-ex), without a published description or limits: nothing that has to work may depend on it.
 */
export type Surface = 'machines' | 'web';

const settings: Readonly<Record<Surface, { readonly name: string; readonly next: string }>> = {
  machines: {
    name: 'Machines API',
    next: 'Set FLY_FLAPS_BASE_URL to an address like https://api.machines.dev, or leave it out.',
  },
  web: { name: 'web API', next: 'Set FLY_UIEX_BASE_URL to an address like https://api.fly.io, or leave it out.' },
};

/** Throws a stalled Fault for an address that cannot be used. */
export function baseOf(surface: Surface, baseUrl: string): URL {
  const { name, next } = settings[surface];
  const refuse = (why: string): Fault =>
    new Fault({ kind: 'stalled', what: `The address of Fly's ${name} cannot be used`, why, next });
  const url = URL.parse(baseUrl);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw refuse('it is not an http or https URL');
  if (url.username !== '' || url.password !== '') throw refuse('it holds a user name or password');
  return url;
}

/** The same address with so much more path. */
export function below(base: URL, path: string): URL {
  return new URL(`${base.pathname.replace(/\/+$/, '')}${path}`, base);
}
