import { createHash } from 'node:crypto';

/** A folder's id. git sorts by bytes, folders as if their names ended in a slash. */
export function treeId(children: readonly Child[], algorithm: string): string {
  const keyed = children.map((child) => ({
    key: Buffer.from(child.mode === '40000' ? `${child.name}/` : child.name),
    line: Buffer.concat([Buffer.from(`${child.mode} ${child.name}\0`), Buffer.from(child.id, 'hex')]),
  }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return objectId('tree', Buffer.concat(keyed.map(({ line }) => line)), algorithm);
}

/** git's name for an object: a hash over its type, length and bytes. */
export function objectId(type: 'blob' | 'tree', content: Uint8Array, algorithm: string): string {
  return createHash(algorithm).update(`${type} ${content.length}\0`).update(content).digest('hex');
}

/** A line of a folder as git hashes it. */
export interface Child {
  readonly name: string;
  /** git's, without leading zeros. */
  readonly mode: string;
  readonly id: string;
}
