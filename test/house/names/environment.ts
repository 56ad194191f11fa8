/**
 * Environment variables that FlyCD reads, and those that it hands to git, flyctl and machines. One frozen Env goes
 * through the code (test/house/house.test.ts), and which names are asked of it stands nowhere but in the code: so every
 * name in capitals counts, until it is said below that it is none.
 */
import { startSimulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { sourcesIn } from './declarations.ts';

/** In capitals, and no variables. */
const others = /^(?:SQLITE_\w+|MULTIPLE_DOCS|PATH_MAX|QUOTE_DOUBLE|SHOP_NAME|FETCH_HEAD)$/;

/** `FLY_ORG` as a text, `GIT_CONFIG_KEY_${…}`, `NO_COLOR: …` in an object. */
const withUnderscore = [
  /['"`]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+_?|[A-Z]+_)(?:['"`]|\$\{)/g,
  /(?<![\w.'"`])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+): /g,
];
/** One word in capitals may be a column's title: it counts where it is asked for, and where everybody knows it. */
const wellKnown = [/'(HOME|LOGNAME|PATH|TERM|USER|TZ|LANG|SHELL|EDITOR|PAGER|TMPDIR|HOSTNAME|CI)'/g];
/** `variable(io.env, 'FLY_ORG')`, `env['TERM']`, `environment['PATH']`. */
const asked = [/\bvariable\([^,()]+, '(\w+)'\)/g, /\b(?:env|environment)\??\.?\['(\w+)'\]/g];

function namesBy(patterns: readonly RegExp[], text: string): readonly string[] {
  return patterns
    .flatMap((pattern) => [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []))
    .filter((name) => !others.test(name));
}

async function printedBySimulator(): Promise<readonly string[]> {
  const simulator = await startSimulator({ clock: new IdleClock() });
  try {
    return Object.keys(simulator.environment);
  } finally {
    await simulator.close();
  }
}

export async function environmentNames(): Promise<Readonly<Record<string, readonly string[]>>> {
  const text = sourcesIn('src', 'controllers').join('\n');
  return {
    'asked for one by one': namesBy(asked, text),
    'named anywhere in src and controllers': namesBy([...withUnderscore, ...wellKnown, ...asked], text),
    'printed by flycd simulator': await printedBySimulator(),
  };
}
