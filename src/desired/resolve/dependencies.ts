/** `depends_on` across the fleet: names that no app has, and apps that wait for each other in a circle. */
import { nearest } from '../../flyconfig/reading/spelling.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Finding } from '../documents/finding.ts';
import type { Result } from './resolve-app.ts';
import { placed } from './app-config.ts';

export interface DependenciesRequest {
  readonly results: readonly Result[];
  /** Of every app whose name could be read, invalid ones too. */
  readonly names: readonly string[];
  /** false: a part of the fleet was not read, so that a name may stand there. */
  readonly isWhole: boolean;
}

export interface Tangled {
  /** Apps that can never be released as their files stand. */
  readonly names: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

export function checkDependencies(request: DependenciesRequest): Tangled {
  const { results } = request;
  const edges = new Map(results.flatMap(({ app }) => (app === undefined ? [] : [[app.name, app.dependsOn ?? []]])));
  const known = new Set(request.names);
  const names = new Set<string>();
  const problems: Problem[] = [];
  for (const { app, sketch } of results) {
    const findings = (app?.dependsOn ?? []).flatMap((name, index): readonly Finding[] => {
      const why = known.has(name) ? circleOf(edges, app?.name ?? '', name) : unknownName(request, name, app?.name);
      return why === undefined ? [] : [{ severity: 'error', path: ['depends_on', index], part: 'value', ...why }];
    });
    if (app === undefined || findings.length === 0) continue;
    names.add(app.name);
    problems.push(...placed(sketch, findings, app.name));
  }
  return { names, problems };
}

type Words = Pick<Finding, 'message' | 'hint'>;

function unknownName(request: DependenciesRequest, name: string, app: string | undefined): Words | undefined {
  if (!request.isWhole) return undefined;
  const others = request.names.filter((other) => other !== app);
  const meant = nearest(name, others);
  const hint = meant === undefined ? 'it has to be an app of this config repo' : `did you mean ${meant}?`;
  return { message: `no app of this fleet is called ${name}`, hint };
}

/** The way from an app over one of its dependencies back to itself. */
function circleOf(edges: ReadonlyMap<string, readonly string[]>, app: string, first: string): Words | undefined {
  const from = new Map<string, string>([[first, app]]);
  const queue = [first];
  for (const name of queue) {
    if (name === app) break;
    for (const next of edges.get(name) ?? []) {
      if (from.has(next)) continue;
      from.set(next, name);
      queue.push(next);
    }
  }
  if (!from.has(app)) return undefined;
  const way = [app];
  for (let name = from.get(app); name !== undefined && name !== app; name = from.get(name)) way.unshift(name);
  way.unshift(app);
  return { message: `they wait for each other: ${way.join(' → ')}`, hint: 'take one of them out' };
}
