import type { Route } from '../http/request-context.ts';

/** The library is loaded when the first request asks for it: whoever never does is not made to wait for it. */
export const graphqlRoutes: readonly Route[] = [
  {
    operation: 'POST /graphql',
    // The schema is open to everybody.
    anonymous: true,
    async handle(call) {
      const { answerGraphql } = await import('./execution.ts');
      return answerGraphql(call);
    },
  },
];

/** Whether a request's body asks to change something: as Fly's own client tells, by the first word of its document. */
export function changesSomething(body: string): boolean {
  const document = /"query"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? '';
  return /^(?:\s|\\[nrt]|,|#.*?(?:\\n|$))*mutation\b/.test(document);
}
