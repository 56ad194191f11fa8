import type { Route } from './request-context.ts';

interface Node {
  readonly literals: Map<string, Node>;
  parameter: { readonly name: string; readonly node: Node } | undefined;
  /** By method. */
  readonly routes: Map<string, Route>;
}

export interface Match {
  /** undefined: the path is known, the method is not. */
  readonly route: Route | undefined;
  readonly params: Readonly<Record<string, string>>;
}

export interface Router {
  /** `path` without prefix and query, percent-encoded as received; undefined: no such path. */
  match(method: string, path: string): Match | undefined;
}

/** Compiles templates into a tree of segments, so that a request costs its own length. */
export function compiledRouter(routes: readonly Route[]): Router {
  const root = emptyNode();
  for (const route of routes) {
    const [method = '', template = ''] = route.operation.split(' ');
    let node = root;
    for (const segment of segments(template)) node = childOf(node, segment);
    node.routes.set(method, route);
  }
  return {
    match(method, path) {
      const params: Record<string, string> = {};
      let node: Node | undefined = root;
      for (const segment of segments(path)) {
        const literal: Node | undefined = node.literals.get(segment);
        if (literal === undefined && node.parameter !== undefined) {
          const value = decoded(segment);
          if (value === undefined) return undefined;
          params[node.parameter.name] = value;
        }
        node = literal ?? node.parameter?.node;
        if (node === undefined) return undefined;
      }
      return node.routes.size === 0 ? undefined : { route: node.routes.get(method), params };
    },
  };
}

function childOf(node: Node, segment: string): Node {
  if (segment.startsWith('{')) {
    node.parameter ??= { name: segment.slice(1, -1), node: emptyNode() };
    return node.parameter.node;
  }
  const known = node.literals.get(segment) ?? emptyNode();
  node.literals.set(segment, known);
  return known;
}

const emptyNode = (): Node => ({ literals: new Map(), parameter: undefined, routes: new Map() });
const segments = (path: string): readonly string[] => path.split('/').filter((segment) => segment !== '');

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
