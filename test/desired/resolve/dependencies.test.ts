import { expect, test } from 'vitest';
import { load } from '../loading.ts';

function app(name: string, dependsOn: readonly string[] = []): string {
  const list = dependsOn.length === 0 ? '' : `depends_on: [${dependsOn.join(', ')}]\n`;
  return `app: ${name}\nprimary_region: arn\nbuild: { image: nginx }\n${list}`;
}

async function loaded(files: Readonly<Record<string, string>>, path = '') {
  const fleet = await load(files, { path });
  return {
    apps: fleet.apps.map(({ name, dependsOn }) => [name, ...(dependsOn ?? [])].join(' ')),
    invalid: fleet.invalid.map(({ name }) => name),
    errors: fleet.problems
      .filter(({ severity }) => severity === 'error')
      .map(({ file, line, column, message, hint }) => `${file}:${line}:${column}: ${message} (${hint ?? ''})`),
  };
}

test('apps wait for others, whichever order their folders have', async () => {
  const found = await loaded({
    'a/app.yaml': app('web', ['api', 'cache']),
    'b/app.yaml': app('api', ['db']),
    'c/app.yaml': app('db'),
    'd/app.yaml': app('cache'),
  });
  expect(found).toEqual({ apps: ['api db', 'cache', 'db', 'web api cache'], invalid: [], errors: [] });
});

test('a circle is told at each of its apps with the way round; who only waits for one of them is fine', async () => {
  const found = await loaded({
    'a/app.yaml': app('a', ['b']),
    'b/app.yaml': app('b', ['c']),
    'c/app.yaml': app('c', ['a']),
    'd/app.yaml': app('d', ['a']),
  });
  expect(found.apps).toEqual(['d a']);
  expect(new Set(found.invalid)).toEqual(new Set(['a', 'b', 'c']));
  expect(found.errors).toEqual([
    'a/app.yaml:4:14: they wait for each other: a → b → c → a (take one of them out)',
    'b/app.yaml:4:14: they wait for each other: b → c → a → b (take one of them out)',
    'c/app.yaml:4:14: they wait for each other: c → a → b → c (take one of them out)',
  ]);
});

test('a name that no app has is told with the one that was meant', async () => {
  const found = await loaded({ 'a/app.yaml': app('web', ['databse']), 'b/app.yaml': app('database') });
  expect(found.errors).toEqual(['a/app.yaml:4:14: no app of this fleet is called databse (did you mean database?)']);
});

test('where a part of the fleet is not shown or not read, nobody can say that a name is wrong', async () => {
  const files = { 'a/app.yaml': app('web', ['db']), 'b/app.yaml': app('db') };
  expect((await loaded(files, 'a/app.yaml')).apps).toEqual(['web db']);
  const broken = { 'a/app.yaml': app('web', ['db']), 'x/app.yaml': 'app: [' };
  expect((await loaded(broken)).apps).toEqual(['web db']);
});

test('an app that is invalid can be waited for', async () => {
  const found = await loaded({ 'a/app.yaml': app('web', ['db']), 'b/app.yaml': `${app('db')}services: 1\n` });
  expect(found.apps).toEqual(['web db']);
  expect(found.invalid).toEqual(['db']);
});
