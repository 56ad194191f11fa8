import { platform, type Answer, type Platform } from '../platform.ts';
import type { SimulatorOptions } from '../../../simulator/simulator.ts';

export interface GraphqlPlatform extends Platform {
  /** POST /graphql; the data where nothing went wrong, otherwise it throws. */
  readonly ask: (query: string, variables?: Readonly<Record<string, unknown>>) => Promise<Answer['body']>;
  /** The errors of a request that went wrong with 200. */
  readonly errors: (query: string, variables?: Readonly<Record<string, unknown>>) => Promise<Answer['body']>;
}

export async function graphqlPlatform(options: Partial<SimulatorOptions> = {}): Promise<GraphqlPlatform> {
  const base = await platform(options);
  const post = (query: string, variables: unknown) => base.call('POST', '/graphql', { query, variables });
  return {
    ...base,
    async ask(query, variables) {
      const { status, body } = await post(query, variables);
      if (status !== 200 || body.errors !== undefined) throw new Error(`${status} ${JSON.stringify(body)}`);
      return body.data;
    },
    async errors(query, variables) {
      const { status, body } = await post(query, variables);
      if (status !== 200 || body.errors === undefined) throw new Error(`${status} ${JSON.stringify(body)}`);
      return body.errors;
    },
  };
}
