/**
 * `@distilled.cloud/fly-io`, an independent client of Fly's API, pointed at a simulator. It believes what it receives,
 * so each answer is held here against the schema of its operation: every field known, of the type it should have.
 */
import * as fly from '@distilled.cloud/fly-io';
import { Effect, Layer, Schema } from 'effect';
import * as FetchHttpClient from 'effect/unstable/http/FetchHttpClient';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { platform, type Platform } from '../simulator/platform.ts';

/** As the client exports them. */
type Operation<Input, Output, Failure> = (input: Input) => Effect.Effect<Output, Failure, fly.FlyIoOpContext>;

export interface Departure {
  /** `service.operation` */
  readonly operation: string;
  /** Of the field in the answer, without the places in lists: `config.init.cmd`. */
  readonly path: string;
  readonly problem: string;
}

export interface Client extends Platform {
  /** Fails when the platform refuses. */
  readonly ask: <Input, Output, Failure>(
    operation: Operation<Input, Output, Failure>,
    input: Input,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Output>;
  /** What the client makes of a refusal. Fails when there is none. */
  readonly refused: <Input, Output, Failure>(
    operation: Operation<Input, Output, Failure>,
    input: Input,
  ) => Promise<Failure>;
  /** Names of the operations that were answered. */
  readonly answered: ReadonlySet<string>;
  /** Where those answers are not as the client's schemas have them. */
  readonly departures: readonly Departure[];
}

export async function client(options: Partial<SimulatorOptions> = {}): Promise<Client> {
  const box = await platform(options);
  const { clock, simulator } = box;
  const answered = new Set<string>();
  const departures: Departure[] = [];

  /** `send` is a fetch of our own, so that the answer can be seen as it came. */
  function run<Output, Failure>(effect: Effect.Effect<Output, Failure, fly.FlyIoOpContext>, send: typeof fetch) {
    const layers = Layer.mergeAll(
      FetchHttpClient.layer,
      Layer.succeed(FetchHttpClient.Fetch, send),
      fly.credentials({ apiKey: simulator.token, apiBaseUrl: simulator.url }),
    );
    return clock.busy(() => Effect.runPromise(effect.pipe(fly.Retry.none, Effect.provide(layers))));
  }

  return {
    ...box,
    answered,
    departures,
    async ask(operation, input, headers = {}) {
      let text = '';
      const answer = await run(operation(input), async (url, init) => {
        const sent = new Headers(init?.headers);
        for (const [name, value] of Object.entries(headers)) sent.set(name, value);
        const response = await fetch(url, { ...init, headers: sent });
        text = await response.clone().text();
        return response;
      });
      const name = nameOf(operation);
      answered.add(name);
      departures.push(...departuresOf(name, operation, text === '' ? {} : JSON.parse(text)));
      return answer;
    },
    refused: (operation, input) => run(Effect.flip(operation(input)), fetch),
  };
}

function departuresOf(name: string, operation: object, body: unknown): readonly Departure[] {
  const options = { errors: 'all', onExcessProperty: 'error' } as const;
  const schema = Schema.toStandardSchemaV1(outputOf(operation), { parseOptions: options });
  const result = schema['~standard'].validate(body);
  if (result instanceof Promise) throw new Error(`${name}: its schema asks for something asynchronous`);
  return (result.issues ?? []).map(({ message, path = [] }) => ({
    operation: name,
    path: path
      .map((part) => (typeof part === 'object' ? part.key : part))
      .filter((key) => typeof key === 'string')
      .join('.'),
    problem: message,
  }));
}

/** Each operation carries its schemas. */
function outputOf(operation: object): Schema.Codec<unknown> {
  if ('output' in operation && isCodec(operation.output)) return operation.output;
  throw new Error('an operation without a schema of its output');
}

const isCodec = (value: unknown): value is Schema.Codec<unknown> => Schema.isSchema(value);

const all: ReadonlyMap<unknown, string> = new Map(
  Object.entries(fly).flatMap(([service, members]) =>
    typeof members !== 'object'
      ? []
      : Object.entries(members)
          .filter(([, member]) => typeof member === 'function' && 'operationName' in member)
          .map(([name, member]) => [member, `${service}.${name}`] as const),
  ),
);

function nameOf(operation: object): string {
  const name = all.get(operation);
  if (name === undefined) throw new Error('no operation that the client exports');
  return name;
}

/** Names of all operations the client exports: `machines.getApp`. */
export const operations: readonly string[] = [...all.values()].sort();

export type Exercise = (client: Client) => Promise<void>;
