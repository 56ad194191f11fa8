import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import { changesSomething } from '../../../simulator/graphql/route.ts';
import { graphqlPlatform } from './graphql.ts';

const appName = 'query ($name: String!) { app(name: $name) { name } }';

describe('POST /graphql', () => {
  test('executes anonymous and named operations with aliases and variables', async () => {
    const { app, ask, call } = await graphqlPlatform();
    await app();
    expect(await ask('{ one: app(name: "shop") { name } two: app(name: "shop") { label: name } }')).toEqual({
      one: { name: 'shop' },
      two: { label: 'shop' },
    });
    // Variables that no operation names are no mistake.
    expect(await ask(appName, { name: 'shop', status: 'complete' })).toEqual({ app: { name: 'shop' } });
    const both = 'query A { app(name: "shop") { id } } query B { app(name: "shop") { name } }';
    const named = await call('POST', '/graphql', { query: both, operationName: 'B' });
    expect(named.body).toEqual({ data: { app: { name: 'shop' } } });
  });

  test('says what is wrong with a code, and 200', async () => {
    const { app, errors, world } = await graphqlPlatform();
    await app();
    expect(await errors(appName, { name: 'none' })).toMatchObject([
      { message: 'Could not find App "none"', path: ['app'], extensions: { code: 'NOT_FOUND' } },
    ]);
    expect(await errors('{ app(name: "shop") { colour } }')).toMatchObject([
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ]);
    expect(await errors('{ app(name: ')).toMatchObject([{ message: expect.stringContaining('Syntax Error') }]);
    const lock = 'mutation ($id: ID!) { lockApp(input: { appId: $id }) { lockId } }';
    expect(await errors(`${lock} query B { viewer { email } }`)).toHaveLength(1);
    world.apps.get('shop')?.secrets.byName.clear();
    const set = 'mutation { setSecrets(input: { appId: "shop", secrets: [{ key: "9", value: "x" }] }) { app { id } } }';
    expect(await errors(set)).toMatchObject([{ extensions: { code: 'UNPROCESSABLE' } }]);
  });

  test("another organization's app is not found, and its name is taken", async () => {
    const { app, errors, ask, world } = await graphqlPlatform();
    await app();
    world.addOrganization('other');
    const shop = world.apps.get('shop');
    if (shop !== undefined) shop.organization = world.addOrganization('other');
    expect(await errors(appName, { name: 'shop' })).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    expect(await ask('{ a: appNameAvailable(name: "shop") b: appNameAvailable(name: "free") }')).toEqual({
      a: false,
      b: true,
    });
    expect(await ask('{ apps { nodes { name } } }')).toEqual({ apps: { nodes: [] } });
  });

  test('wants a token, but for the schema', async () => {
    const { call } = await graphqlPlatform();
    const without = (query: string) => call('POST', '/graphql', { query }, { authorization: '' });
    for (const query of [
      '{ viewer { email } }',
      '{ __typename viewer { email } }',
      'nonsense {',
      'fragment F on App { id }',
    ]) {
      const { status, body } = await without(query);
      if (query === 'nonsense {') expect(body.errors).toHaveLength(1);
      else expect([status, body.errors[0].extensions.code]).toEqual([401, 'UNAUTHORIZED']);
    }
    const { status, body } = await without(getIntrospectionQuery());
    expect(status).toBe(200);
    expect(body.data.__schema.queryType.name).toBe('Queries');
  });

  test.each(['Bearer TOKEN', 'FlyV1 TOKEN', 'FlyV1 fm2_other,TOKEN', 'Bearer fm2_other,TOKEN,fo1_user'])(
    'takes the token of %s',
    async (form) => {
      const { call, simulator } = await graphqlPlatform();
      const authorization = form.replace('TOKEN', simulator.token);
      const { body } = await call('POST', '/graphql', { query: '{ viewer { email } }' }, { authorization });
      expect(body).toEqual({ data: { viewer: { email: 'simulator@tokens.fly.io' } } });
    },
  );

  test('a token that only reads changes nothing', async () => {
    const { app, call, world } = await graphqlPlatform();
    await app();
    world.grantToken('fm2_reader', { readOnly: true });
    const as = (query: string) => call('POST', '/graphql', { query }, { authorization: 'FlyV1 fm2_reader' });
    expect((await as('{ app(name: "shop") { name } }')).body).toEqual({ data: { app: { name: 'shop' } } });
    const { body } = await as('mutation { pauseApp(input: { appId: "shop" }) { app { status } } }');
    expect(body.errors[0].extensions.code).toBe('UNAUTHORIZED');
    expect(world.apps.get('shop')?.status).toBe('pending');
  });

  test('only mutations count as writes, faults strike both, and no limit holds them up', async () => {
    const { app, ask, call, world } = await graphqlPlatform({ rateLimits: true });
    await app();
    world.requests.length = 0;
    for (let nth = 0; nth < 20; nth++) await ask(appName, { name: 'shop' });
    expect(world.writes()).toEqual([]);
    await ask('mutation { lockApp(input: { appId: "shop" }) { lockId } }');
    expect(world.writes()).toMatchObject([{ template: 'POST /graphql', status: 200 }]);
    world.faults.add({ template: 'POST /graphql', fault: '503' });
    expect((await call('POST', '/graphql', { query: '{ viewer { email } }' })).status).toBe(503);
  });

  test.each([
    ['query { app }', false],
    ['{ app }', false],
    ['mutation { a }', true],
    ['\n  # words\n mutation M { a }', true],
    ['query mutation { a }', false],
  ])('%j changes something: %s', (query, changes) => {
    expect(changesSomething(JSON.stringify({ query, variables: { a: 'mutation' } }))).toBe(changes);
    expect(changesSomething(JSON.stringify({ operationName: 'x', query }))).toBe(changes);
  });
});

describe('lists', () => {
  test('come in pages', async () => {
    const { app, ask } = await graphqlPlatform();
    for (const name of ['a', 'b', 'c']) await app(name);
    const page = `query ($after: String) { apps(type: "container", first: 2, after: $after) {
      totalCount nodes { name } pageInfo { hasNextPage hasPreviousPage endCursor } } }`;
    const { apps: first } = await ask(page);
    expect(first).toMatchObject({ totalCount: 3, nodes: [{ name: 'a' }, { name: 'b' }] });
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const { apps: second } = await ask(page, { after: first.pageInfo.endCursor });
    expect(second).toMatchObject({ nodes: [{ name: 'c' }], pageInfo: { hasNextPage: false, hasPreviousPage: true } });
    const { apps: none } = await ask(page, { after: second.pageInfo.endCursor });
    expect(none).toMatchObject({ nodes: [], pageInfo: { hasNextPage: false, endCursor: null } });
  });
});
