import type { RequestContext } from '../http/request-context.ts';

/** How the fields of one GraphQL type are read off the record behind it; the rest are properties of the same name. */
export type Fields<Source> = Readonly<Record<string, (source: Source, args: never, call: RequestContext) => unknown>>;

/** By name of the type. */
export type TypeFields = Readonly<Record<string, Fields<never>>>;
