import { AllowSecrets } from '../../../schemas/settings.ts';
import { Fault } from '../../model/base/fault.ts';
import { variable, type Io } from '../shell/io.ts';
import type { OperatorSettings } from './settings.ts';

/**
 * What the operator lets projects with a git source read of the environment: by flycd.yaml, and by FLYCD_ALLOW_SECRETS, which
 * says the same in one line, `shop=SHOP_*,STRIPE_KEY;blog=BLOG_TOKEN`. Throws a stalled Fault where that line is none.
 */
export function operatorAllowsSecrets(io: Pick<Io, 'env'>, { written }: OperatorSettings): readonly AllowSecrets[] {
  const line = variable(io.env, 'FLYCD_ALLOW_SECRETS');
  const parts = (line ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return [written.allow_secrets ?? {}, ...parts.map((part, index) => parsed(part, `entry ${index + 1}`))];
}

/** The text itself is not said: where somebody wrote a variable with its value, it is a secret. */
function parsed(part: string, which: string): AllowSecrets {
  const [project = '', names = '', ...more] = part.split('=');
  const written = { [project.trim()]: names.split(',').map((one) => one.trim()) };
  const { data } = AllowSecrets.safeParse(written);
  if (data !== undefined && more.length === 0) return data;
  throw new Fault({
    kind: 'stalled',
    what: 'FLYCD_ALLOW_SECRETS could not be read',
    why: `${which} is not a project’s name, one =, and names of variables or how they begin (SHOP_*), with commas between`,
    next: "write it as in FLYCD_ALLOW_SECRETS='shop=SHOP_*,STRIPE_KEY;blog=BLOG_TOKEN'",
  });
}
